"""Further steps of one layer object: nothing that the steps before left in it is used again.

All other rows make an object for each forward, as its class is adapted. A network keeps one for
all steps of a training, and the last batch of an epoch has fewer samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case
from bpcheck.checks.batches import of_another_size
from bpcheck.checks.claims import refusal
from bpcheck.checks.outcomes import first_of_each, unjudged
from bpcheck.checks.run import Run, hand, run
from bpcheck.checks.state import unlike
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import is_like
from bpcheck.filling import Arrays, fill
from bpcheck.finding import Outcome

NAME = "second step"

#: One in so many small cases is asked, like this seed.
EVERY, LIKE = 8, 2

#: Roundings between a gradient that is added to another one, and the sum of both.
_ROUNDINGS = 4


@dataclass(frozen=True, slots=True)
class _Step:
    """Forward and vjp of one step: its case, its numbers, and how it is told."""

    case: Case
    arrays: Arrays
    told: str


@dataclass(frozen=True, slots=True)
class _Later:
    """A step on an object that has made one `before`, and the same on a new object."""

    step: _Step
    before: Run
    later: Run
    anew: Run


def check_second_step(trial: Trial) -> tuple[Outcome, ...]:
    """Every result of a later step is what a new object gives for it."""
    why = _why_not(trial)
    steps = () if why else tuple(_steps(trial))
    runs = (
        _on_one(trial, steps)
        or _on_one(trial, tuple(_in_place(steps)), is_for_other_numbers=True)
        or _on_one(trial, tuple(_same_weights(trial, steps)))
    )
    if not runs:
        return unjudged(trial, NAME, why or "its class gives another object for each step")
    return first_of_each(
        trial, NAME, (outcome for each in runs for outcome in _violations(trial, each))
    )


def _why_not(trial: Trial) -> str:
    if trial.subject.one_instance is None:
        return "no class of layers"
    if not trial.first.is_whole:
        return "the contract is broken"
    return "" if is_like(trial.case, LIKE, EVERY) else "left to other cases"


def _steps(trial: Trial) -> Iterator[_Step]:
    """A step on other numbers, and one with a sample fewer, or one more than a single one."""
    case = replace(trial.case, seed=trial.case.seed + 1, one_hot=None, layout="c-order")
    yield _Step(case, trial.others, "at the second step of one object, on other numbers")
    other = of_another_size(trial)
    if other is not None:
        smaller, told = other
        yield _Step(smaller, fill(smaller), f"at a later step of one object, {told}")


def _in_place(steps: tuple[_Step, ...]) -> Iterator[_Step]:
    """The steps for a class whose constructor takes the weights: they are changed in place then."""
    for step in steps:
        yield replace(step, told=f"{step.told}, with its weights changed in place")


def _same_weights(trial: Trial, steps: tuple[_Step, ...]) -> Iterator[_Step]:
    """The same steps with the weights of the case, for a class that keeps no such arrays."""
    first = trial.case.operation.operands[0]
    for step in steps:
        operands = {**trial.arrays.operands, first: step.arrays.operands[first]}
        yield replace(step, arrays=Arrays(operands, step.arrays.y_bar, steps={}))


def _on_one(
    trial: Trial, steps: tuple[_Step, ...], *, is_for_other_numbers: bool = False
) -> list[_Later]:
    """Each step on one object and on a new one; none if the class gives others, or refuses."""
    subject = trial.subject
    if not steps or subject.one_instance is None:
        return []
    with subject.one_instance(is_for_other_numbers=is_for_other_numbers) as kept:
        runs = [_run(trial, _Step(trial.case, trial.arrays, ""))]
        runs += [_run(trial, step) for step in steps]
    refused = runs if is_for_other_numbers else runs[:1]
    if kept.times < len(steps) or any(refusal(subject, each) for each in refused):
        return []
    return [
        _Later(step, before, later, _run(trial, step))
        for step, before, later in zip(steps, runs, runs[1:], strict=False)
    ]


def _run(trial: Trial, step: _Step) -> Run:
    params = trial.subject.accepted(step.case.params)
    return run(trial.subject, step.case, hand(step.case, step.arrays, layouts={}), params=params)


def _violations(trial: Trial, found: _Later) -> Iterator[Outcome]:
    step, there = found.step, "in a new one; what one step leaves in it must not reach the next"
    numbers = (step.case, step.arrays)
    for each in unlike(
        trial, NAME, found.later, found.anew, here=step.told, there=there, numbers=numbers
    ):
        if not _adds_up(found, each.result):
            yield each


def _adds_up(found: _Later, result: str) -> bool:
    """Whether a gradient of weights is added to the one before, which an optimizer clears."""
    case = found.step.case
    before, later, anew = (each.got.get(result) for each in (found.before, found.later, found.anew))
    if result not in case.results[2:] or before is None or later is None or anew is None:
        return False
    # A sum with what is not finite, or overflows, says nothing.
    with np.errstate(invalid="ignore", over="ignore"):
        room = _ROUNDINGS * FORMATS[case.dtype].unit_roundoff * (np.abs(before) + np.abs(anew))
        is_sum = np.abs(later - before - anew) <= room
    return bool(np.all(is_sum | ~np.isfinite(before + anew)))
