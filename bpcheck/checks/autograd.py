"""Exact agreement with autograd: on the lattice a right kernel has torch's numbers bit for bit.

One comparison, and a name for each kind of case: what is wrong with ties alone, or near overflow
alone, is another mistake than a wrong formula.
"""

from __future__ import annotations

import numpy as np

from bpcheck.cases import Case
from bpcheck.checks.allowed import (
    agrees_with_autograd,
    is_defined_throughout,
    is_nan_convention,
    is_other_convention,
    quotient_bound,
)
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.elsewhere import forward_elsewhere
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed, unjudged
from bpcheck.checks.special import judged_special
from bpcheck.checks.subnormals import flushes
from bpcheck.checks.trial import Trial
from bpcheck.filling.lattice import lattice_is_kinked
from bpcheck.finding import Kind, Outcome, Status

NAME = "autograd"
TIES = "ties"
SPECIAL = "NaN and infinity"
EXTREME = "extreme values"
EMPTY = "empty batch"

_BY_VALUES = {"ties": TIES, "special": SPECIAL, "tiny": EXTREME, "huge": EXTREME}


def check_autograd(trial: Trial, *, name: str = NAME) -> tuple[Outcome, ...]:
    """Every result against torch in float64, on values for which no rounding can occur.

    `name` is the kind of case that is asked for: see `name_of`.
    """
    asked = name_of(trial.case)
    if asked != name:
        return unjudged(trial, name, f"this case belongs to {asked!r}")
    if name == NAME and not trial.case.is_exact:
        return unjudged(trial, name, "real values")
    # Nothing is summed in an empty batch, so a transform has nothing to round.
    if not trial.subject.claims.exact and name != EMPTY:
        return unjudged(trial, name, "not a direct sum")
    results = trial.case.results
    y, *gradients = (_compare(trial, name, result) for result in results)
    if y.status is Status.PASSED and any(each.status is Status.FAILED for each in gradients):
        y = _elsewhere(trial, name) or y
    return (y, *gradients)


def _elsewhere(trial: Trial, name: str) -> Outcome | None:
    """What is wrong with a `y` that is right on the numbers of the case alone."""
    where = forward_elsewhere(trial)
    if where is None:
        return None
    message = (
        f"{trial.case.element('y', where.index)} is {number(where.got)} on other numbers of the "
        "same shapes, and "
        f"autograd has {number(where.expected)}; the numbers of this case hide it"
    )
    return failed(trial, name, "y", Kind.VALUE, message)


def name_of(case: Case) -> str:
    """Under which name autograd judges a case."""
    if 0 in case.shapes["y"]:
        return EMPTY
    if case.values == "sparse" and lattice_is_kinked(case):
        # Zeros are equals.
        return TIES
    return _BY_VALUES.get(case.values, NAME)


def _compare(trial: Trial, name: str, result: str) -> Outcome:
    got = trial.got.get(result)
    if got is None:
        return not_applicable(name, result, "the contract is broken")
    if agrees_with_autograd(trial, result):
        return passed(name, result)
    # What is chosen by comparing has one right place, whatever the cotangent holds.
    is_chosen = result == "y" and trial.case.operation.orders_special
    if name == SPECIAL and not (is_chosen or is_defined_throughout(trial)):
        return judged_special(trial, name, result)
    expected = trial.autograd[result]
    where = difference(got, expected)
    if where is not None and trial.case.operation.divides:
        # A right kernel may multiply by a rounded reciprocal.
        where = difference(got, expected, quotient_bound(trial, result))
    if where is None:
        return passed(name, result)
    if result != "y" and is_other_convention(trial):
        kind, why = _convention(trial, result)
        message = (
            f"{element(result, where)} = {number(where.got)}, autograd has "
            f"{number(where.expected)}: {why}"
        )
        return failed(trial, name, result, kind, message, where)
    if is_nan_convention(trial):
        message = (
            f"{_message(result, where)}: windows with NaN are treated another way than torch's, in "
            "which NaN wins and its last one gets the cotangent; who claims NAN is held to that"
        )
        return failed(trial, name, result, Kind.NAN_ELSEWHERE, message, where)
    if result in flushes(trial):
        message = (
            f"{_message(result, where)}, and the same numbers times a power of two that leaves "
            "none of them subnormal give the right results; who claims SUBNORMALS is held to them"
        )
        return failed(trial, name, result, Kind.FLUSHES, message, where)
    return failed(trial, name, result, Kind.VALUE, _message(result, where), where)


def _convention(trial: Trial, result: str) -> tuple[Kind, str]:
    """Which convention a valid subgradient is of.

    Where cells of the operand differ from torch's alone that are NaN, they are equals as others
    are, and who of them wins is the convention on NaN.
    """
    operand = np.asarray(trial.arrays.operands[result.removesuffix("_bar")], np.float64)
    differs = np.asarray(trial.got[result], np.float64) != trial.autograd[result]
    if differs.any() and np.isnan(operand[differs]).all():
        why = "another choice among the NaN of a window than torch's, in which the last wins"
        return Kind.NAN_ELSEWHERE, why
    if differs.any() and (operand[differs] == -np.inf).all():
        why = "valid where a window holds nothing above -inf, and not what torch's does there"
        return Kind.CONVENTION, why
    return Kind.CONVENTION, "another subgradient at a tie, valid, and not torch's"


def _message(result: str, where: Difference) -> str:
    return (
        f"{element(result, where)} is {number(where.got)}, autograd has {number(where.expected)} "
        f"({where.wrong} of {where.total} elements wrong)"
    )
