"""Samples in batches of other sizes: what each has alone, and for the weights the sum of that.

Kernels take another path for a full tile of samples, and for what is left over: sizes between those
that a plan draws show it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.checks.allowed import is_right, narrow_bounds
from bpcheck.checks.batch import DEPENDS
from bpcheck.checks.claims import unclaimed
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.further import broken_off
from bpcheck.checks.outcomes import (
    element,
    failed,
    first_of_each,
    not_applicable,
    number,
    passed,
    unjudged,
)
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import is_like, is_small
from bpcheck.errors import CaseError
from bpcheck.filling import Arrays, fill
from bpcheck.finding import Kind, Outcome, Status
from bpcheck.operations.promises import SAMPLES
from bpcheck.subject import Subject

NAME = "batch sizes"

#: A sample alone, and among 2, 3, 8 and 33 others: in tiles of 2, 4, 8 and 32 all leave some over.
SIZES = (1, 3, 4, 9, 34)

#: One in so many small cases of real values is asked, like this seed.
EVERY, LIKE = 8, 1


class _Batch(Trial):
    """A trial of some samples of many."""

    def __init__(self, subject: Subject, case: Case, arrays: Arrays):
        super().__init__(subject, case)
        self._samples = arrays

    @property
    def filled(self) -> Arrays:
        """The samples."""
        return self._samples


@dataclass(frozen=True, slots=True)
class _Many:
    """The samples of the largest batch, of which each smaller one has the first.

    Parameters
    ----------
    trial
        Of the case that is asked.
    arrays
        The arrays of all samples.
    axes
        Where the samples lie in each array.
    cases
        The case of each size that may be asked.
    """

    trial: Trial
    arrays: Arrays
    axes: dict[str, int]
    cases: dict[int, Case]

    def batch(self, first: int, size: int) -> _Batch:
        """The trial of so many samples from the first on."""

        def some(name: str, array: Array) -> Array:
            axis = self.axes.get(name)
            chosen = range(first, first + size)
            return array if axis is None else np.ascontiguousarray(np.take(array, chosen, axis))

        operands = {name: some(name, each) for name, each in self.arrays.operands.items()}
        arrays = Arrays(operands, some("y", self.arrays.y_bar), steps={})
        return _Batch(self.trial.subject, self.cases[size], arrays)


def check_batches(trial: Trial) -> tuple[Outcome, ...]:
    """Every result of each sample, and the sum over samples of what they share, in each batch."""
    why = _why_not(trial)
    many = None if why else _many(trial)
    if many is None:
        return unjudged(trial, NAME, why or "other sizes of a batch are not claimed, or too large")
    alone = [many.batch(place, 1) for place in range(max(many.cases))]
    for each in alone:
        broken = broken_off(trial, NAME, each.first, "for a sample alone", case=each.case)
        if broken:
            return broken
    found: list[Outcome] = []
    for size in sorted(many.cases.keys() - {1}):
        batch = many.batch(0, size)
        when = f"in a batch of {size}"
        broken = broken_off(trial, NAME, batch.first, when, case=batch.case)
        if broken:
            return broken
        found += _violations(many, batch, alone[:size])
    # What is wrong comes before what is told, and what no batch could be judged by says nothing.
    order = (Status.FAILED, Status.PASSED, Status.NOT_APPLICABLE)
    found.sort(key=lambda each: (order.index(each.status), not each.note))
    return first_of_each(trial, NAME, found)


def _why_not(trial: Trial) -> str:
    if not trial.first.is_whole:
        return "the contract is broken"
    if trial.case.values != "real":
        return "other values"
    if not is_like(trial.case, LIKE, EVERY):
        return "left to other cases"
    return "" if trial.plain.is_whole else "it fails in C order"


def _many(trial: Trial) -> _Many | None:
    """What is asked: one sample alone, and at least one batch."""
    cases = {size: case for size in SIZES if (case := _of_size(trial, size)) is not None}
    largest = max(cases, default=1)
    if 1 not in cases or largest == 1:
        return None
    operation = trial.case.operation
    symmetries = operation.symmetries(cases[largest].geometry)
    axes = next((dict(each.axes) for each in symmetries if each.name == SAMPLES), {})
    # A loss is one number for all samples, and says nothing of a single one.
    if "y" not in axes:
        return None
    return _Many(trial, fill(cases[largest]), axes, cases)


def of_another_size(trial: Trial) -> tuple[Case, str] | None:
    """The case with a sample fewer, or one more than a single one, and how that is told."""
    samples = trial.case.geometry.numbers().get("n", 0)
    if not samples:
        return None
    case = _of_size(trial, samples - 1 if samples > 1 else samples + 1)
    return None if case is None else (case, f"with a sample {'fewer' if samples > 1 else 'more'}")


def _of_size(trial: Trial, size: int) -> Case | None:
    """The case with so many samples, if it may be asked."""
    operation = trial.case.operation
    numbers = {**trial.case.geometry.numbers(), "n": size}
    if "n" not in operation.keys:
        return None
    with contextlib.suppress(CaseError):
        geometry = operation.geometry({key: numbers[key] for key in operation.keys})
        case = replace(trial.case, geometry=geometry, layout="c-order", one_hot=None)
        if trial.may_have(geometry) and is_small(case) and not unclaimed(trial.subject, case):
            return case
    return None


def _violations(many: _Many, batch: _Batch, alone: list[_Batch]) -> Iterator[Outcome]:
    trial, bounds = many.trial, narrow_bounds(batch)
    for result, got in batch.got.items():
        if bounds is None:
            yield not_applicable(NAME, result, "a kink lies within rounding error")
            continue
        if not is_right(trial, result):
            yield not_applicable(NAME, result, "it is wrong anyway")
            continue
        axis = many.axes.get(result.removesuffix("_bar"))
        parts = [each.got[result] for each in alone]
        expected = sum(parts, np.zeros(got.shape)) if axis is None else np.concatenate(parts, axis)
        where = difference(got, expected, 2 * bounds[result])
        if where is not None:
            message = _told(result, where, len(alone), is_sum=axis is None)
            yield failed(trial, NAME, result, Kind.SYMMETRY, message, where)
            continue
        bits = None if axis is None else difference(got, expected)
        if bits is None:
            yield passed(NAME, result)
            continue
        if trial.subject.claims.batch_invariant:
            message = _told(result, bits, len(alone), is_sum=False)
            message += ", though it claims the same bits in every batch"
            yield failed(trial, NAME, result, Kind.BATCH_DEPENDENT, message, bits)
        else:
            yield Outcome(NAME, result, Status.PASSED, note=DEPENDS)


def _told(result: str, where: Difference, size: int, *, is_sum: bool) -> str:
    other = "added up of its samples alone" if is_sum else "where each sample is alone"
    return (
        f"{element(result, where)} is {number(where.got)} in a batch of {size}, and "
        f"{number(where.expected)} {other}"
    )
