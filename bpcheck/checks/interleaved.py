"""Interleaved calls: two forwards before the first vjp, as autograd engines make them."""

from __future__ import annotations

from collections.abc import Iterator

from bpcheck.checks.allowed import slack_between_runs
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import takes_turn
from bpcheck.finding import Kind, Outcome

NAME = "interleaved calls"


def check_interleaved(trial: Trial) -> tuple[Outcome, ...]:
    """Every result is what it is without another case in between or before it, bit for bit."""
    if not trial.first.is_whole:
        return unjudged(trial, NAME, "the contract is broken")
    if not takes_turn(trial.case, 0):
        return unjudged(trial, NAME, "left to other cases")
    return first_of_each(trial, NAME, _violations(trial))


def _violations(trial: Trial) -> Iterator[Outcome]:
    run = trial.interleaved.run
    if run is None or not run.is_whole:
        why = run.why_not if run else "a forward failed"
        message = f"two forwards before the first vjp, and it fails: {why}"
        yield failed(trial, NAME, "y", Kind.STATE, message)
        return
    for result, expected in trial.got.items():
        where = difference(run.got[result], expected, slack_between_runs(trial, result))
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} when another forward comes "
                f"between forward and vjp, and {number(where.expected)} without it; keep what the "
                "vjp needs in the residuals"
            )
            yield failed(trial, NAME, result, Kind.STATE, message, where)
    yield from _of_earlier_numbers(trial)


def _of_earlier_numbers(trial: Trial) -> Iterator[Outcome]:
    """Results that are made of what the same arrays held in an earlier call."""
    inner = trial.interleaved.inner
    if inner is None or not inner.is_whole:
        return
    since = (
        "where other numbers were written into the same arrays since an earlier call; a cache must "
        "not be keyed by the array itself"
    )
    if not trial.renewed.is_whole:
        yield failed(trial, NAME, "y", Kind.STATE, f"{trial.renewed.why_not} {since}")
        return
    for result, expected in inner.got.items():
        slack = slack_between_runs(trial, result, trial.others)
        where = difference(trial.renewed.got[result], expected, slack)
        if where is not None:
            values = f"is {number(where.got)}, not {number(where.expected)},"
            message = f"{element(result, where)} {values} {since}"
            yield failed(trial, NAME, result, Kind.STATE, message, where)
