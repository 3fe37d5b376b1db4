"""The forward on other numbers: equal ones may hide that it reads other cells.

A forward that reads other cells gives the right numbers where those cells hold the same. Before a
backward alone is blamed for what belongs to such a forward, or torch is suspected, it is asked on
numbers that differ.
"""

from __future__ import annotations

from dataclasses import replace

from bpcheck.checks import bounds
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.run import call_forward, gives_y, hand, numbers_of
from bpcheck.checks.trial import Trial
from bpcheck.filling import fill
from bpcheck.oracles.autograd import autograd


def forward_elsewhere(trial: Trial) -> Difference | None:
    """Where the forward differs from torch's on other numbers of the same shapes, if it does."""
    return trial.once(_forward_elsewhere)


def _forward_elsewhere(trial: Trial) -> Difference | None:
    if "exact" not in trial.case.operation.value_kinds or not trial.subject.claims.exact:
        return None
    seed = trial.case.seed + 1
    case = replace(trial.case, values="exact", layout="c-order", seed=seed, one_hot=None)
    arrays = fill(case)
    operands = hand(case, arrays).operands
    forward = call_forward(trial.subject, case, operands, params=trial.params)
    if not gives_y(case, forward):
        return None
    bound = None
    if case.operation.divides:
        bound = bounds.quotient_bound(case, "y", bounds.absolute_sums(case, arrays)["y"])
    y = numbers_of(case, "y", forward.value[0])
    assert y is not None  # noqa: S101 - looked at above
    return difference(y, autograd(case, arrays)["y"], bound)
