"""Memory layouts: the same numbers in another order of memory must give the same results."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import (
    error_bounds,
    is_defined_throughout,
    narrow_bounds,
    quotient_bound,
    slack_of_wrong,
)
from bpcheck.checks.compare import difference
from bpcheck.checks.further import broken_off
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed, unjudged
from bpcheck.checks.run import Run
from bpcheck.checks.special import misplaced
from bpcheck.checks.subnormals import flushes
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import turn_within
from bpcheck.finding import Kind, Outcome

NAME = "layouts"

_BY_CHANCE = "it differs between two runs and not between the next two"


def check_layouts(trial: Trial) -> tuple[Outcome, ...]:
    """Every result against a run on contiguous arrays in C order.

    On the lattice both must have the same bits; on real data another order of summation is allowed
    for, by twice the rounding bound.
    """
    if not trial.case.layouts:
        return unjudged(trial, NAME, "all arrays are in C order")
    if not (is_defined_throughout(trial) or trial.subject.claims.exact):
        return unjudged(trial, NAME, "operands that are not finite")
    if not _is_exact(trial) and error_bounds(trial) is None:
        return unjudged(trial, NAME, "a kink lies within rounding error")
    if flushes(trial):
        return unjudged(trial, NAME, "subnormals are flushed")
    results = trial.case.results
    if _is_exact(trial) and turn_within(trial.case) and _is_right(trial, results):
        # What these numbers give in C order is right elsewhere; a run for it takes turns.
        return tuple(passed(NAME, result) for result in results)
    if trial.first.is_whole and not trial.plain.is_whole:
        return broken_off(trial, NAME, trial.plain, "when all arrays are in C order")
    return tuple(_compare(trial, result, trial.plain.got.get(result)) for result in results)


def _is_right(trial: Trial, results: Collection[str]) -> bool:
    """Whether every result is torch's number for number."""
    return trial.first.is_whole and all(
        np.array_equal(trial.got[result], trial.autograd[result], equal_nan=True)
        for result in results
    )


def _compare(trial: Trial, result: str, expected: Array | None) -> Outcome:
    got = trial.got.get(result)
    if got is None or expected is None:
        return not_applicable(NAME, result, "the contract is broken")
    if not is_defined_throughout(trial):
        return _compare_special(trial, result, expected)
    if _is_exact(trial):
        slack = slack_of_wrong(trial, result, expected)
        if slack is None and trial.case.operation.divides:
            # Both may be rounded quotients, and rounded in another order.
            slack = 2 * quotient_bound(trial, result)
    else:
        narrow = narrow_bounds(trial)
        assert narrow is not None  # noqa: S101 - asked above
        proven = narrow[result]
        if difference(expected, trial.autograd[result], proven) is not None:
            # The bound is that of right sums.
            return not_applicable(NAME, result, "it is wrong in C order too")
        slack = 2 * proven
    where = difference(got, expected, slack)
    if where is None:
        return passed(NAME, result)
    if not _is_so_again(trial, result, slack):
        return not_applicable(NAME, result, _BY_CHANCE)
    message = (
        f"{element(result, where)} is {number(where.got)} with {_named(trial)}, and "
        f"{number(where.expected)} when all arrays are in C order; index through the strides, "
        "or copy with numpy.ascontiguousarray first"
    )
    return failed(trial, NAME, result, Kind.LAYOUT, message, where)


def _is_so_again(trial: Trial, result: str, slack: Array | None) -> bool:
    """Whether further runs in both layouts differ too: what comes and goes is not of a layout."""
    here, plain = (each.got.get(result) for each in trial.once(_once_more))
    return here is None or plain is None or difference(here, plain, slack) is not None


def _once_more(trial: Trial) -> tuple[Run, Run]:
    """A further run in the layouts of the case, and one in C order."""
    return trial.once_more(), trial.again(trial.arrays)


def _compare_special(trial: Trial, result: str, expected: Array) -> Outcome:
    """By layout is what goes wrong here alone; sums of NaN and infinities leave some freedom."""
    found = misplaced(trial, result, trial.got[result])
    if found is None or misplaced(trial, result, expected) is not None:
        return passed(NAME, result)
    message = f"{found[0]}, with {_named(trial)} and not when all arrays are in C order"
    return failed(trial, NAME, result, Kind.LAYOUT, message, found[1])


def _is_exact(trial: Trial) -> bool:
    """Whether the order of summation can make no difference."""
    return trial.case.is_exact and trial.subject.claims.exact


def _named(trial: Trial) -> str:
    return " and ".join(f"{name} {layout}" for name, layout in trial.case.layouts.items())
