"""Inputs are not changed: not for good, and not for a while either."""

from __future__ import annotations

from collections.abc import Iterator

from bpcheck.checks.compare import same_bits
from bpcheck.checks.orders import reordered
from bpcheck.checks.outcomes import failed, first_of_each
from bpcheck.checks.state import TURN
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import takes_turn
from bpcheck.finding import Kind, Outcome

NAME = "inputs unchanged"


def check_unchanged(trial: Trial) -> tuple[Outcome, ...]:
    """Every operand and the cotangent hold after the calls, and between them, what they held."""
    return first_of_each(trial, NAME, _violations(trial))


def _violations(trial: Trial) -> Iterator[Outcome]:
    for name in trial.arrays.operands:
        if name not in trial.spared:
            message = f"{name} was changed by forward or vjp; work on a copy"
            yield failed(trial, NAME, f"{name}_bar", Kind.MUTATES, message)
    if not same_bits(trial.arrays.y_bar, trial.first.handed.y_bar):
        message = "y_bar was changed by vjp; work on a copy"
        first = f"{next(iter(trial.arrays.operands))}_bar"
        yield failed(trial, NAME, first, Kind.MUTATES, message)
    # The turn in which the reordered runs are made anyway.
    if trial.first.is_whole and takes_turn(trial.case, TURN):
        for name in trial.once(reordered).changed:
            message = f"{name} is another one between forward and vjp; work on a copy"
            yield failed(trial, NAME, f"{name}_bar", Kind.MUTATES, message)
