"""What a subject answers to one case, and whether two subjects answer alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases import Case
from bpcheck.checks import Trial
from bpcheck.checks.allowed import error_bounds, quotient_bound
from bpcheck.checks.compare import difference
from bpcheck.checks.run import is_real_array
from bpcheck.subject import Subject

#: How many roundings of the largest element two results may be apart that are no integers: far
#: below what any mistake in a formula does to integers. In narrower formats it would not be.
ROUNDINGS, ROUNDED = 32, ("float64", "float32")

#: How a call ended that raised.
RAISED = "raises"


@dataclass(frozen=True, slots=True)
class Answers:
    """The results of one run, and how they came.

    Parameters
    ----------
    results
        What was given for each result, of whatever type.
    manner
        How the forward and the vjp ended.
    changes
        Which of their inputs they changed.
    rounds
        The narrower format that a mistake rounds to, each kernel in its own order; empty for none.
    """

    results: dict[str, Any]
    manner: tuple[str, ...]
    changes: frozenset[str] = frozenset()
    rounds: str = ""

    def beside(self, other: Answers) -> Answers:
        """These, as if no more inputs had been changed than in the others, where those are fewer.

        What a kernel does to its inputs beside its mistake does not hide which one that is.
        """
        return replace(self, changes=other.changes) if other.changes < self.changes else self


class Witness:
    """One case, the right answers to it, and how far another right kernel may be from them.

    With `dtypes`, a dtype that differs is a difference by itself.
    """

    def __init__(self, right: Subject, case: Case, *, dtypes: bool = False):
        self.case = case
        self._dtypes = dtypes
        self._trial = Trial(right, case)

    @cached_property
    def right(self) -> Answers:
        """What the right kernel answers."""
        return _answers_of(self._trial)

    def answers(self, subject: Subject) -> Answers:
        """What `subject` answers."""
        # Hundreds of kernels answer to one case: it is filled once.
        return _answers_of(Trial(subject, self.case, filled=self._trial.filled))

    def alike(self, one: Answers, other: Answers, result: str) -> bool:
        """Whether two subjects give the same for one result, in the same manner.

        Numbers must be equal where arithmetic is exact, and equal up to rounding elsewhere.
        """
        if (one.manner, one.changes) != (other.manner, other.changes):
            return False
        a, b = one.results.get(result), other.results.get(result)
        if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
            return type(a) is type(b)
        if a.shape != b.shape or (self._dtypes and a.dtype != b.dtype):
            return False
        if not (is_real_array(a) and is_real_array(b)):
            return a.dtype == b.dtype and np.array_equal(a, b)
        a, b = a.astype(np.float64), b.astype(np.float64)
        where = difference(a, b)
        if where is None:
            return True
        # What a mistake divides, or sends where nothing belongs, rounds in an order of its own.
        largest = np.abs(b[np.isfinite(b)]).max(initial=0) if self.case.dtype in ROUNDED else 0.0
        own = ROUNDINGS * FORMATS[self.case.dtype].unit_roundoff * largest
        bound = self._bound(result)
        if self.right is one or self.right is other:
            if bound is None:
                bound = np.full(a.shape, own if self.case.dtype == "float64" else 0.0)
            return a.shape == bound.shape and difference(a, b, bound) is None
        if rounds := one.rounds or other.rounds:
            if not (_is_held_by(a, rounds) and _is_held_by(b, rounds)):
                return False
            own = ROUNDINGS * FORMATS[rounds].unit_roundoff * largest
        # Of what two mistakes put in another place the bound is that of the place it is from.
        most = own if bound is None else max(own, bound.max(initial=0))
        return difference(a, b, np.full(a.shape, most)) is None

    def _bound(self, result: str) -> Array | None:
        """What rounding can do to a right kernel, if anything."""
        if self.case.is_exact:
            return quotient_bound(self._trial, result) if self.case.operation.divides else None
        bounds = error_bounds(self._trial)
        return None if bounds is None else bounds[0][result]


def _is_held_by(array: Array, name: str) -> bool:
    """Whether all numbers are those of a narrower format."""
    with np.errstate(over="ignore"):
        return np.array_equal(array, array.astype(name), equal_nan=True)


def _answers_of(trial: Trial) -> Answers:
    run, arrays = trial.first, trial.arrays
    originals = {**arrays.operands, "y_bar": arrays.y_bar}
    handed = {**run.handed.operands, "y_bar": run.handed.y_bar}
    changed = frozenset(
        name
        for name, array in originals.items()
        if not np.array_equal(handed[name], array, equal_nan=True)
    )
    ends = [
        "no call" if each is None else _end(each.value) if each.returned else RAISED
        for each in (run.forward, run.vjp)
    ]
    given = dict(run.raw)
    if trial.case.outputs and "y" in run.got:
        given["y"] = run.got["y"]
    return Answers(given, tuple(ends), changed)


def _end(value: Any) -> str:
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, list | tuple) else "?"
