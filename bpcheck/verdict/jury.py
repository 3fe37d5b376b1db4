"""The jury: subject, autograd and finite differences judge one case together.

What follows from what they say stands in the table of `table.py`. A juror who cannot speak (no
exact step, broken contract) leaves the others to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bpcheck.checks import CHECKS, Juror, contract
from bpcheck.finding import Finding, Kind, Outcome, Status
from bpcheck.verdict.judgement import Verdict, cause_of
from bpcheck.verdict.table import AGAINST_BOTH, TABLE, Votes

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
    Kind.BATCH_DEPENDENT: Verdict.BATCH_DEPENDENT,
    Kind.FLUSHES: Verdict.FLUSHES,
    Kind.NAN_ELSEWHERE: Verdict.NAN_ELSEWHERE,
    Kind.UNORDERED: Verdict.UNORDERED,
    Kind.NARROW_SUMS: Verdict.NARROW_SUMS,
    Kind.WIDER: Verdict.WIDER,
    Kind.SUBSET: Verdict.SUBSET,
    Kind.UNDEFINED: Verdict.UNDEFINED,
    Kind.DOUBLE: Verdict.DOUBLE,
    Kind.FORWARD_MODE: Verdict.FORWARD_MODE,
    Kind.VMAP: Verdict.VMAP,
    Kind.IN_PLACE: Verdict.IN_PLACE,
    Kind.MODE: Verdict.MODE,
    Kind.OPERATOR: Verdict.OPERATOR,
    Kind.LACKS: Verdict.LACKS,
}


#: Verdicts that a result earns by being wrong in any other way.
FOLLOWERS = (Verdict.NOT_LINEAR, Verdict.BREAKS_SYMMETRY)


#: Verdicts of which nothing can be known where memory is read beside an array.
BESIDE_LAYOUTS = (
    Verdict.NOT_FINITE,
    Verdict.NOT_DETERMINISTIC,
    Verdict.KEEPS_STATE,
    Verdict.NOT_LINEAR,
    Verdict.BREAKS_SYMMETRY,
)


#: Verdicts on a forward, the one that says most first.
_TELLING = (Verdict.BOTH_WRONG, Verdict.FORWARD_DIFFERS, Verdict.FORWARD_WRONG)


#: Verdicts on the values of a result.
VALUES = (Verdict.BACKWARD_WRONG, Verdict.BOTH_WRONG, Verdict.FORWARD_WRONG)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the jury says of one result of one case.

    It is tentative where the forward differs from torch's and no finite difference could say
    whether the backward fits it: cases in which one could decide. The condition is what its values
    must meet for the result to be wrong, empty where any plain numbers show it.
    """

    verdict: Verdict
    result: str
    because: str
    findings: tuple[Finding, ...]
    is_tentative: bool = False
    condition: str = ""

    @property
    def cause(self) -> str:
        """What tells it from others of the same verdict and result: see `cause_of`."""
        return cause_of(self.verdict, self.findings)


def rule(outcomes: Sequence[Outcome]) -> tuple[Ruling, ...]:
    """The rulings of one case, none if all agrees."""
    rulings = _plain(outcomes)
    # What goes wrong in this layout alone says nothing about the formula; and what is read beside
    # an array is another number in every run.
    by_layout = {r.result for r in rulings if r.verdict is Verdict.READS_BY_LAYOUT}
    rulings = [r for r in rulings if not (r.verdict in BESIDE_LAYOUTS and r.result in by_layout)]
    # Nor do the numbers of what has another type or dtype, or what is made from such a y.
    broken = {r.result for r in rulings if r.verdict is Verdict.CONTRACT_BROKEN}
    unheard = by_layout | broken
    heard = [
        outcome
        for outcome in outcomes
        # Most say nothing, and are asked many times.
        if (outcome.status is not Status.NOT_APPLICABLE or outcome.finding is not None)
        and outcome.result not in unheard
        and not ("y" in unheard and CHECKS[outcome.check].juror is Juror.DIFFERENCES)
    ]
    forward = _vote(heard, "y", Juror.AUTOGRAD)
    votes = {
        result: Votes(
            forward, _vote(heard, result, Juror.AUTOGRAD), _vote(heard, result, Juror.DIFFERENCES)
        )
        for result in dict.fromkeys(o.result for o in outcomes if o.result != "y")
    }
    if forward is False:
        rulings.append(_rule_on_forward(votes, _values(heard, "y"), _why_no_gradient(outcomes)))
    for result, said in votes.items():
        found = _rule_on_gradient(said)
        if found is not None:
            verdict, because, is_tentative = found
            findings = _values(heard, result)
            rulings.append(Ruling(verdict, result, because, findings, is_tentative))
    return tuple(_without_followers(rulings))


def _plain(outcomes: Sequence[Outcome]) -> list[Ruling]:
    """Rulings that need no jury; a mistake that several checks find is told once, by the first."""
    rulings: dict[tuple[Verdict, str, str], Ruling] = {}
    for outcome in outcomes:
        finding = outcome.finding
        if finding is not None and finding.kind is not Kind.VALUE:
            verdict = _PLAIN[finding.kind]
            ruling = Ruling(verdict, outcome.result, finding.message, (finding,))
            rulings.setdefault((verdict, outcome.result, ruling.cause), ruling)
    return list(rulings.values())


def _without_followers(rulings: Sequence[Ruling]) -> Iterator[Ruling]:
    """Leave out what follows from something else that is wrong with the same result."""
    # A result that is not finite is wrong in value as well; the plainer word is enough.
    # What is given in a narrower dtype overflows for that reason.
    of_dtype = {r.result for r in rulings if any(f.kind is Kind.DTYPE for f in r.findings)}
    rulings = [r for r in rulings if not (r.verdict is Verdict.NOT_FINITE and r.result in of_dtype)]
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


def _rule_on_gradient(votes: Votes) -> tuple[Verdict, str, bool] | None:
    """Verdict and reason for one gradient; ``None`` if it is right or the forward explains it."""
    row = TABLE[votes]
    if row.verdict is Verdict.BOTH_WRONG and not row.is_tentative:
        return row.verdict, f"{AGAINST_BOTH}, and the forward differs too", False
    # To which forward the others belong is told of y.
    if row.is_of_forward or row.verdict in (Verdict.AGREES, Verdict.INCONCLUSIVE):
        return None
    return row.verdict, row.reason, row.is_tentative


def _rule_on_forward(
    votes: Mapping[str, Votes], findings: tuple[Finding, ...], why_no_gradient: str
) -> Ruling:
    """What is said of a forward that differs: by the gradient that tells most."""
    rows = list(TABLE.values())
    mute = Votes(forward=False, autograd=None, differences=None)
    row = min(
        (TABLE[each] for each in (*votes.values(), mute)),
        key=lambda row: (row.is_tentative, _TELLING.index(row.verdict), rows.index(row)),
    )
    alike = [result for result, said in votes.items() if row.is_said_of(said)]
    who = "the backward is" if len(alike) == len(votes) else _are(alike)
    because = row.reason.format(who=who)
    if row is TABLE[mute] and why_no_gradient:
        because = f"{because}: {why_no_gradient}"
    return Ruling(row.verdict, "y", because, findings, row.is_tentative)


def _are(results: Sequence[str]) -> str:
    """``x_bar is``, ``x_bar and w_bar are``."""
    *others, last = results
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"


def _why_no_gradient(outcomes: Iterable[Outcome]) -> str:
    """What is wrong with what the vjp returned; empty if it is a tuple of arrays."""
    return next(
        (
            outcome.finding.message
            for outcome in outcomes
            if outcome.check == contract.NAME and outcome.result != "y" and outcome.finding
        ),
        "",
    )


def _vote(outcomes: Iterable[Outcome], result: str, juror: Juror) -> bool | None:
    """Whether a juror has the values of a result; ``None`` if none of its checks compared any."""
    said = [o for o in outcomes if o.result == result and CHECKS[o.check].juror is juror]
    if any(o.finding is not None and o.finding.kind is Kind.VALUE for o in said):
        return False
    return True if any(o.status is Status.PASSED for o in said) else None


def _values(outcomes: Iterable[Outcome], result: str) -> tuple[Finding, ...]:
    return tuple(
        outcome.finding
        for outcome in outcomes
        if outcome.result == result
        and outcome.finding is not None
        and outcome.finding.kind is Kind.VALUE
    )
