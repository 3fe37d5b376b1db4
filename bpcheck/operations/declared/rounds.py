"""How each simple operation of torch rounds, by its name: what Monte Carlo arithmetic perturbs."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Rounded once, as IEEE arithmetic asks for.
ARITHMETIC = _names(
    "add sub mul div rsub sqrt reciprocal square addcmul addcdiv lerp fmod remainder"
    " true_divide add_ sub_ mul_ div_ hypot"
)

#: Elementary functions: a library is right to a few units in the last place.
ELEMENTARY = _names(
    "exp exp2 expm1 log log2 log10 log1p erf erfc erfinv tanh sigmoid rsqrt pow sin cos tan"
    " asin acos atan atan2 sinh cosh asinh acosh atanh lgamma digamma logaddexp"
    " log_sigmoid_forward xlogy special_erfcx"
)

#: Sums, each with what is needed to know its terms; see `sums`.
SUMS = _names("sum mean cumsum mm bmm addmm baddbmm mv dot addmv var matmul prod cumprod")

#: Sums of products or of numbers, which another formula may add up otherwise.
PLAIN_SUMS = _names("sum mean mm bmm addmm baddbmm mv dot addmv matmul")

#: How many of the first arguments are factors of the result.
FACTORS: MappingProxyType[str, int] = MappingProxyType(
    {"mul": 2, "div": 1, "true_divide": 1, "neg": 1}
)

#: Parts of a sum of exponentials, which some kernels have by its logarithm.
PARTS = _names("softmax _softmax log_softmax _log_softmax")

#: Moves, selects or compares numbers, and rounds nothing; the last of them are primitives that
#: torch takes its operations apart into.
MOVES = _names(
    "view _unsafe_view reshape expand permute transpose t unsqueeze squeeze select slice"
    " clone detach alias contiguous copy copy_ cat stack split split_with_sizes unbind flip"
    " roll repeat where masked_fill index gather scatter index_select embedding select_scatter"
    " slice_scatter maximum minimum max min amax amin argmax argmin topk sort clamp clamp_min"
    " clamp_max relu abs neg sign sgn eq ne lt le gt ge logical_and logical_or logical_not"
    " bitwise_and bitwise_or bitwise_not isnan isinf isfinite floor ceil round trunc zeros"
    " ones full empty zeros_like ones_like full_like empty_like new_zeros new_ones new_empty"
    " new_full scalar_tensor arange tril triu as_strided _to_copy to lift_fresh fill fill_"
    " zero_ empty_strided constant_pad_nd broadcast_tensors any all _local_scalar_dense"
    " diagonal narrow unfold pixel_shuffle pixel_unshuffle new_empty_strided nonzero set_"
    " resize_ threshold unsafe_split broadcast_in_dim view_of collapse_view split_dim iota"
    " convert_element_type device_put bitwise_xor rev concatenate"
)

#: How the names of operations begin that share by the place between neighbours, which they compute.
BY_PLACE = ("upsample_", "_upsample_")

#: And of those that are given the places.
BY_GIVEN_PLACE = ("grid_sampler_",)

#: By how many units in the last place a result may be off, where it is no sum.
UNITS: MappingProxyType[str, float] = MappingProxyType(
    {
        **dict.fromkeys(ARITHMETIC, 1.0),
        **dict.fromkeys(ELEMENTARY, 4.0),
        **dict.fromkeys(MOVES, 0.0),
    }
)


def name_of(operation: Any) -> str:
    """The name of an operation without its overload: ``"mul"``."""
    name: str = operation._schema.name  # noqa: SLF001 - torch names its operations nowhere else
    return name.partition("::")[2]


def only_moves(operation: Any) -> bool:
    """Whether it gives the numbers that it takes, or compares them."""
    return UNITS.get(name_of(operation)) == 0.0


def adds_up(operation: Any) -> bool:
    """Whether its results are sums."""
    return name_of(operation) in PLAIN_SUMS


def is_known(operation: Any) -> bool:
    """Whether an operation of torch is simple, so that it need not be taken apart."""
    name = name_of(operation)
    return name in UNITS or name in SUMS or name in PARTS
