"""State: two forwards before the first vjp, a later call, and memory that results share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from bpcheck.calls import call
from bpcheck.cases import fill
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed
from bpcheck.checks.run import Run, call_forward, collect, hand, is_pair
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "state"


def check_state(trial: Trial) -> tuple[Outcome, ...]:
    """Interleaved calls give what separate ones gave, and no result lies in another's memory."""
    results = trial.case.promise.results(trial.case.geometry)
    if not trial.first.is_whole:
        return tuple(not_applicable(NAME, name, "the contract is broken") for name in results)
    if not (trial.is_small and trial.turn == 0):
        return tuple(not_applicable(NAME, name, "left to other cases") for name in results)
    found: dict[str, Outcome] = {}
    for outcome in _violations(trial):
        found.setdefault(outcome.result, outcome)
    return tuple(found.get(result) or passed(NAME, result) for result in results)


def _violations(trial: Trial) -> Iterator[Outcome]:
    yield from _shared_memory(trial, trial.first, {})
    interleaved, changed = _interleave(trial)
    for name in changed:
        message = f"{name} is another one between forward and vjp; work on a copy"
        yield failed(trial, NAME, f"{name}_bar", Kind.MUTATES, message)
    if interleaved is None or not interleaved.is_whole:
        why = interleaved.why_not if interleaved else "a forward failed"
        message = f"two forwards before the first vjp, and it fails: {why}"
        yield failed(trial, NAME, "y", Kind.STATE, message)
        return
    for result, expected in trial.got.items():
        where = difference(interleaved.got[result], expected)
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} when another forward comes "
                f"between forward and vjp, and {number(where.expected)} without it; keep what the "
                "vjp needs in the residuals"
            )
            yield failed(trial, NAME, result, Kind.STATE, message, where)
    earlier = {
        f"the earlier {name}": value
        for name, value in trial.first.raw.items()
        if isinstance(value, np.ndarray)
    }
    yield from _shared_memory(trial, interleaved, earlier)


def _interleave(trial: Trial) -> tuple[Run | None, list[str]]:
    """Forward of this case, forward of another one of its shape, then both vjps, this one last.

    Returns the run of this case, and the operands that were changed when its forward was done.
    """
    case, params = trial.case, trial.params
    other = replace(case, seed=case.seed + 1, one_hot=None)
    ours, theirs = hand(case, trial.arrays), hand(other, fill(other), layouts={})
    one = call_forward(trial.subject, case, ours.operands, params=params)
    two = call_forward(trial.subject, case, theirs.operands, params=params)
    changed = [
        name
        for name, array in trial.arrays.operands.items()
        if not np.array_equal(ours.operands[name], array, equal_nan=True)
    ]
    if not all(each.returned and is_pair(each.value) for each in (one, two)):
        return None, changed
    call(trial.subject.vjp, two.value[1], theirs.y_bar)
    return collect(case, ours, one, call(trial.subject.vjp, one.value[1], ours.y_bar)), changed


def _shared_memory(trial: Trial, run: Run, earlier: dict[str, np.ndarray]) -> Iterator[Outcome]:
    owners = {**run.handed.operands, "y_bar": run.handed.y_bar, **earlier}
    arrays = {name: value for name, value in run.raw.items() if isinstance(value, np.ndarray)}
    own = {name: value for name, value in arrays.items() if name != "y"}
    for (name, value), (owner, memory) in chain(
        ((result, other) for result in arrays.items() for other in owners.items()),
        ((result, ("y", arrays["y"])) for result in own.items()),
    ):
        if value.size and np.may_share_memory(value, memory):
            message = (
                f"{name} lies in the memory of {owner}: whoever changes one changes both; "
                "return a copy"
            )
            yield failed(trial, NAME, name, Kind.ALIASES, message)
