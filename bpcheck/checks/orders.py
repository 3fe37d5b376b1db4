"""Orders of calls: whatever forwards and vjps come in between, each vjp is that of its forward."""

from __future__ import annotations

from collections.abc import Iterator

from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.run import Run
from bpcheck.checks.sequence import CHEAPEST, ORDERS, order_of
from bpcheck.checks.split import of_gradients
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import takes_turn
from bpcheck.finding import Kind, Outcome

#: The turn of all that runs other numbers too.
TURN = 0

SECOND_VJP = "second vjp"

REUSED = "reused arrays"

_REMEDY = "keep what each vjp needs in the residuals that its forward returns"


def check_order(trial: Trial, name: str) -> tuple[Outcome, ...]:
    """Every result is what it is where each vjp comes right after its forward, bit for bit."""
    why = _why_not(trial, name)
    if why:
        return unjudged(trial, name, why)
    return first_of_each(trial, name, _violations(trial, name))


def _why_not(trial: Trial, *orders: str) -> str:
    """Why nothing is asked, where only the cases of these orders are; empty if something is."""
    if not trial.first.is_whole:
        return "the contract is broken"
    is_its_turn = takes_turn(trial.case, TURN) and order_of(trial.case) in orders
    return "" if is_its_turn else "left to other cases"


def _violations(trial: Trial, name: str) -> Iterator[Outcome]:
    here = f"in the order {trial.reordered.order}"
    for which, run in trial.reordered.runs.items():
        expected = trial.first if which == "1" else trial.other
        there = f"where v{which} comes right after f{which}; {_REMEDY}"
        yield from _unlike(trial, name, run, expected, here, there)


def check_second_vjp(trial: Trial) -> tuple[Outcome, ...]:
    """A vjp is the same after another one of the same forward, bit for bit, or raises."""
    if trial.subject.claims.single_use:
        return unjudged(trial, SECOND_VJP, "residuals are claimed to serve once")
    why = _why_not(trial, CHEAPEST)
    pair = None if why else trial.repeated_vjp
    if pair is None or not pair[0].is_whole:
        return unjudged(trial, SECOND_VJP, why or "the vjp before it failed")
    return of_gradients(first_of_each(trial, SECOND_VJP, _of_second_vjp(trial, pair[1])))


def _of_second_vjp(trial: Trial, second: Run) -> Iterator[Outcome]:
    if second.vjp is None or not second.vjp.returned:
        # An error is honest: torch, too, refuses to go through a graph twice.
        return
    here = "where another vjp of the same forward comes first (f1 v1 v1)"
    there = "without it; the first one spoils the residuals: work on copies, or claim SINGLE_USE"
    yield from _unlike(trial, SECOND_VJP, second, trial.first, here, there)


def check_reused_arrays(trial: Trial) -> tuple[Outcome, ...]:
    """Every result follows from what the arrays hold now, not from what they held before."""
    why = _why_not(trial, *(name for name in ORDERS if name != CHEAPEST))
    if why:
        return unjudged(trial, REUSED, why)
    here = "where other numbers were in the same arrays in an earlier call"
    there = "in new arrays; a cache must not be keyed by the array itself"
    found = _unlike(trial, REUSED, trial.renewed, trial.plain, here, there)
    return first_of_each(trial, REUSED, found)


def _unlike(
    trial: Trial, check: str, run: Run, expected: Run, here: str, there: str
) -> Iterator[Outcome]:
    """The results of a run that are not the expected ones; `here` and `there` say where each is."""
    if not expected.is_whole:
        return
    if not run.is_whole:
        # Without a y, no gradient was asked for.
        result = f"{next(iter(trial.arrays.operands))}_bar" if run.vjp else "y"
        message = f"{run.why_not} {here}, and not {there}"
        yield failed(trial, check, result, Kind.STATE, message)
        return
    for result, right in expected.got.items():
        where = difference(run.got[result], right)
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} {here}, and "
                f"{number(where.expected)} {there}"
            )
            yield failed(trial, check, result, Kind.STATE, message, where)
