"""Making outcomes: what every check returns, one for each result."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from bpcheck.checks.compare import Difference
from bpcheck.checks.trial import Trial
from bpcheck.finding import NOTES, Finding, Kind, Outcome, Status


# One object for each of the few texts there are: what is the same travels once from a worker.
@cache
def passed(check: str, result: str) -> Outcome:
    """The result is as it should be."""
    return Outcome(check, result, Status.PASSED)


@cache
def not_applicable(check: str, result: str, why: str) -> Outcome:
    """The check says nothing about this result."""
    return Outcome(check, result, Status.NOT_APPLICABLE, note=why)


def remarked(check: str, result: str, remark: str) -> Outcome:
    """The result has nothing that could be right or wrong; that is told below the table."""
    return Outcome(check, result, Status.NOT_APPLICABLE, note=remark, remark=remark)


def failed(
    trial: Trial,
    check: str,
    result: str,
    kind: Kind,
    message: str,
    where: Difference | None = None,
    *,
    exception: str = "",
) -> Outcome:
    """The result is not what it should be."""
    named = ""
    if where and where.index and result == "y" and trial.case.outputs:
        # Checks compare one array; a person knows the outputs that it is made of.
        named = trial.case.element(result, where.index)
        message = re.sub(rf"(?<!\w){re.escape(element(result, where))}", named, message)
    finding = Finding(
        kind=kind,
        check=check,
        result=result,
        case=str(trial.case),
        message=message,
        index=where.index if where else None,
        got=where.got if where else None,
        expected=where.expected if where else None,
        error=where.error if where else None,
        bound=where.bound if where else None,
        wrong=where.wrong if where else 0,
        total=where.total if where else 0,
        exception=exception,
        element=named,
    )
    # What is not held against the subject leaves its row the mark.
    status = Status.PASSED if kind in NOTES else Status.FAILED
    return Outcome(check, result, status, finding)


def unjudged(trial: Trial, check: str, why: str) -> tuple[Outcome, ...]:
    """The check says nothing about any result of the case."""
    return _unjudged(check, trial.case.results, why)


@cache
def _unjudged(check: str, results: tuple[str, ...], why: str) -> tuple[Outcome, ...]:
    return tuple(not_applicable(check, name, why) for name in results)


def first_of_each(trial: Trial, check: str, found: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """The first outcome that was found for each result; the results without one have passed."""
    first: dict[str, Outcome] = {}
    for outcome in found:
        first.setdefault(outcome.result, outcome)
    results = trial.case.results
    if not first:
        return _all_passed(check, results)
    own = tuple(first.pop(result, passed(check, result)) for result in results)
    # What was given for an operand that the case does not have.
    return (*own, *first.values())


@cache
def _all_passed(check: str, results: tuple[str, ...]) -> tuple[Outcome, ...]:
    return tuple(passed(check, result) for result in results)


def element(result: str, where: Difference) -> str:
    """``w_bar[0,1]``."""
    return f"{result}[{','.join(map(str, where.index))}]" if where.index else result


def number(value: float) -> str:
    """A number as short as it can be told exactly."""
    # Beyond 2**53, about 1e16, whole numbers are no longer what was computed to the last digit.
    return f"{value:.0f}" if abs(value) < 1e16 and value == round(value) else repr(float(value))
