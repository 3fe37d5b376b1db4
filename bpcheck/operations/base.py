"""What an operation promises: operands, params, geometry, lattice, and how torch computes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array, Format
from bpcheck.errors import CaseError
from bpcheck.operations.addressed import Addressed
from bpcheck.operations.families import Family, Size
from bpcheck.operations.formed import Formed
from bpcheck.operations.promises import (
    SAMPLES,
    EdgeClass,
    Extreme,
    Growth,
    Integers,
    Lattice,
    Measure,
    Narrowing,
    Params,
    Restriction,
    Shape,
    Symmetry,
)
from bpcheck.operations.scopes import Scope
from bpcheck.operations.step import Step
from bpcheck.operations.torch_vjp import torch_vjp


class Operation(Addressed, ABC):
    """A differentiable operation: a value without state, which subjects and cases hold.

    It compares, pickles and is written in case texts by its `address`. An instance that no module
    has a name for is equal to itself alone, and works in this process only: where it would have to
    be found by another one, `NoAddressError` says so.

    Attributes
    ----------
    name
        As written in a case text: ``"conv2d"``.
    operands
        Names of the operands, in the order of the forward's positional arguments.
    keys
        The keys of a case's descriptor in their order, each with its default (``None``: required).
    neutral
        For params that a subject may leave out of its signature: a test on all params that tells
        whether leaving this one out makes no difference.
    neutral_numbers
        For those params: numbers of geometries like one, with this one where it makes no
        difference. A plan for a subject that leaves the param out is drawn so.
    restrictions
        What the claims ``square_kernels``, ``equal_strides`` and ``dilation`` mean here, by their
        word, as far as they mean anything.
    value_kinds
        Value kinds that make sense for it, exact ones first.
    dtypes
        The dtypes that the operation can be judged in.
    rank
        Number of spatial dimensions.
    landmarks
        Descriptors, as numbers by key, of geometries that every run begins with.
    landmarks_are_plain
        Whether those come on exact values (real ones, where it has none) in C order at first, so
        that no repeated number hides what goes wrong in that geometry alone.
    divides
        Whether it divides, so that a right kernel may round even on the lattice (once for the
        quotient, or twice when it multiplies by a rounded reciprocal).
    summed_wide
        Results that everybody is to add up in float32 at least where operands are narrower, as
        frameworks do. For the others that is left to a claim.
    summed_narrow
        Results that frameworks add up in the narrower type: who does so too is told it in a note.
    summed_apart
        Whether bounds are found by random rounding, of what is stored and of what is added up.
    linear_together
        Operands in which the forward is linear taken together, so that one step may move them all.
    empty_class
        The edge class of empty batches, the only one that such a case is evidence for.
    nicknames
        What code calls it, the usual first, such as ``"conv"``; each in small letters.
    shape_probes
        Numbers of small geometries, no two lengths alike, in which code shows by the shapes of its
        results how it takes operands and params: a plain one first.
    mode
        The word by which code that computes several operations tells them apart: ``"max"``.
    constants
        Operands without a gradient, such as labels: they follow from the geometry as params do, and
        stand among the operands where code is called.
    orders_special
        Whether it only compares, so that NaN and infinities have one right place. A sum of products
        has not: who multiplies padding or skipped cells by 0 turns an infinity there into NaN.
    may_have_outputs
        Whether a forward may return several outputs, as a tuple.
    """

    operands: tuple[str, ...]
    constants: tuple[str, ...] = ()
    keys: Mapping[str, int | None]
    neutral: Mapping[str, Callable[[Params], bool]] = {}
    neutral_numbers: Mapping[str, Narrowing] = {}
    restrictions: Mapping[str, Restriction] = {}
    value_kinds: tuple[str, ...] = (
        "exact",
        "small",
        "wide",
        "sparse",
        "special",
        "tiny",
        "huge",
        "real",
        "jacobian",
    )
    dtypes: tuple[str, ...] = ("float64", "float32", "float16", "bfloat16")
    rank: int = 2
    landmarks: tuple[Mapping[str, int], ...] = ()
    landmarks_are_plain: bool = False
    divides: bool = False
    summed_wide: frozenset[str] = frozenset()
    summed_narrow: frozenset[str] = frozenset()
    summed_apart: bool = False
    linear_together: tuple[str, ...] = ()
    empty_class: str = "batch 0"
    orders_special: bool = False
    may_have_outputs: bool = False
    nicknames: tuple[str, ...] = ()
    mode: str = ""
    shape_probes: tuple[Mapping[str, int], ...] = ()

    @abstractmethod
    def geometry(self, numbers: Mapping[str, int]) -> Any:
        """The geometry of a full set of numbers; `CaseError` if the operation does not allow it."""

    @abstractmethod
    def draw(self, integers: Integers) -> Any:
        """A geometry drawn with `integers`, which never fails; small integers give small shapes."""

    @property
    def extremes(self) -> tuple[Extreme, ...]:
        """What is far beyond the usual in one number: each a class that every run meets once."""
        return ()

    @property
    def families(self) -> tuple[Family, ...]:
        """The layers that people ship, those of most models first."""
        return ()

    @property
    def residues(self) -> tuple[str, ...]:
        """Names of the residue classes of its sizes."""
        return ()

    def shipped_classes(self, geometry: Any) -> frozenset[str]:
        """The family that a geometry is of, and the residues of its sizes."""
        return frozenset()

    def sizes(self, family: Family) -> tuple[tuple[Size, ...], ...]:
        """Choices that are independent of one another, one of each making a layer of the family."""
        return ()

    def variants(self, family: Family) -> tuple[frozenset[str], ...]:
        """Sets of classes that a short run is to meet in a family that is common."""
        return (frozenset(),)

    def relatives(self, integers: Integers) -> Iterator[Any]:
        """Layers near the most common families, each of them with one number changed."""
        yield from ()

    def tiled_layers(self, integers: Integers) -> Iterator[Any]:
        """Layers with room for tiles and blocks of channels at once, and others of usual sizes."""
        return iter(())

    def blocked_layers(self) -> Iterator[Any]:
        """Layers of the most common families with one number past the blocks of most kernels."""
        return iter(())

    def shortened(self, geometry: Any, turn: int) -> Any | None:
        """The layer on so short a side that some taps read padding alone; ``None`` if none can.

        Which of its sides are short changes with `turn`.
        """
        return None

    @property
    def shrunken_layers(self) -> tuple[Any, ...]:
        """Small geometries like the layers of the named sets, each once."""
        return ()

    def layers(self, name: str) -> tuple[str, ...]:
        """Descriptors of the layers of a named set of real layers that are of this operation."""
        return ()

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Sets of small geometries of which every single one can be judged, the smallest first."""
        return ()

    @property
    def key_groups(self) -> tuple[tuple[str, ...], ...]:
        """The keys of the descriptor, those together that make sense only together."""
        return tuple((key,) for key in self.keys)

    def plainer(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """Numbers of plainer geometries that no change of a single kind of number leads to."""
        yield from ()

    def of_the_same_output(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """Numbers of plainer geometries whose output has the same shape, where that is so."""
        yield from ()

    def turned(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """Numbers of geometries as large, of which one is shown where all of them fail."""
        yield from ()

    def twin(self, geometry: Any, integers: Integers) -> Any | None:
        """Another geometry with operands of the same shapes, if there is one: params differ."""
        return None

    @abstractmethod
    def operand_shapes(self, geometry: Any) -> dict[str, Shape]:
        """Shape of each operand that the geometry has, by name, in order."""

    @abstractmethod
    def output_shape(self, geometry: Any) -> Shape:
        """Shape of ``y``."""

    def outputs(self, geometry: Any) -> tuple[Shape, ...]:
        """Shapes of the outputs where the forward returns a tuple of them; empty for one ``y``.

        ``y`` then holds all of them, one after the other: see `bpcheck.operations.outputs`.
        """
        return ()

    def axes(self, result: str) -> str:
        """A letter for each axis of a result, as layouts are called: ``"NCHW"``; empty for none."""
        return ""

    @abstractmethod
    def params(self, geometry: Any) -> Params:
        """Keyword arguments of the forward: `torch.nn.functional` names, tuples for dimensions."""

    def params_in(self, geometry: Any, dtype: str) -> Params:
        """The params of a case in a dtype: real numbers in arrays are of it."""
        return self.params(geometry)

    @property
    def structure(self) -> str:
        """What kind of function it was found to be, in words; empty where that is known."""
        return ""

    @property
    def written_as(self) -> tuple[Any, ...]:
        """The classes or functions whose code it is."""
        return type(self).__mro__[:-1]

    @property
    def positional(self) -> tuple[str, ...]:
        """Names of the forward's positional arguments: the operands, and constants among them."""
        return self.operands

    def adjusted(
        self, geometry: Any, operand: str, values: Array, rng: np.random.Generator
    ) -> Array:
        """Real numbers drawn for an operand, or others that it can take in their place."""
        return values

    def written(self, geometry: Any) -> str:
        """The geometry in a case text, where that is not made of keys and numbers; or empty."""
        return ""

    def read(self, texts: Mapping[str, str]) -> Any:
        """The geometry that such a text says, by its names; `CaseError` if none."""
        raise CaseError(f"{self.name}: its cases are written by keys and numbers")

    def worded(self, geometry: Any) -> tuple[str, tuple[Any, ...]] | None:
        """A param that is a word here and numbers elsewhere, and small geometries with it."""
        return None

    @abstractmethod
    def torch_forward(self, operands: Mapping[str, Any], params: Params) -> Any:
        """``y`` as torch computes it from torch tensors (an operand may be ``None``)."""

    def torch_outputs(self, operands: Mapping[str, Any], params: Params) -> Any:
        """What a forward returns, as torch computes it: ``y``, or a tuple of several outputs."""
        return self.torch_forward(operands, params)

    @abstractmethod
    def terms(self, geometry: Any) -> dict[str, int]:
        """Largest number of terms in one element of ``y`` and of each gradient, by result name."""

    def formed(
        self, geometry: Any, result: str, index: tuple[int, ...], arrays: Mapping[str, Array]
    ) -> Formed | None:
        """How one element of a result is formed, or ``None`` where nobody has said it.

        `arrays` holds the operands and ``y_bar``.
        """
        return None

    def steps(
        self, geometry: Any, result: str, index: tuple[int, ...], arrays: Mapping[str, Array]
    ) -> Iterator[Step]:
        """The steps by which the plane of one element of a result is computed, if they are known.

        `arrays` holds the operands and ``y_bar``, small ones.
        """
        yield from ()

    def multiplications(self, geometry: Any) -> int:
        """Of the forward: what a case costs a kernel that works term by term."""
        return self.terms(geometry)["y"] * prod(self.output_shape(geometry))

    def is_safe_in_torch(self, geometry: Any) -> bool:
        """Whether torch's kernels for narrow dtypes stay within their memory: found-in-torch.md."""
        return True

    def lattice(self, geometry: Any) -> Lattice | None:
        """What makes a case exact, or ``None`` for an operation that has no exact lattice."""
        return None

    def owners(self, geometry: Any, operand: str) -> NDArray[np.int64]:
        """Which element of `operand` each output depends on, for each probe.

        Returns an integer array ``(probes, *output_shape)`` of flat indices into the operand, -1
        for none. All elements that occur in one probe may be perturbed at once: no output depends
        on two of them. This default spends one probe on each element.
        """
        size = int(np.prod(self.operand_shapes(geometry)[operand]))
        ones = np.ones((1,) * (1 + len(self.output_shape(geometry))), dtype=np.int64)
        each = np.arange(size, dtype=np.int64).reshape(-1, *ones.shape[1:])
        return np.broadcast_to(each * ones, (size, *self.output_shape(geometry)))

    def probe_count(self, geometry: Any, operand: str) -> int:
        """Number of probes that `owners` spends on an operand, without making them."""
        return int(np.prod(self.operand_shapes(geometry)[operand]))

    def absolute_sums(self, arrays: Mapping[str, Array], params: Params) -> dict[str, Array]:
        """``sum |a_i b_i|`` of every element of every result, in float64, by result name.

        `arrays` holds the operands and ``y_bar``. The default runs the operation on absolute
        values, which is right where it is linear in each of its arrays.
        """
        absolute = {name: abs(array) for name, array in arrays.items()}
        y_bar = absolute.pop("y_bar")
        return torch_vjp(self.torch_forward, absolute, y_bar, params)

    def error_bounds(
        self,
        geometry: Any,
        arrays: Mapping[str, Array],
        params: Params,
        growths: Sequence[Growth],
    ) -> list[dict[str, Array]] | None:
        """Bounds on the rounding error of every result, one set for each of `growths`.

        Parameters
        ----------
        geometry, arrays, params
            The case; `arrays` holds the operands and ``y_bar`` in float64.
        growths
            Functions from a number of roundings to the relative error that they can do.

        Returns
        -------
        list or None
            ``None`` where a kink lies so near that rounding alone can cross it.

        Notes
        -----
        For a sum of products each result is bounded by ``growth(n) * sum |a_i b_i|``, where `n`
        counts the additions, the products and the final rounding, and one more for a quotient.
        """
        sums = self.absolute_sums(arrays, params)
        extra = 2 if self.divides else 1
        terms = {name: count + extra for name, count in self.terms(geometry).items()}
        return [
            {name: _scaled(values, growth(terms[name])) for name, values in sums.items()}
            for growth in growths
        ]

    def random_bounds(
        self,
        arrays: Mapping[str, Array],
        params: Params,
        *,
        stored: float,
        summed: float,
    ) -> list[dict[str, Array]]:
        """Bounds as `error_bounds` has them: surely, almost surely, and those of the oracle.

        Asked of what is `summed_apart`: `stored` and `summed` are the unit roundoffs of what is
        kept and of what is added up.
        """
        raise NotImplementedError

    def rounded_magnitudes(
        self, results: Mapping[str, Array], arrays: Mapping[str, Array], params: Params
    ) -> dict[str, Array]:
        """Magnitudes of what is rounded to the results' dtype after a wider sum, by result name."""
        return {name: np.abs(values) for name, values in results.items()}

    def symmetries(self, geometry: Any) -> tuple[Symmetry, ...]:
        """The permutations that it commutes with, those of a single thing left out."""
        return ()

    def kept_apart(self, geometry: Any) -> tuple[Symmetry, ...]:
        """The axes along which numbers do not meet: what lies at one place reaches that one alone.

        That is asked of NaN and infinities too. By default it holds for samples, if those may be
        permuted.
        """
        return tuple(each for each in self.symmetries(geometry) if each.name == SAMPLES)

    def is_smooth(self, geometry: Any) -> bool:
        """Whether the forward has derivatives of all orders everywhere."""
        return True

    def is_valid_subgradient(
        self,
        geometry: Any,
        operands: Mapping[str, Array],
        y_bar: Array,
        results: Mapping[str, Array],
        form: Format,
    ) -> bool:
        """Whether gradients that differ from torch's are right by another convention at a kink.

        All arrays are float64; `form` is that of the dtype they were computed in.
        """
        return False

    def is_nan_convention(
        self,
        geometry: Any,
        operands: Mapping[str, Array],
        y_bar: Array,
        results: Mapping[str, Array],
        form: Format,
    ) -> bool:
        """Whether results that are not torch's are right by another convention on NaN.

        As for `is_valid_subgradient`.
        """
        return False

    def has_own_gradient(self, geometry: Any) -> bool:
        """Whether its gradient is by agreement another one than that of its forward."""
        return False

    def has_stackable_batch(self, operand: str) -> bool:
        """Whether probes of `operand` may be stacked along its first axis as further samples."""
        return False

    @property
    @abstractmethod
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        """The kinds of geometry that a run must cover."""

    @property
    def conditions(self) -> tuple[EdgeClass, ...]:
        """More kinds of geometry that a defect may need; a run has no need to cover them."""
        return ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The numbers that a defect may need to be large, or small."""
        return ()

    def results(self, geometry: Any) -> tuple[str, ...]:
        """Names of everything the subject computes: ``y`` and one gradient for each operand."""
        return ("y", *(f"{name}_bar" for name in self.operand_shapes(geometry)))

    def result_shapes(self, geometry: Any) -> dict[str, Shape]:
        """Shape of each result, by name."""
        shapes = {f"{name}_bar": shape for name, shape in self.operand_shapes(geometry).items()}
        return {"y": self.output_shape(geometry), **shapes}

    def complete(self, numbers: Mapping[str, int]) -> dict[str, int]:
        """`numbers` in the order of `keys`, with the defaults filled in.

        Raises
        ------
        CaseError
            For a key that the operation does not have, or a required one that is missing.
        """
        unknown = [key for key in numbers if key not in self.keys]
        if unknown:
            raise CaseError(f"{unknown[0]}: {self.name} has the keys {' '.join(self.keys)}")
        missing = [
            key for key, default in self.keys.items() if default is None and key not in numbers
        ]
        if missing:
            raise CaseError(f"{self.name} needs {' '.join(missing)}, and the case does not give it")
        return {key: numbers.get(key, default or 0) for key, default in self.keys.items()}


def _scaled(sums: Array, growth: float) -> Array:
    """``growth * sums``, and 0 where the sum is 0 even if the growth is infinite."""
    return np.multiply(sums, growth, out=np.zeros_like(sums), where=sums > 0)
