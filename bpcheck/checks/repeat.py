"""The same bits twice: nothing random, and nothing kept from one call to the next."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpcheck.checks.allowed import is_right, slack_between_runs
from bpcheck.checks.compare import difference, same_bits
from bpcheck.checks.further import what_broke
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import affords_more, has_turn
from bpcheck.finding import Kind, Outcome

NAME = "same bits twice"


def check_repeat(trial: Trial) -> tuple[Outcome, ...]:
    """Every result of the same case, run again on the same arrays, bit for bit.

    Another order of summation is a note, unless determinism is claimed: it moves real values by
    rounding, and exact ones not at all.
    """
    if not trial.first.is_whole:
        return unjudged(trial, NAME, "the contract is broken")
    if not (affords_more(trial.case) and has_turn(trial.case)):
        return unjudged(trial, NAME, "left to other cases")
    return first_of_each(trial, NAME, _violations(trial))


def _violations(trial: Trial) -> Iterator[Outcome]:
    second = trial.once_more()
    if not second.is_whole:
        message = f"the same case failed when it was run a second time: {what_broke(trial, second)}"
        yield failed(trial, NAME, "y", Kind.NOT_DETERMINISTIC, message)
        return
    for result, first in trial.got.items():
        again = second.got[result]
        if same_bits(first, again):
            continue
        slack = slack_between_runs(trial, result)
        where = difference(again, first, slack)
        if where is not None or trial.subject.claims.deterministic:
            message = (
                f"{result} differs between two runs of the same case; "
                "look for state that is kept between calls"
            )
            yield failed(trial, NAME, result, Kind.NOT_DETERMINISTIC, message, where)
            continue
        off = difference(again, first)
        if off is None or not is_right(trial, result):
            # NaN with another payload; or sums that are wrong anyway, of which nothing is known.
            continue
        if slack is not None and not np.isfinite(slack[off.index]):
            # Another cotangent in either run, say: that is no order of sums.
            continue
        message = (
            f"{element(result, off)} is {number(off.got)} in one run and {number(off.expected)} in "
            "another, as sums in another order are: real values differ from call to call by "
            "rounding (and so do rounded quotients), exact ones do not; who claims DETERMINISTIC "
            "is held to it"
        )
        yield failed(trial, NAME, result, Kind.UNORDERED, message, off)
