"""Sums as some accumulator takes them: what each precision and order of summation would measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, Format

#: Products emulated for each length and data kind; the seed that they are drawn with.
_WORK, _SEED = 2**16, 0

#: Fewest sums of one length.
_FEWEST = 8

#: Lanes of a vectorised sum, and terms of a cache block: the two ways in which kernels block.
_LANES, _BLOCK = 16, 256


@dataclass(frozen=True, slots=True)
class Accumulator:
    """A way to sum.

    Parameters
    ----------
    precision
        As reports call it: ``"float32"``, ``"TF32 inputs"``.
    order
        ``"naive"``, ``"blocked"`` or ``"pairwise"``.
    partial
        NumPy's name of the dtype that partial sums are kept in.
    inputs
        Significand bits that the operands are rounded to first; 0 for none.
    sums
        The order itself: sums the last axis.
    rounded
        How many of the factors are rounded so; ``None`` for all.
    """

    precision: str
    order: str
    partial: str
    inputs: int
    sums: Callable[[Array], Array]
    rounded: int | None = None


def naive(terms: Array) -> Array:
    """One term after the other into one partial sum."""
    total: Array = np.add.accumulate(terms, axis=-1, dtype=terms.dtype)[..., -1]
    return total


def by_lanes(terms: Array) -> Array:
    """Sixteen partial sums side by side, as vector instructions take them."""
    padded = _padded(terms, _LANES)
    return naive(naive(padded.reshape(len(terms), -1, _LANES).swapaxes(1, 2)))


def by_blocks(terms: Array) -> Array:
    """Blocks of 256 terms that follow each other, as a blocked matrix product takes them."""
    return naive(naive(_padded(terms, _BLOCK).reshape(len(terms), -1, _BLOCK)))


def pairwise(terms: Array) -> Array:
    """Neighbours first, then pairs of pairs."""
    while terms.shape[-1] > 1:
        terms = _padded(terms, 2)
        terms = terms[..., ::2] + terms[..., 1::2]
    return terms[..., 0]


def _padded(terms: Array, multiple: int) -> Array:
    lacking = -terms.shape[-1] % multiple
    return np.pad(terms, ((0, 0), (0, lacking)))


_ORDERS: MappingProxyType[str, tuple[Callable[[Array], Array], ...]] = MappingProxyType(
    {"naive": (naive,), "blocked": (by_lanes, by_blocks), "pairwise": (pairwise,)}
)


def accumulators(dtype: str) -> tuple[Accumulator, ...]:
    """Every way to sum that a kernel of `dtype` may be told to behave like.

    Examples
    --------
    >>> sorted({each.precision for each in accumulators("float16")})
    ['float16', 'float32', 'float64']
    """
    narrower = {
        "float64": ("float32", "float16"),
        "float32": ("float16", "bfloat16"),
        "float16": (),
        "bfloat16": (),
    }[dtype]
    wider = {"float32": ("float64",), "float16": ("float64", "float32")}
    wider["bfloat16"] = wider["float16"]
    precisions = (*wider.get(dtype, ()), dtype, *narrower)
    found = [
        Accumulator(name, order, name, 0, sums)
        for name in precisions
        for order, ways in _ORDERS.items()
        for sums in ways
    ]
    if dtype == "float32":
        found += [
            Accumulator("TF32 inputs", "blocked", dtype, 11, by_lanes),
            Accumulator("bfloat16 inputs", "blocked", dtype, 8, by_lanes),
        ]
    return tuple(found)


def emulated(
    accumulator: Accumulator, form: Format, kind: str, terms: int, *, factors: int
) -> tuple[float, float]:
    """``rms of error / (u sum|ab|)`` and the share of misrounded sums that `accumulator` gives.

    Parameters
    ----------
    accumulator
        How it sums.
    form
        The format of operands and result.
    kind
        ``"zero-mean"`` or ``"positive"``.
    terms, factors
        Length of the sums; how many values each term is a product of.

    Notes
    -----
    An accumulator of the precision of its dtype is emulated in float32, whatever that dtype is: the
    ratio has no dimension. The share of misrounded sums follows from the size of the error, since
    the place of a sum between two numbers of the dtype is as good as uniform.
    """
    own = accumulator.partial == form.name and form.name == "float64"
    out = FORMATS["float32"] if own else form
    partial = FORMATS["float32" if own else accumulator.partial]
    count = max(_FEWEST, _WORK // terms)
    rng = np.random.default_rng((_SEED, terms, factors, *kind.encode()))
    operands = [_values(kind, (count, terms), out, rng) for _ in range(factors)]
    exact_terms = np.prod(operands, axis=0)
    expected = exact_terms.sum(axis=-1)
    sums = np.abs(exact_terms).sum(axis=-1)
    if accumulator.inputs:
        many = factors if accumulator.rounded is None else accumulator.rounded
        coarse = [rounded_to(values, accumulator.inputs) for values in operands[:many]]
        operands = [*coarse, *operands[many:]]
    narrow = [values.astype(partial.dtype) for values in operands]
    with np.errstate(over="ignore", invalid="ignore"):
        product = narrow[0] if factors == 1 else narrow[0] * narrow[1]
        total = accumulator.sums(product).astype(np.float64)
        inside = np.abs(total - expected)
        error = np.abs(total.astype(out.dtype).astype(np.float64) - expected)
    spacing = 2 * out.unit_roundoff * 2.0 ** np.floor(np.log2(np.abs(expected)))
    return (
        float(np.sqrt(np.mean((error / (out.unit_roundoff * sums)) ** 2))),
        float(np.mean(np.minimum(1.0, inside / spacing))),
    )


def rounded_to(values: Array, bits: int) -> Array:
    """float64 `values` rounded to that many significand bits.

    Source: G. Veltkamp's splitting, as in T. Dekker, Numer. Math. 18 (1971), section 5.

    Examples
    --------
    >>> rounded_to(np.array([1.0 + 2.0**-11, 1.0 + 2.0**-10]), 11).tolist()
    [1.0, 1.0009765625]
    """
    scaled = values * (2.0 ** (53 - bits) + 1)
    return scaled - (scaled - values)


def _values(kind: str, shape: tuple[int, ...], form: Format, rng: np.random.Generator) -> Array:
    drawn = rng.random(shape) + 0.5 if kind == "positive" else rng.standard_normal(shape)
    # Partial sums of float16 must not overflow.
    scale = 2.0 ** -np.ceil(np.log2(shape[-1]) / 4)
    narrow: Array = (drawn * scale).astype(form.dtype)
    return narrow.astype(np.float64)
