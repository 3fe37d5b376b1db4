"""The same bits twice: nothing random, and nothing kept from one call to the next."""

from __future__ import annotations

from collections.abc import Iterator

from bpcheck.checks.allowed import is_same_again
from bpcheck.checks.further import what_broke
from bpcheck.checks.outcomes import failed, first_of_each, unjudged
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import affords_more
from bpcheck.finding import Kind, Outcome

NAME = "same bits twice"


def check_repeat(trial: Trial) -> tuple[Outcome, ...]:
    """Every result of the same case, run again on the same arrays, bit for bit.

    Without the claim of determinism, another order of summation may show.
    """
    if not trial.first.is_whole:
        return unjudged(trial, NAME, "the contract is broken")
    if not affords_more(trial.case):
        return unjudged(trial, NAME, "left to other cases")
    return first_of_each(trial, NAME, _violations(trial))


def _violations(trial: Trial) -> Iterator[Outcome]:
    second = trial.once_more()
    if not second.is_whole:
        message = f"the same case failed when it was run a second time: {what_broke(trial, second)}"
        yield failed(trial, NAME, "y", Kind.NOT_DETERMINISTIC, message)
        return
    for result in trial.got:
        if not is_same_again(trial, result, second.got[result]):
            message = (
                f"{result} differs between two runs of the same case; "
                "look for state that is kept between calls"
            )
            yield failed(trial, NAME, result, Kind.NOT_DETERMINISTIC, message)
