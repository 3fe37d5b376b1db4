"""What a kernel does in all runs of a case: what checks find, and what its inputs hold after it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isclose, isnan, nan

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases import Case
from bpcheck.checks import CHECKS, Trial, ten_runs
from bpcheck.checks.compare import same_bits
from bpcheck.finding import NOTES, Finding, Kind, Outcome, Status
from bpcheck.subject import Subject


@dataclass(frozen=True)
class Conduct:
    """What all checks say of a subject in one case.

    Parameters
    ----------
    case
        The case.
    said
        Whether a check passed (``None``), or what it found, by check and result; no entry where it
        said nothing.
    left
        What the operands and the cotangent of the first run hold after it.
    """

    case: Case
    said: Mapping[tuple[str, str], Finding | None]
    left: Mapping[str, Array]

    def is_like(self, other: Conduct, check: str, result: str) -> bool:
        """Whether a check found the same of two subjects."""
        key = (check, result)
        one, another = self.said.get(key), other.said.get(key)
        if one is not None and one.kind is Kind.MUTATES and not self._leaves_the_same(other):
            return False
        return _are_alike(one, another, self.case)

    def _leaves_the_same(self, other: Conduct) -> bool:
        return all(same_bits(array, other.left[name]) for name, array in self.left.items())


def conduct_of(subject: Subject, case: Case) -> Conduct:
    """What all checks say, in the order in which a run asks them."""
    trial = Trial(subject, case)
    # How threads happen to end is no conduct.
    checks = [check for check in CHECKS.values() if check.name != ten_runs.NAME]
    outcomes = [outcome for check in checks for outcome in check.run(trial)]
    handed = trial.first.handed
    left = {**handed.operands, "y_bar": handed.y_bar}
    return replace(conduct_said(case, outcomes), left=left)


def conduct_said(case: Case, outcomes: Iterable[Outcome]) -> Conduct:
    """What the checks have said, where nobody knows what was left in the arrays."""
    said = {
        (outcome.check, outcome.result): finding
        for outcome in outcomes
        # How threads happen to end is no conduct.
        if outcome.check != ten_runs.NAME
        if outcome.status is not Status.NOT_APPLICABLE
        # What is not held against a subject is no difference either.
        for finding in [_held_against(outcome.finding)]
    }
    return Conduct(case, said, {})


def _held_against(finding: Finding | None) -> Finding | None:
    return None if finding is None or finding.kind in NOTES else finding


def _worded(finding: Finding) -> str:
    """What is told, without numbers: which call it was may be among them."""
    return re.sub(r"\d+", "#", finding.message)


def _are_alike(one: Finding | None, other: Finding | None, case: Case) -> bool:
    """Whether two kernels were found to be wrong in the same way, by the same numbers."""
    if one is None or other is None:
        return one is other
    if one.exception.partition(" ")[0] != other.exception.partition(" ")[0]:
        # Of one type, wherever it was raised.
        return False
    if one.kind is not other.kind or (one.index is None) != (other.index is None):
        return False
    if one.kind is Kind.PRINTS:
        # Whoever prints for one result is one function, whatever it says.
        return True
    if one.got is None or other.got is None:
        # What was changed, or whose memory it is, is told in the same words.
        alike = _worded(one) == _worded(other) or bool(one.exception)
        return one.got is other.got and alike
    if not case.is_exact:
        # Which cell is furthest off, and by how much, depends on rounding.
        return True
    unit = FORMATS[case.dtype].unit_roundoff
    if one.kind is Kind.NOT_DETERMINISTIC:
        # By how much it differs from run to run, whatever it began with: each run is rounded.
        mine, its = _number(one.error), _number(other.error)
        sizes = [one.got, one.expected, other.got, other.expected]
        slack = 4 * unit * max(abs(size) for size in sizes if size is not None)
        same = isclose(mine, its, rel_tol=0, abs_tol=slack)
    else:
        # A quotient is rounded twice at most, by either kernel.
        mine, its = _number(one.got), _number(other.got)
        same = isclose(mine, its, rel_tol=4 * unit if case.operation.divides else 0.0)
    return one.index == other.index and (same or (isnan(mine) and isnan(its)))


def _number(number: float | None) -> float:
    return nan if number is None else number
