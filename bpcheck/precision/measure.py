"""Measuring: every cell of the ladder, each on several cases, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.calls import own_arithmetic
from bpcheck.errors import UsageError
from bpcheck.operations import Operation
from bpcheck.precision.data import KINDS, draw, factors
from bpcheck.precision.environment import Environment, environment, limited_to
from bpcheck.precision.ladder import CASES, RUNGS, Cell, Rung, Settings, rungs
from bpcheck.precision.metrics import CaseErrors, CellMetrics, case_errors, summary
from bpcheck.precision.observe import observe
from bpcheck.precision.orders import orders_of
from bpcheck.precision.reference import one_result, reference
from bpcheck.subject import Subject

#: Told the number of cells done, how many there are, and the cell that comes next.
OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of one subject.

    Parameters
    ----------
    operation, name
        The subject: its operation, and how reports call it.
    target, style
        What names it on a command line: the target's text, the kind of code.
    settings, environment
        All that a repetition needs, and where it was made.
    cells
        The metrics of every cell.
    unclaimed
        Cells that the subject does not claim.
    orders
        How sums of 64 terms are added up, by result and dtype: ``{"y f32": "pairwise"}``.
    """

    operation: Operation
    name: str
    target: str
    style: str
    settings: Settings
    environment: Environment
    cells: Mapping[Cell, CellMetrics]
    unclaimed: tuple[Cell, ...] = field(default=())
    orders: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """How messages call it: ``conv2d of layers:Conv``."""
        return f"{self.operation} of {self.name}"


@own_arithmetic()
def measure(
    subject: Subject,
    *,
    dtypes: Sequence[str] | None = None,
    results: Sequence[str] = (),
    kinds: Sequence[str] = KINDS,
    longest: int = RUNGS[-1],
    cases: int = CASES,
    seed: int = 0,
    threads: int = 1,
    target: str = "",
    style: str = "numpy",
    on_progress: OnProgress | None = None,
) -> Measurement:
    """Measure the numerical error of every result of `subject`.

    Parameters
    ----------
    subject
        What to measure. It should be right already: `bpcheck.check` tells.
    dtypes, results, kinds
        NumPy names of dtypes (default: those that it claims), names of results (default: all), data
        kinds.
    longest
        Longest sum of the ladder.
    cases
        Cases of each cell.
    seed
        Everything random follows from it.
    threads
        Threads that BLAS and torch are held to. The default of 1 gives the same numbers on
        machines that differ in nothing but the number of cores.
    target, style
        What names the subject on a command line, for whoever repeats the measurement.
    on_progress
        Called before every cell.

    Raises
    ------
    UsageError
        If the operation has no ladder, or a setting is out of range.
    MeasureError
        If the subject raises, or gives results of another shape or dtype.

    Examples
    --------
    >>> import bpcheck.adapters
    >>> from torch.nn.functional import conv1d
    >>> subject = bpcheck.adapters.torch(conv1d, operation="conv1d")
    >>> found = measure(subject, dtypes=["float32"], results=["w_bar"], longest=64, cases=2)
    >>> [cell.text for cell in found.cells][:2]
    ['w_bar n16 f32 zero-mean', 'w_bar n16 f32 positive']
    """
    if threads < 1:
        raise UsageError(f"threads={threads}: must be at least 1")
    operation = subject.operation
    settings = Settings(
        dtypes=_dtypes(subject, operation, dtypes),
        seed=seed,
        cases=cases,
        longest=longest,
        kinds=tuple(kinds),
        results=tuple(results),
    )
    todo = tuple(rungs(operation, settings))
    kept = {rung: _kept(operation, rung) for rung in todo if operation.is_smooth(rung.geometry)}
    found: dict[Cell, CellMetrics] = {}
    unclaimed: list[Cell] = []
    total = len(todo) * len(settings.dtypes) * len(settings.kinds)
    with limited_to(threads):
        for dtype in settings.dtypes:
            for rung in todo:
                for kind in settings.kinds:
                    cell = Cell(rung.result, rung.terms, dtype, kind)
                    if on_progress is not None:
                        on_progress(len(found) + len(unclaimed), total, cell.text)
                    metrics = _measure_cell(
                        subject, operation, rung, cell, settings, kept.get(rung)
                    )
                    if metrics is None:
                        unclaimed.append(cell)
                    else:
                        found[cell] = metrics
        orders = orders_of(subject, todo, settings.dtypes)
        where = environment(threads=threads, backend=subject.style)
    return Measurement(
        operation=operation,
        name=subject.name,
        target=target or subject.name,
        style=style,
        settings=settings,
        environment=where,
        cells=found,
        unclaimed=tuple(unclaimed),
        orders=orders,
    )


def _dtypes(subject: Subject, operation: Operation, asked: Sequence[str] | None) -> tuple[str, ...]:
    stated = subject.claims.dtypes
    claimed = [name for name in FORMATS if name in stated and name in operation.dtypes]
    for name in asked or ():
        if name not in claimed:
            raise UsageError(
                f"dtype={name!r}: {subject.name} claims {', '.join(claimed) or 'none'}"
            )
    return tuple(name for name in claimed if asked is None or name in asked)


def _measure_cell(
    subject: Subject,
    operation: Operation,
    rung: Rung,
    cell: Cell,
    settings: Settings,
    kept: Array | None,
) -> CellMetrics | None:
    cases: list[CaseErrors] = []
    deterministic = True
    for index in range(settings.cases):
        rng = np.random.default_rng(
            (settings.seed, index, *f"{operation.name} {cell.text}".encode())
        )
        arrays = draw(
            operation,
            rung.geometry,
            rung.result,
            terms=rung.terms,
            dtype=cell.dtype,
            kind=cell.kind,
            rng=rng,
        )
        got = observe(subject, operation, rung.geometry, rung.result, arrays)
        if got is None:
            return None
        if index == 0:
            again = observe(subject, operation, rung.geometry, rung.result, arrays)
            deterministic = again is not None and again.tobytes() == got.tobytes()
        long = long_sums(operation, rung, arrays) if kept is None else kept
        expected = reference(operation, rung.geometry, rung.result, arrays, cell.dtype)
        cases.append(case_errors(got, expected, FORMATS[cell.dtype], long))
    return summary(cases, deterministic=deterministic)


def _kept(operation: Operation, rung: Rung) -> Array:
    """`long_sums` of an operation in which they do not depend on the values."""
    shapes = operation.operand_shapes(rung.geometry)
    ones = {name: np.ones(shape) for name, shape in shapes.items()}
    ones["y_bar"] = np.ones(operation.output_shape(rung.geometry))
    return long_sums(operation, rung, ones)


def long_sums(operation: Operation, rung: Rung, arrays: Mapping[str, Any]) -> Array:
    """Which elements of the result have more than half as many terms as the longest sum has."""
    names = {name for each in factors(operation, rung.geometry, rung.result) for name in each}
    ones = {name: np.ones_like(a) if name in names else a for name, a in arrays.items()}
    terms = one_result(operation, rung.geometry, rung.result, ones)
    long: Array = 2 * terms > terms.max(initial=0.0)
    return long
