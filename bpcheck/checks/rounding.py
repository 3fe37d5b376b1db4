"""The derived rounding bound on real data: no tolerance that a person chose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.checks.allowed import (
    absolute_sums,
    error_bounds,
    is_other_convention,
    narrow_bounds,
    wide_bounds,
)
from bpcheck.checks.bounds import accumulator
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed, unjudged
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Measured, Outcome

NAME = "rounding"

#: Values at the ends of the range: what a transform adds up may leave it although no result does.
_ENDS = ("special", "tiny", "huge")


def check_rounding(trial: Trial) -> tuple[Outcome, ...]:
    """Every result against torch in float64, within what rounding can do to a right kernel.

    An error above ``gamma_n sum |a_i b_i|`` proves the kernel wrong, unless narrower sums than it
    is held to explain it; one above ``6 sqrt(n) u sum |a_i b_i|`` shows that it lost precision.
    A transform is held to its own bound on exact values as well.
    """
    if trial.case.is_exact and trial.subject.claims.exact:
        return unjudged(trial, NAME, "exact values")
    if trial.case.values in _ENDS:
        return unjudged(trial, NAME, "values at the ends of the range")
    results = trial.case.results
    return tuple(_compare(trial, name) for name in results)


def _compare(trial: Trial, result: str) -> Outcome:
    got = trial.got.get(result)
    if got is None:
        return not_applicable(NAME, result, "the contract is broken")
    found = error_bounds(trial)
    if found is None:
        return not_applicable(NAME, result, "a kink lies within rounding error")
    expected = trial.autograd[result]
    if trial.case.lattice is None:
        # What the reference has no number for has no right one: a mean of nothing, say.
        got = np.where(np.isfinite(expected), got, expected)
    proven, probable = (bounds[result] for bounds in found)
    where = difference(got, expected, proven)
    if where is not None:
        return _beyond(trial, result, where)
    where = difference(got, expected, probable)
    measured = _measured(trial, result, got, expected)
    if where is not None:
        if _is_narrower(trial, result):
            return replace(_beyond(trial, result, where), measured=measured)
        message = (
            f"{_off(result, where)}, and {trial.format.name} sums of that length stay under "
            f"{where.bound:.3g} unless an input or a partial sum was rounded more coarsely"
        )
        lost = failed(trial, NAME, result, Kind.LOST_PRECISION, message, where)
        return replace(lost, measured=measured)
    outcome = (
        _noted(trial, result, got, expected)
        or _without_number(trial, result, expected)
        or passed(NAME, result)
    )
    return replace(outcome, measured=measured)


def _measured(trial: Trial, result: str, got: Array, expected: Array) -> Measured | None:
    """How large the error is, of what is a sum of products, or of their quotients."""
    if trial.case.operation.lattice(trial.case.geometry) is None or not got.size:
        return None
    unit = trial.format.unit_roundoff * absolute_sums(trial)[result]
    error = np.abs(got - expected)
    # Where all terms are 0, so is the error; what underflows is told by no unit roundoff.
    counts = np.isfinite(error) & (unit > trial.format.tiniest)
    ratio = float(np.max(error[counts] / unit[counts], initial=0.0))
    return Measured(trial.case.terms[result], ratio)


def _beyond(trial: Trial, result: str, where: Difference) -> Outcome:
    """What is said of an error that no rounding explains which the subject may do."""
    many = _many(where)
    # Narrow sums come first: where many cells are equal, ties would explain nearly everything.
    if _is_narrower(trial, result):
        message = f"{_off(result, where)}, and {_wider(trial, result)} {where.bound:.3g} at most; "
        message += f"explained only by sums in {trial.format.name} {many}{_remedy(trial)}"
        return failed(trial, NAME, result, Kind.LOST_PRECISION, message, where)
    # Of two winners that tie, the other one is off by whole cotangents, and not by rounding.
    if result != "y" and is_other_convention(trial):
        message = (
            f"{element(result, where)}: another subgradient at a tie or a kink, valid, and not "
            "torch's"
        )
        return failed(trial, NAME, result, Kind.CONVENTION, message, where)
    message = (
        f"{_off(result, where)}, and rounding in {trial.format.name} explains {where.bound:.3g} at "
        f"most {many}"
    )
    return failed(trial, NAME, result, Kind.VALUE, message, where)


def _is_narrower(trial: Trial, result: str) -> bool:
    """Whether sums in the operands' own dtype are less than is asked for, and explain a result."""
    narrow = narrow_bounds(trial)
    own = trial.format.unit_roundoff
    if narrow is None or accumulator(trial.subject, trial.case, result) >= own:
        return False
    return difference(trial.got[result], trial.autograd[result], narrow[result]) is None


def _noted(trial: Trial, result: str, got: Array, expected: Array) -> Outcome | None:
    """The note that narrow sums are, where nobody is held to wider ones."""
    claims, operation = trial.subject.claims, trial.case.operation
    if trial.format.bits >= FORMATS["float32"].bits or claims.accumulates is not None:
        return None
    if result not in operation.summed_narrow:
        return None
    wide = wide_bounds(trial)
    where = None if wide is None else difference(got, expected, wide[result])
    if where is None:
        return None
    message = (
        f"{_off(result, where)}, and sums in float32 explain {where.bound:.3g} at most; explained "
        f"by sums in {trial.format.name}, as torch's own pools add them up"
    )
    return failed(trial, NAME, result, Kind.NARROW_SUMS, message, where)


def _without_number(trial: Trial, result: str, expected: Array) -> Outcome | None:
    """The note that a number is where the reference has none: whose convention it is is open."""
    if trial.case.lattice is not None:
        return None
    places = np.argwhere(np.isfinite(trial.got[result]) & ~np.isfinite(expected))
    if not len(places):
        return None
    index = tuple(int(each) for each in places[0])
    message = (
        f"{trial.case.element(result, index)} is {number(float(trial.got[result][index]))}, and "
        f"the reference has {expected[index]} there ({len(places)} of {expected.size} elements): "
        "another convention where there is no number, as 0 is for a row that is masked throughout"
    )
    return failed(trial, NAME, result, Kind.NAN_ELSEWHERE, message)


def _off(result: str, where: Difference) -> str:
    return (
        f"{element(result, where)} is {where.got!r}, autograd has {where.expected!r}: off by "
        f"{where.error:.3g}"
    )


def _many(where: Difference) -> str:
    return f"({where.wrong} of {where.total} elements)"


def _wider(trial: Trial, result: str) -> str:
    """``sums in float32, as claimed, explain``."""
    claimed = trial.subject.claims.accumulates
    if claimed is not None:
        return f"sums in {claimed}, as claimed, explain"
    return f"sums in float32 that are rounded once to {trial.format.name} explain"


def _remedy(trial: Trial) -> str:
    """What to do, where nobody has claimed the wider sums."""
    if trial.subject.claims.accumulates is not None:
        return ""
    dtype = trial.format.name
    return (
        f"; torch's {trial.case.operation} adds up in float32: do so too, or claim less by "
        f'ACCUMULATES = "{dtype}"'
    )
