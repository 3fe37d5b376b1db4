"""The jury: subject, autograd and finite differences judge one case together.

| forward = torch | S = A | S = F | judgement                                       |
| --------------- | ----- | ----- | ----------------------------------------------- |
| yes             | yes   | yes   | agrees                                          |
| yes             | no    | no    | backward wrong                                  |
| no              | no    | yes   | forward computes something else                 |
| no              | yes   | no    | forward wrong; the backward is right            |
| no              | no    | no    | forward and backward both wrong                 |
| yes             | no    | yes   | the oracle is wrong                             |
| yes             | yes   | no    | forward wrong, though only near this point      |

S is the subject's gradient, A autograd's, F that of finite differences of the subject's forward.
A juror who cannot speak (no exact step, broken contract) leaves the others to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bpcheck.checks import CHECKS, Juror
from bpcheck.finding import Finding, Kind, Outcome, Status
from bpcheck.verdict.judgement import Verdict

#: What each kind of finding means when it is not a matter for the jury.
_PLAIN = {
    Kind.LOST_PRECISION: Verdict.LOST_PRECISION,
    Kind.CONVENTION: Verdict.CONVENTION,
    Kind.ORACLE: Verdict.ORACLE_WRONG,
    Kind.SHAPE: Verdict.CONTRACT_BROKEN,
    Kind.DTYPE: Verdict.CONTRACT_BROKEN,
    Kind.TYPE: Verdict.CONTRACT_BROKEN,
    Kind.COUNT: Verdict.CONTRACT_BROKEN,
    Kind.NOT_FINITE: Verdict.NOT_FINITE,
    Kind.RAISES: Verdict.RAISES,
    Kind.MUTATES: Verdict.MUTATES,
    Kind.LAYOUT: Verdict.READS_BY_LAYOUT,
    Kind.STATE: Verdict.KEEPS_STATE,
    Kind.ALIASES: Verdict.ALIASES,
    Kind.NOT_LINEAR: Verdict.NOT_LINEAR,
    Kind.SYMMETRY: Verdict.BREAKS_SYMMETRY,
    Kind.NOT_DETERMINISTIC: Verdict.NOT_DETERMINISTIC,
    Kind.PRINTS: Verdict.PRINTS,
    Kind.CRASHED: Verdict.CRASHED,
    Kind.EXITS: Verdict.EXITS,
    Kind.TIMED_OUT: Verdict.TIMED_OUT,
    Kind.MEMORY: Verdict.MEMORY,
    Kind.SETTINGS: Verdict.SETTINGS,
    Kind.LEAVES_RUNNING: Verdict.LEAVES_RUNNING,
    Kind.WRITES: Verdict.WRITES,
}


#: Verdicts that a result earns by being wrong in any other way.
FOLLOWERS = (Verdict.NOT_LINEAR, Verdict.BREAKS_SYMMETRY)


#: Verdicts on the values of a result.
VALUES = (Verdict.BACKWARD_WRONG, Verdict.BOTH_WRONG, Verdict.FORWARD_WRONG)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the jury says of one result of one case.

    It is tentative where the forward differs from torch's and no finite difference could say
    whether the backward fits it: cases in which one could decide.
    """

    verdict: Verdict
    result: str
    because: str
    findings: tuple[Finding, ...]
    is_tentative: bool = False


def rule(outcomes: Sequence[Outcome]) -> tuple[Ruling, ...]:
    """The rulings of one case, none if all agrees."""
    rulings = _plain(outcomes)
    # What goes wrong in this layout alone says nothing about the formula.
    by_layout = {r.result for r in rulings if r.verdict is Verdict.READS_BY_LAYOUT}
    rulings = [
        r for r in rulings if not (r.verdict is Verdict.NOT_FINITE and r.result in by_layout)
    ]
    # Nor do the numbers of what has another type or dtype, or what is made from such a y.
    broken = {r.result for r in rulings if r.verdict is Verdict.CONTRACT_BROKEN}
    outcomes = [
        outcome
        for outcome in outcomes
        if outcome.result not in by_layout | broken
        and not ("y" in broken and CHECKS[outcome.check].juror is Juror.DIFFERENCES)
    ]
    forward = _forward_agrees(outcomes)
    results = dict.fromkeys(outcome.result for outcome in outcomes if outcome.result != "y")
    gradients = {result: _votes(outcomes, result) for result in results}
    if forward is False:
        rulings.append(_rule_on_forward(outcomes, gradients))
    for result, (autograd, differences) in gradients.items():
        ruling = _rule_on_gradient(forward=forward, autograd=autograd, differences=differences)
        if ruling is not None:
            rulings.append(Ruling(ruling[0], result, ruling[1], _values(outcomes, result)))
    return tuple(_without_followers(rulings))


def _plain(outcomes: Sequence[Outcome]) -> list[Ruling]:
    """Rulings that need no jury; a mistake that several checks find is told once, by the first."""
    rulings: dict[tuple[Verdict, str], Ruling] = {}
    for outcome in outcomes:
        finding = outcome.finding
        if finding is not None and finding.kind is not Kind.VALUE:
            verdict = _PLAIN[finding.kind]
            ruling = Ruling(verdict, outcome.result, finding.message, (finding,))
            rulings.setdefault((verdict, outcome.result), ruling)
    return list(rulings.values())


def _without_followers(rulings: Sequence[Ruling]) -> Iterator[Ruling]:
    """Leave out what follows from something else that is wrong with the same result."""
    # A result that is not finite is wrong in value as well; the plainer word is enough.
    infinite = {ruling.result for ruling in rulings if ruling.verdict is Verdict.NOT_FINITE}
    rulings = [r for r in rulings if not (r.verdict in VALUES and r.result in infinite)]
    leading = {
        ruling.result
        for ruling in rulings
        if ruling.verdict.is_defect and ruling.verdict not in FOLLOWERS
    }
    forward = "y" in leading
    for ruling in rulings:
        if ruling.verdict not in FOLLOWERS or not (forward or ruling.result in leading):
            yield ruling


def _rule_on_gradient(
    *, forward: bool | None, autograd: bool | None, differences: bool | None
) -> tuple[Verdict, str] | None:
    """Verdict and reason for one gradient; ``None`` if it is right or the forward explains it."""
    if autograd is False and differences is False:
        reason = "autograd and finite differences are against it"
        if forward is False:
            return Verdict.BOTH_WRONG, f"{reason}, and the forward differs too"
        return Verdict.BACKWARD_WRONG, f"{reason}, and the forward is right"
    if autograd is False and differences is None:
        if forward is False:
            # The ruling on the forward speaks of it: to which forward it belongs is not known.
            return None
        return Verdict.BACKWARD_WRONG, "autograd is against it, and the forward is right"
    if autograd is False and forward is not False:
        reason = "finite differences of the forward confirm the gradient, and autograd is alone"
        return Verdict.ORACLE_WRONG, reason
    if differences is False and forward is not False:
        if autograd is None:
            return Verdict.BACKWARD_WRONG, "finite differences of the forward are against it"
        reason = "it is right here, but the forward does not change by it when operands move"
        return Verdict.FORWARD_WRONG, reason
    return None


def _rule_on_forward(
    outcomes: Sequence[Outcome], gradients: dict[str, tuple[bool | None, bool | None]]
) -> Ruling:
    findings = _values(outcomes, "y")
    votes = gradients.values()
    if all(f is None for _, f in votes):
        if any(a is False for a, _ in votes):
            reason = "autograd is against the forward and against the backward"
            return Ruling(Verdict.BOTH_WRONG, "y", reason, findings, is_tentative=True)
        reason = "the forward differs from torch's, and the backward does not"
        return Ruling(Verdict.FORWARD_WRONG, "y", reason, findings, is_tentative=True)
    if any(a is False and f is False for a, f in votes):
        reason = "the forward differs from torch's, and the gradients fit neither"
        return Ruling(Verdict.BOTH_WRONG, "y", reason, findings)
    if any(a is False and f is True for a, f in votes):
        reason = "the forward differs from torch's, and the backward is consistent with it"
        return Ruling(Verdict.FORWARD_DIFFERS, "y", reason, findings)
    reason = "the forward differs from torch's, and the backward is right for the true operation"
    return Ruling(Verdict.FORWARD_WRONG, "y", reason, findings)


def _forward_agrees(outcomes: Sequence[Outcome]) -> bool | None:
    return _vote(
        outcome
        for outcome in outcomes
        if outcome.result == "y" and CHECKS[outcome.check].juror is Juror.AUTOGRAD
    )


def _votes(outcomes: Sequence[Outcome], result: str) -> tuple[bool | None, bool | None]:
    """What autograd and finite differences say of one gradient; ``None``: nothing."""
    own = [outcome for outcome in outcomes if outcome.result == result]
    return (
        _vote(outcome for outcome in own if CHECKS[outcome.check].juror is Juror.AUTOGRAD),
        _vote(outcome for outcome in own if CHECKS[outcome.check].juror is Juror.DIFFERENCES),
    )


def _vote(outcomes: Iterable[Outcome]) -> bool | None:
    """Whether the values are right; ``None`` if no check could compare any."""
    said = list(outcomes)
    if any(o.finding is not None and o.finding.kind is Kind.VALUE for o in said):
        return False
    return True if any(o.status is Status.PASSED for o in said) else None


def _values(outcomes: Sequence[Outcome], result: str) -> tuple[Finding, ...]:
    return tuple(
        outcome.finding
        for outcome in outcomes
        if outcome.result == result
        and outcome.finding is not None
        and outcome.finding.kind is Kind.VALUE
    )
