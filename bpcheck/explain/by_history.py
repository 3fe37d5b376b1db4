"""Naming state that outlives a case: the known mistake that began in the same way.

What a kernel keeps from one case to the next, and never gets rid of, cannot be looked at anew. How
it began is known: what its first call gave, and what the checks found in its first cases. A mistake
that is planted afresh, called once and asked the same cases in their order, gives the same or not.
"""

from __future__ import annotations

from dataclasses import replace

from bpcheck.checks import Trial
from bpcheck.checks.allowed import is_right
from bpcheck.explain.conduct import Conduct, conduct_of, conduct_said
from bpcheck.explain.diagnosis import ENOUGH, Diagnosis
from bpcheck.explain.faults import FAMILIES, Fault
from bpcheck.explain.right import right_kernel
from bpcheck.finding import Kind
from bpcheck.subject import Subject
from bpcheck.verdict.opening import Opening
from bpcheck.verdict.tally import work

#: The families of faults that keep something from call to call.
KEEPING = ("state", "caches", "orders", "second_vjp")

#: Multiplications of the first cases together up to which they are asked again.
LARGEST = 160_000


def diagnose_history(subject: Subject, opening: Opening, *, result: str) -> Diagnosis | None:
    """The fault of the catalogue with which a run would have begun so, or ``None``.

    It finds the same of the result, check by check, in three of the first cases that fail and in
    80 % of them; it fails no check that the subject passed, and gets right in the first call what
    the subject did.
    """
    best: Diagnosis | None = None
    for fault in _keeping(subject, result):
        found = _explained(fault, subject, opening, result, enough=ENOUGH)
        if found is not None and (best is None or found.explained > best.explained):
            best = found
    return best


def explains_history(fault: Fault, subject: Subject, opening: Opening, *, result: str) -> bool:
    """Whether a fault that was named for one result is behind what was found of this one too."""
    if fault not in _keeping(subject, result):
        return False
    return _explained(fault, subject, opening, result, enough=1) is not None


def _keeping(subject: Subject, result: str) -> list[Fault]:
    name = subject.operation.address
    return [
        fault
        for family in KEEPING
        for fault in FAMILIES[family]
        if name in fault.operations and result in fault.results
    ]


def _explained(
    fault: Fault, subject: Subject, opening: Opening, result: str, *, enough: int
) -> Diagnosis | None:
    began = [conduct_said(each.case, each.outcomes) for each in opening.judged]
    if sum(work(each.case) for each in began) > LARGEST:
        return None
    failing = [each for each in began if _findings(each, result)]
    if len(failing) < enough:
        return None
    planted = fault.plant(replace(right_kernel(subject.operation), claims=subject.claims))
    if not _begins_alike(planted, fault, opening):
        return None
    explained = 0
    for number, one in enumerate(began, 1):
        other = conduct_of(planted, one.case)
        if _is_contradicted(one, other, fault):
            return None
        found = _findings(one, result)
        explained += bool(found) and all(_is_like(one, other, check, result) for check in found)
        left = sum(bool(_findings(each, result)) for each in began[number:])
        if 5 * (explained + left) < 4 * len(failing) or explained + left < enough:
            return None
    return Diagnosis(fault, explained, len(failing))


def _begins_alike(planted: Subject, fault: Fault, opening: Opening) -> bool:
    """Whether the first call gets right what the subject's first call did."""
    if opening.first is None:
        return True
    trial = Trial(planted, opening.first.case)
    return all(
        (name in trial.got and is_right(trial, name)) == (name in opening.first.right)
        for name in opening.first.case.operation.results(opening.first.case.geometry)
        if name in fault.results
    )


def _findings(conduct: Conduct, result: str) -> list[str]:
    """The checks that found something of a result."""
    return [
        check
        for (check, of), finding in conduct.said.items()
        if of == result and finding is not None
    ]


def _is_like(one: Conduct, other: Conduct, check: str, result: str) -> bool:
    """Whether a check found the same; what a kernel raises of wrong residuals is its own."""
    found = one.said.get((check, result)), other.said.get((check, result))
    if all(each is not None and each.kind is Kind.RAISES for each in found):
        return True
    return one.is_like(other, check, result)


def _is_contradicted(one: Conduct, other: Conduct, fault: Fault) -> bool:
    """Whether the fault fails a check that the subject passed."""
    return any(
        finding is not None
        and key[1] in fault.results
        and key in one.said
        and one.said[key] is None
        for key, finding in other.said.items()
    )
