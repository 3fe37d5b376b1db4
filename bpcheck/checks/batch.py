"""A sample alone is what it is in its batch: within rounding, or bit for bit where that is claimed.

Most right kernels split their sums by the shape of the whole batch, so that its bits are no promise
that everybody makes; who serves models by batches of any size may need it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.checks.allowed import is_right, narrow_bounds
from bpcheck.checks.claims import unclaimed
from bpcheck.checks.compare import difference
from bpcheck.checks.further import broken_off
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.run import Run, hand, run
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import affords_more
from bpcheck.errors import CaseError
from bpcheck.filling import Arrays
from bpcheck.finding import Kind, Outcome, Status
from bpcheck.operations.promises import SAMPLES, Symmetry

NAME = "sample alone"

#: The note of an outcome that has passed.
DEPENDS = "its bits depend on the batch"


def check_batch(trial: Trial) -> tuple[Outcome, ...]:
    """Every result of one sample against that of the sample without the others."""
    samples = next((each for each in _symmetries(trial) if each.name == SAMPLES), None)
    why = _why_not(trial)
    if why or samples is None:
        return unjudged(trial, NAME, why or "there is one alone")
    kept = trial.case.seed % samples.length
    case = _alone(trial)
    if case is None:
        return unjudged(trial, NAME, "one sample is not claimed, or a shape too many")
    run_alone = _alone_run(trial, samples, kept, case)
    return broken_off(trial, NAME, run_alone, "for a sample alone", case=case) or first_of_each(
        trial, NAME, _violations(trial, samples, kept, run_alone)
    )


def said_of_batches(cases: dict[str, int], judged: int) -> str:
    """The line below the table, from the number of cases in which each result's bits differed."""
    return (
        f"a sample's bits depend on the batch it is in ({', '.join(cases)}; "
        f"{max(cases.values()):,} of {judged:,} cases of several samples): rounding explains it, "
        "and who claims BATCH_INVARIANT is held to it"
    )


def _symmetries(trial: Trial) -> tuple[Symmetry, ...]:
    return trial.case.operation.symmetries(trial.case.geometry)


def _why_not(trial: Trial) -> str:
    if not trial.first.is_whole:
        return "the contract is broken"
    if trial.case.is_exact:
        return "exact values"
    if not affords_more(trial.case):
        return "left to other cases"
    if not trial.plain.is_whole:
        return "it fails in C order"
    return "a kink lies within rounding error" if narrow_bounds(trial) is None else ""


def _alone(trial: Trial) -> Case | None:
    """The case with one sample, if the subject claims it and its shape need not be left out."""
    numbers = {**trial.case.geometry.numbers(), "n": 1}
    known = {key: numbers[key] for key in trial.case.operation.keys}
    with contextlib.suppress(CaseError):
        case = replace(trial.case, geometry=trial.case.operation.geometry(known))
        if trial.may_have(case.geometry) and not unclaimed(trial.subject, case):
            return case
    return None


def _alone_run(trial: Trial, samples: Symmetry, kept: int, case: Case) -> Run:
    """A run on one sample alone."""

    def of_the_sample(name: str, array: Array) -> Array:
        axis = samples.axes.get(name)
        return array if axis is None else np.take(array, [kept], axis)

    operands = {name: of_the_sample(name, each) for name, each in trial.arrays.operands.items()}
    arrays = Arrays(operands, of_the_sample("y", trial.arrays.y_bar), steps={})
    return run(trial.subject, case, hand(case, arrays, layouts={}), params=trial.params)


def _violations(trial: Trial, samples: Symmetry, kept: int, alone: Run) -> Iterator[Outcome]:
    found = narrow_bounds(trial)
    # In another layout a kernel may take another path.
    for result, whole in trial.plain.got.items():
        axis = samples.axes.get(result.removesuffix("_bar"))
        if axis is None or found is None or not is_right(trial, result):
            continue
        before = np.take(whole, [kept], axis)
        off = difference(alone.got[result], before)
        if off is None:
            continue
        message = (
            f"{element(result, off)} of sample {kept} is {number(off.got)} alone, and "
            f"{number(off.expected)} in a batch of {samples.length}"
        )
        slack = 2 * np.take(found[result], [kept], axis)
        if difference(alone.got[result], before, slack) is not None:
            yield failed(trial, NAME, result, Kind.SYMMETRY, message, off)
        elif trial.subject.claims.batch_invariant:
            message += ", though it claims the same bits in every batch"
            yield failed(trial, NAME, result, Kind.BATCH_DEPENDENT, message, off)
        else:
            yield Outcome(NAME, result, Status.PASSED, note=DEPENDS)
