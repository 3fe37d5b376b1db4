"""A case: one point of the test space, a plain value with a one-line text form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bpcheck.arithmetic import FORMATS
from bpcheck.cases.layouts import layouts_of
from bpcheck.operations import Lattice, Operation
from bpcheck.operations.outputs import place_of

#: The value kinds that are no integers of a lattice.
REAL_KINDS = ("real", "pruned", "scaled", "rows", "far", "masked")

#: The value kind of cases in which every column of the Jacobian is asked for.
JACOBIAN = "jacobian"


@dataclass(frozen=True)
class Case:
    """Everything that a run of one subject depends on.

    Parameters
    ----------
    operation
        The operation itself; its address stands in the text.
    geometry
        Shapes and params, a value of that operation.
    dtype
        NumPy's name of the dtype of all operands and of the cotangent.
    values
        How operands and cotangent are filled: ``exact`` (integers small enough that every partial
        sum is exact), ``small`` (the same, up to 4), ``wide`` (the same, one array using nearly all
        significand bits), ``ties`` (few distinct integers), ``sparse`` (exact, half of them 0, none
        below), ``negative`` (exact, all below 0),
        ``special`` (NaN, infinities and both zeros), ``tiny`` and ``huge`` (exact, subnormal and
        near overflow), ``real`` (standard normal), ``pruned`` (real, whole samples and filters of
        zeros), ``scaled`` (real, the cotangent 0 or large), ``rows`` (real, rows that are nearly
        equal, sorted, zero, or have one large number), ``far`` (real, up to 100), ``masked`` (real,
        minus infinity where a mask is False), ``jacobian`` (exact, up to 3: every column of the
        Jacobian is asked for beside).
    layout
        Memory layouts of the arrays: ``c-order``, or those that have another by name, such as
        ``x:fortran,y_bar:negative``.
    seed
        Seed of the values.
    one_hot
        Index of the only nonzero (1) in the cotangent; ``None`` for a full cotangent.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> case = parse_case("conv2d n1ic64ih13iw13oc96kh2kw2sh2sw2 f32 exact c-order seed=7")
    >>> case.shapes["y"]
    (1, 96, 6, 6)
    >>> str(case)
    'conv2d n1ic64ih13iw13oc96kh2kw2sh2sw2 f32 exact c-order seed=7'
    """

    operation: Operation
    geometry: Any
    dtype: str = "float64"
    values: str = "exact"
    layout: str = "c-order"
    seed: int = 0
    one_hot: tuple[int, ...] | None = None

    @property
    def params(self) -> dict[str, Any]:
        """Keyword arguments of the forward."""
        return self.operation.params_in(self.geometry, self.dtype)

    # What follows is asked for many times a case; whoever pickles a case leaves it out.

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of ``y`` and of every gradient, by name."""
        return self.operation.result_shapes(self.geometry)

    @cached_property
    def outputs(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the outputs where there are several; they lie one after the other in ``y``."""
        return self.operation.outputs(self.geometry)

    @cached_property
    def results(self) -> tuple[str, ...]:
        """Names of ``y`` and of every gradient."""
        return self.operation.results(self.geometry)

    @cached_property
    def operand_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the operands that there are, by name."""
        return self.operation.operand_shapes(self.geometry)

    @cached_property
    def terms(self) -> Mapping[str, int]:
        """How many terms an element of each result sums at most."""
        return self.operation.terms(self.geometry)

    @cached_property
    def lattice(self) -> Lattice | None:
        """The lattice on which the operation is exact, if there is one."""
        return self.operation.lattice(self.geometry)

    @property
    def is_exact(self) -> bool:
        """Whether its values lie on a lattice, as opposed to being real numbers."""
        return self.values not in REAL_KINDS

    @cached_property
    def layouts(self) -> Mapping[str, str]:
        """The layout of each array that has another than C order."""
        return layouts_of(self.layout)

    @property
    def descriptor(self) -> str:
        """The shape part of the text: keys with their numbers, defaults left out (but for n)."""
        return describe(self.operation, self.geometry)

    def __str__(self) -> str:
        parts = [
            str(self.operation),
            self.descriptor,
            FORMATS[self.dtype].short,
            self.values,
            self.layout,
            f"seed={self.seed}",
        ]
        if self.one_hot is not None:
            parts.append(f"y_bar={self._lit(self.one_hot)}")
        return " ".join(parts)

    def _lit(self, index: tuple[int, ...]) -> str:
        """``0,0,1``; of several outputs with the number of one before it: ``1:0,3``."""
        if not self.outputs:
            return ",".join(map(str, index))
        which, place = place_of(index[0], self.outputs)
        return f"{which}:{','.join(map(str, place)) or '-'}"

    def element(self, array: str, index: Sequence[int]) -> str:
        """What an element is called: ``w_bar[0,1]``, or ``y1[0,3]`` of the second output."""
        if array in ("y", "y_bar") and self.outputs:
            which, index = place_of(int(index[0]), self.outputs)
            array = f"y{which}{array[1:]}"
        spelt = ",".join(str(int(each)) for each in index)
        return f"{array}[{spelt}]" if spelt else array


def describe(operation: Operation, geometry: Any) -> str:
    """The descriptor of a geometry, such as ``n1ic64ih13iw13oc96kh2kw2sh2sw2``."""
    written = operation.written(geometry)
    if written:
        return written
    numbers = geometry.numbers()
    return "".join(
        f"{key}{numbers[key]}"
        for key, default in operation.keys.items()
        if key == "n" or numbers[key] != default
    )
