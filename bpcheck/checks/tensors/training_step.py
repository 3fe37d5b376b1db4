"""One module before and after a step of its weights, on the last batch, and called twice in a row.

What it made of the old weights, of as many samples as before, or of another call is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import slack_between_runs
from bpcheck.checks.batches import of_another_size
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, remarked, unjudged
from bpcheck.checks.tensors.asked import (
    Asked,
    engine,
    leads,
    numbers,
    told,
    tried,
    why_not_here,
)
from bpcheck.checks.tensors.two_calls import of_two_calls
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import is_one_of
from bpcheck.finding import Kind, Outcome

NAME = "training step"

#: One small case in so many is asked.
EVERY = 12


@dataclass(frozen=True, slots=True)
class _Later:
    """A later call of one module: what it is asked, with what operands, and how that is told."""

    asked: Asked
    operands: Callable[[Asked], dict[str, Any]]
    told: str


def check_step(trial: Trial) -> tuple[Outcome, ...]:
    """One instance gives what another gives that has the new numbers from the start.

    All other rows make an instance for each call. Here one is called, its weights are changed in
    place, as an optimizer does, or where it has none its input is another, and it is called again;
    and once with a sample fewer, or one more than a single one. Two calls before a backward are
    asked of one instance too.
    """
    why = why_not_here(trial)
    if not why and not (leads(trial) or is_one_of(trial.case, EVERY)):
        why = "left to other cases"
    if why:
        return unjudged(trial, NAME, why)
    later = [_Later(Asked.of(trial), _stepped, f"after {_changed(trial)}")]
    other = of_another_size(trial)
    if other is not None:
        case, told_size = other
        later.append(_Later(Asked.of(Trial(trial.subject, case)), Asked.leaves, told_size))
    compared = [_compared(trial, call) for call in later]
    if all(found is None for found in compared):
        return unjudged(trial, NAME, "it fails outside of this row too")
    of_two, remark = of_two_calls(trial, NAME)
    every = [each for found in compared for each in found or ()] + of_two
    outcomes = first_of_each(trial, NAME, every)
    return (remarked(NAME, "y", remark), *outcomes[1:]) if remark and not every else outcomes


def _changed(trial: Trial) -> str:
    what = "its weights were" if len(trial.arrays.operands) > 1 else "its input was"
    return f"{what} changed in place"


def _compared(trial: Trial, later: _Later) -> list[Outcome] | None:
    """What differs between the later call of a module, and the first one of another.

    ``None`` where the other one fails, too.
    """
    once, anew = tried(_at_the_second, Asked.of(trial), later), tried(_made_anew, later)
    if not anew.returned:
        return None
    if once.returned:
        return list(_violations(trial, later, once.value, anew.value))
    message = f"at the second call of one module, {later.told}, it raises {told(once)}"
    return [failed(trial, NAME, "y", Kind.STATE, message, exception=once.exception)]


def _at_the_second(asked: Asked, later: _Later) -> dict[str, Array]:
    """What an instance gives at its second call."""
    standing, leaves = asked.standing(), asked.leaves()
    standing.hold(leaves)
    _results(asked, standing, leaves)
    return _held(standing, later)


def _made_anew(later: _Later) -> dict[str, Array]:
    """What an instance gives that has had no other numbers."""
    return _held(later.asked.standing(), later)


def _held(standing: Any, later: _Later) -> dict[str, Array]:
    operands = later.operands(later.asked)
    standing.hold(operands)
    return _results(later.asked, standing, operands)


def _stepped(asked: Asked) -> dict[str, Any]:
    """The operands with other weights; with another input where there are none."""
    import torch

    leaves = asked.leaves()
    changed = list(leaves)[1:] or list(leaves)
    with torch.no_grad():
        for name in changed:
            # Negated, and in another order: no sum has more bits than before.
            leaves[name].copy_(-leaves[name].flip(0))
    return leaves


def _results(asked: Asked, standing: Any, leaves: dict[str, Any]) -> dict[str, Array]:
    own = standing.operands(leaves)
    y = standing.call(own)
    bars = engine(y, own, asked.cotangent)
    found = {"y": y, **{f"{name}_bar": bar for name, bar in bars.items()}}
    return {name: numbers(each) for name, each in found.items() if each is not None}


def _slack(trial: Trial, later: _Later, result: str) -> Array | None:
    there = later.asked.trial
    if trial.case.lattice is not None and there is trial:
        return slack_between_runs(trial, result)
    held = {name: numbers(each) for name, each in later.operands(later.asked).items()}
    arrays = replace(there.arrays, operands=held)
    return slack_between_runs(trial, result, (there.case, arrays))


def _violations(
    trial: Trial, later: _Later, once: dict[str, Array], anew: dict[str, Array]
) -> Iterator[Outcome]:
    for result, right in anew.items():
        got = once.get(result)
        if got is None or got.shape != right.shape:
            now = "missing" if got is None else f"of shape {got.shape}"
            message = f"{result} is {now} at the second call of one module {later.told}"
            yield failed(trial, NAME, result, Kind.STATE, message)
            continue
        if np.array_equal(got, right, equal_nan=True):
            continue
        where = difference(got, right, _slack(trial, later, result))
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} at the second call of one module "
                f"{later.told}, and {number(where.expected)} in a new one: what was made at the "
                "first call is used again"
            )
            yield failed(trial, NAME, result, Kind.STATE, message, where)
