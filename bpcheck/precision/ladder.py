"""The ladder: which sums are measured, from 16 terms to 65,536, in every dtype and data kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bpcheck.arithmetic import FORMATS
from bpcheck.errors import UsageError
from bpcheck.operations import HasReductions, Operation
from bpcheck.precision.data import KINDS

#: Lengths of the sums asked for; a geometry may give a few terms more.
RUNGS = tuple(16 * 4**step for step in range(7))

#: Cases of each cell unless set otherwise: what the rank test of `bpcheck.precision.ranks` needs.
CASES = 9

#: Cases of a cell that a baseline may be recorded with at most, so that its lines stay readable.
MOST_CASES = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """What was measured, apart from the subject: all that a repetition needs.

    Parameters
    ----------
    seed
        Everything random follows from it.
    cases
        Cases of each cell: the same geometry with other values.
    longest
        Rungs of the ladder above this length are left out.
    dtypes, kinds
        NumPy names of dtypes; names of data kinds.
    results
        Which results; empty for all.
    """

    dtypes: tuple[str, ...]
    seed: int = 0
    cases: int = CASES
    longest: int = RUNGS[-1]
    kinds: tuple[str, ...] = KINDS
    results: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.cases <= MOST_CASES:
            raise UsageError(f"cases={self.cases}: must be from 1 to {MOST_CASES}")
        if self.longest < RUNGS[0]:
            raise UsageError(f"longest={self.longest}: the ladder begins at {RUNGS[0]} terms")
        if self.seed < 0:
            raise UsageError(f"seed={self.seed}: must be at least 0")
        for kind in self.kinds:
            if kind not in KINDS:
                raise UsageError(f"kind={kind!r}: must be one of {', '.join(KINDS)}")


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination that is measured: a result, its number of terms, a dtype and a data kind.

    Examples
    --------
    >>> Cell("w_bar", 4096, "float32", "positive").text
    'w_bar n4096 f32 positive'
    """

    result: str
    terms: int
    dtype: str
    kind: str

    @property
    def text(self) -> str:
        """How a baseline and a table call it."""
        return f"{self.result} n{self.terms} {FORMATS[self.dtype].short} {self.kind}"


@dataclass(frozen=True, slots=True)
class Rung:
    """A geometry in which `result` has sums of `terms` terms."""

    result: str
    terms: int
    geometry: Any


def rungs(operation: Operation, settings: Settings) -> Iterator[Rung]:
    """Every rung of every result, results in order, shortest sums first.

    Raises
    ------
    UsageError
        If the operation has no ladder, or lacks a result that was asked for.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> conv = operation_named("conv2d")
    >>> [rung.terms for rung in rungs(conv, Settings(("float32",), results=("w_bar",)))]
    [16, 70, 264, 1056, 4140, 16560, 65884]
    """
    if not isinstance(operation, HasReductions):
        raise UsageError(
            f"{operation.name}: its results are not plain sums of products, so there is no ladder "
            "of lengths to measure it on; measure the layers that it is made of"
        )
    known = ("y", *(f"{name}_bar" for name in operation.operands))
    for result in settings.results:
        if result not in known:
            raise UsageError(f"result={result!r}: {operation.name} has {', '.join(known)}")
    for result in settings.results or known:
        for length in RUNGS:
            if length > settings.longest:
                break
            numbers = operation.reduction(result, length)
            if numbers is None:
                break
            geometry = operation.geometry(numbers)
            yield Rung(result, operation.terms(geometry)[result], geometry)


def cells(operation: Operation, settings: Settings) -> tuple[Cell, ...]:
    """Every cell that a measurement with these settings has, in its order."""
    found = tuple(rungs(operation, settings))
    return tuple(
        Cell(rung.result, rung.terms, dtype, kind)
        for dtype in settings.dtypes
        for rung in found
        for kind in settings.kinds
    )
