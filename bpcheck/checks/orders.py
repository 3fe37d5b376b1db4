"""Orders of calls: whatever forwards and vjps come in between, each vjp is that of its forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bpcheck.cases import Case
from bpcheck.checks.another import another, run_of_another
from bpcheck.checks.outcomes import first_of_each, unjudged
from bpcheck.checks.run import Run, call_forward, hand, run_vjp
from bpcheck.checks.state import TURN, unlike
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import is_like, takes_turn, turn_within
from bpcheck.finding import Outcome

#: Each order by the name of its row: ``f2`` is the second forward, ``v2`` the vjp of what it
#: returned. The first one is on the arrays of the case, the others are on those of another.
ORDERS: Mapping[str, str] = {
    "vjps in reverse": "f1 f2 v2 v1",
    "vjps in order": "f1 f2 v1 v2",
    "three forwards": "f1 f2 f3 v1",
}

#: The order that costs least: its cases can afford a second vjp too.
CHEAPEST = "three forwards"

#: Forwards in one of so many small cases of that order, like this seed: as many layers of one shape
#: as a network has, whose residuals a ring of buffers or a cache of a few does not hold.
MANY, OF_MANY, LIKE = 17, 10, 18


def order_of(case: Case) -> str:
    """The name of the order that falls to this case."""
    return tuple(ORDERS)[turn_within(case)]


def calls_of(case: Case) -> tuple[str, ...]:
    """Forwards and vjps in the order that falls to this case."""
    name = order_of(case)
    if name != CHEAPEST or not is_like(case, LIKE, OF_MANY):
        return tuple(ORDERS[name].split())
    return (*(f"f{which}" for which in range(1, MANY + 1)), "v1")


def told_order(case: Case) -> str:
    """The same as it is told; of many forwards the first and the last ones."""
    calls = calls_of(case)
    return " ".join(calls if len(calls) < MANY else (*calls[:3], "...", *calls[-2:]))


def why_not_ordered(trial: Trial, *orders: str) -> str:
    """Why nothing is asked, where only the cases of these orders are; empty if something is."""
    if not trial.first.is_whole:
        return "the contract is broken"
    is_its_turn = takes_turn(trial.case, TURN) and order_of(trial.case) in orders
    return "" if is_its_turn else "left to other cases"


def check_order(trial: Trial, name: str) -> tuple[Outcome, ...]:
    """Every result is what it is where each vjp comes right after its forward, bit for bit."""
    why = why_not_ordered(trial, name)
    if not why and not trial.once(run_of_another).is_whole:
        why = "the other case failed"
    if why:
        return unjudged(trial, name, why)
    return first_of_each(trial, name, _violations(trial, name))


def _violations(trial: Trial, name: str) -> Iterator[Outcome]:
    for which, run in trial.once(reordered).runs.items():
        other = trial.once(another)
        numbers = None if which == "1" else (other.case, other.arrays)
        expected = trial.first if which == "1" else trial.once(run_of_another)
        there = (
            f"where v{which} comes right after f{which}; keep what each vjp needs in the residuals "
            "that its forward returns"
        )
        here = f"in the order {told_order(trial.case)}"
        yield from unlike(trial, name, run, expected, here=here, there=there, numbers=numbers)


@dataclass(frozen=True, slots=True)
class Reordered:
    """Forwards and vjps in one of the orders.

    Parameters
    ----------
    runs
        What each forward and its vjp gave, by the forward's number, in the order of the vjps.
    changed
        The operands of the first forward that hold something else before its vjp.
    """

    runs: Mapping[str, Run]
    changed: tuple[str, ...]


def reordered(trial: Trial) -> Reordered:
    """Further runs of the trial's case, and of another one, in the order that falls to it."""
    subject, other = trial.subject, trial.once(another)
    ours = hand(trial.case, trial.arrays)
    forwards, runs = {}, {}
    changed: tuple[str, ...] = ()
    for call in calls_of(trial.case):
        which = call[1:]
        case, params = (trial.case, trial.params) if which == "1" else (other.case, other.params)
        if call.startswith("f"):
            handed = ours if which == "1" else other.hand()
            forwards[which] = handed, call_forward(subject, case, handed.operands, params=params)
            changed = tuple(
                name
                for name, array in trial.arrays.operands.items()
                if not np.array_equal(ours.operands[name], array, equal_nan=True)
            )
        else:
            handed, forward = forwards[which]
            runs[which] = run_vjp(subject, case, handed, forward)
    return Reordered(runs, changed)
