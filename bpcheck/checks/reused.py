"""Arrays that are used again: results follow from the numbers that they hold now."""

from __future__ import annotations

import numpy as np

from bpcheck.checks.orders import CHEAPEST, ORDERS, why_not_ordered
from bpcheck.checks.outcomes import first_of_each, unjudged
from bpcheck.checks.run import Run, hand, run
from bpcheck.checks.state import unlike
from bpcheck.checks.trial import Trial
from bpcheck.finding import Outcome

NAME = "reused arrays"


def check_reused(trial: Trial) -> tuple[Outcome, ...]:
    """Every result is what it is in new arrays, bit for bit."""
    why = why_not_ordered(trial, *(name for name in ORDERS if name != CHEAPEST))
    if why:
        return unjudged(trial, NAME, why)
    here = "where other numbers were in the same arrays in an earlier call"
    there = "in new arrays; a cache must not be keyed by the array itself"
    found = unlike(trial, NAME, _renewed(trial), trial.plain, here=here, there=there)
    return first_of_each(trial, NAME, found)


def _renewed(trial: Trial) -> Run:
    """A run on the numbers of the case, written into the arrays of a run on others.

    An optimizer leaves the weights so, step by step.
    """
    handed = hand(trial.case, trial.others, layouts={})
    run(trial.subject, trial.case, handed, params=trial.params)
    for name, array in handed.operands.items():
        np.copyto(array, trial.arrays.operands[name])
    np.copyto(handed.y_bar, trial.arrays.y_bar)
    return run(trial.subject, trial.case, handed, params=trial.params)
