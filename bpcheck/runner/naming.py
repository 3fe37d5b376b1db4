"""Naming the defects of a run, and telling one mistake once, in whatever ways it shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import permutations

from bpcheck.cases import Case
from bpcheck.checks import CHECKS, Juror, contract, finite
from bpcheck.explain.by_conduct import diagnose_conduct, explains_conduct
from bpcheck.explain.by_history import diagnose_history, explains_history
from bpcheck.explain.diagnosis import Diagnosis, diagnose, explains, gives_the_same
from bpcheck.explain.faults import Fault
from bpcheck.explain.pairs import diagnose_pair
from bpcheck.explain.part import Part
from bpcheck.explain.unsteady import between_runs, state_between_cases
from bpcheck.finding import Kind, Outcome, Status
from bpcheck.runner.doubtful import without_doubtful
from bpcheck.runner.more_cases import neighbours
from bpcheck.runner.one_dtype import have_one_dtype, is_of_dtype
from bpcheck.runner.place import judged_for
from bpcheck.runner.several import split
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import CONDITIONS, PLAIN, condition_of, may_show
from bpcheck.verdict.judgement import ON_VALUES, Verdict
from bpcheck.verdict.tally import Defect, Tally

#: The verdicts for which a known mistake is looked for: wrong numbers, or a wrong shape, tell which
#: it is.
NAMED = (*ON_VALUES, Verdict.CONTRACT_BROKEN, Verdict.NOT_FINITE)

#: Those that say what else is wrong, where numbers depend on what was called before.
OF_STATE = (Verdict.KEEPS_STATE, Verdict.NOT_DETERMINISTIC)

_ORDER = list(Verdict)

#: Those that further runs show: what these find, check by check, tells the mistake.
SHOWN_BY_CONDUCT = (
    Verdict.READS_BY_LAYOUT,
    Verdict.KEEPS_STATE,
    Verdict.NOT_LINEAR,
    Verdict.BREAKS_SYMMETRY,
    Verdict.MUTATES,
    Verdict.ALIASES,
    Verdict.NOT_DETERMINISTIC,
    Verdict.RAISES,
    Verdict.PRINTS,
)

#: Those whose cause may be what an earlier case has left for good.
MAY_LAST = (*OF_STATE, Verdict.RAISES)


@dataclass(slots=True)
class Told:
    """A defect with its name, and the other results that the same mistake spoils.

    Where another mistake makes the same result wrong, the part tells its cases. Where there is no
    name, the hint may tell why. What `lasts` from case to case was named by how the run began.
    """

    defect: Defect
    diagnosis: Diagnosis | None = None
    also: dict[str, None] = field(default_factory=dict)
    part: Part | None = None
    hint: str = ""
    lasts: bool = False


def told_once(subject: Subject, tally: Tally, *, may_vary: bool = True) -> list[Told]:
    """The defects of a run, each named where it can be, and each mistake once.

    Where few cases show one, others like them are tried; of other geometries too if they may vary.
    """
    defects = without_doubtful(subject, tally.decided())
    # Of one result, what most cases show in the plainest values first: it explains most.
    defects.sort(key=lambda each: (CONDITIONS.index(each.condition), -each.failing))
    told: list[Told] = []
    for defect in defects:
        known = [each for each in told if _is_behind(subject, each, defect, tally)]
        alike = [each for each in told if have_one_dtype(subject, each.defect, defect)]
        if known:
            _merge(known[0], defect)
        elif alike:
            alike[0].also[defect.result] = None
        else:
            told += _told(subject, defect, tally, may_vary=may_vary)
    return _without_what_follows(_by_the_broader(subject, told, tally))


def _without_what_follows(told: list[Told]) -> list[Told]:
    """Those left out that state explains which another one tells of the same result.

    What a buffer holds of earlier cases is wrong, and grows until it is not finite.
    """
    unsteady = {each.defect.result for each in told if each.defect.verdict in OF_STATE}
    hinted = {each.defect.result for each in told if each.hint} & unsteady
    return [
        each
        for each in told
        if each.defect.verdict in OF_STATE
        or not (
            each.defect.result in hinted
            and (each.hint or each.defect.verdict is Verdict.NOT_FINITE)
        )
    ]


def _by_the_broader(subject: Subject, told: list[Told], tally: Tally) -> list[Told]:
    """Those left out that have one name under their condition, and a later one explains as well.

    What drops small numbers looks like what drops subnormals, as long as nothing else is asked.
    """
    kept = list(told)
    for first, later in permutations(told, 2):
        is_of_another_name = (
            first in kept
            and later in kept
            and first.defect.result == later.defect.result
            and first.defect.condition not in (PLAIN, later.defect.condition)
            and first.diagnosis is not None
            and first.part is None
        )
        if is_of_another_name and _is_behind(subject, later, first.defect, tally):
            _merge(later, first.defect)
            kept.remove(first)
    return kept


def _told(subject: Subject, defect: Defect, tally: Tally, *, may_vary: bool) -> list[Told]:
    """A defect with its name, or the two that it is."""
    if defect.verdict in ON_VALUES:
        hint = state_between_cases(subject, _once_right(defect, tally), result=defect.result)
        if hint:
            began = diagnose_history(subject, tally.opening, result=defect.result)
            return [Told(defect, began, lasts=True) if began else Told(defect, hint=hint)]
    diagnosis = _diagnosed(subject, defect, tally, may_vary=may_vary)
    if diagnosis is None and defect.verdict in MAY_LAST:
        began = diagnose_history(subject, tally.opening, result=defect.result)
        if began is not None:
            return [Told(defect, began, lasts=True)]
    both = split(subject, defect, diagnosis, _passing(defect, tally), judged_for(defect, tally))
    if both is None:
        diagnosis = diagnosis or _paired(subject, defect, tally)
        return [Told(defect, diagnosis, hint=_between_runs(subject, defect, diagnosis))]
    return [Told(each, name, part=part) for each, name, part in both]


def _between_runs(subject: Subject, defect: Defect, diagnosis: Diagnosis | None) -> str:
    """How a result that has no name goes on from run to run."""
    if diagnosis is not None or defect.verdict not in (Verdict.NOT_DETERMINISTIC, *ON_VALUES):
        return ""
    return between_runs(subject, defect.sample.cases, result=defect.result)


def _paired(subject: Subject, defect: Defect, tally: Tally) -> Diagnosis | None:
    """Two mistakes of the catalogue that give the same wrong numbers together."""
    if defect.verdict not in ON_VALUES or defect.condition != PLAIN:
        return None
    return diagnose_pair(subject, defect.cases, _passing(defect, tally), result=defect.result)


def _is_behind(subject: Subject, told: Told, defect: Defect, tally: Tally) -> bool:
    """Whether the mistake that was named for another defect is behind this one as well."""
    if told.diagnosis is None:
        return False
    if told.lasts:
        return explains_history(told.diagnosis.fault, subject, tally.opening, result=defect.result)
    if defect.verdict in (*NAMED, *SHOWN_BY_CONDUCT) and _is_by_conduct(defect):
        return explains_conduct(
            told.diagnosis.fault,
            subject,
            defect.sample.cases,
            result=defect.result,
            kinds=_kinds(defect),
        )
    if defect.verdict is Verdict.LOST_PRECISION and defect.result in told.diagnosis.fault.results:
        cases = defect.sample.cases
        return gives_the_same(told.diagnosis.fault, subject, cases, result=defect.result)
    if defect.verdict not in NAMED:
        return False
    return explains(
        told.diagnosis.fault,
        subject,
        defect.sample.cases,
        result=defect.result,
        condition=defect.condition,
    )


def _merge(told: Told, defect: Defect) -> None:
    """Tell a defect with another one that the same mistake makes."""
    assert told.diagnosis is not None  # noqa: S101 - it is what they have in common
    first, second = told.defect, defect
    if _leads(second, first, told.diagnosis.fault):
        first, second = second, first
    if first.result == second.result:
        # Of what further runs show one case may earn both verdicts: it counts once.
        if not {first.verdict, second.verdict} & {*SHOWN_BY_CONDUCT}:
            first.absorb(second)
    else:
        told.also[second.result] = None
    told.also.pop(first.result, None)
    told.defect = first


def _leads(one: Defect, other: Defect, fault: Fault) -> bool:
    """Whether a mistake is told by the verdict of `one` rather than by that of `other`."""
    if {one.result, other.result} > {"y"}:
        # What a wrong forward does to gradients follows from it.
        return one.result == "y"
    if fault.is_consistent and Verdict.FORWARD_DIFFERS in (one.verdict, other.verdict):
        return one.verdict is Verdict.FORWARD_DIFFERS
    if {one.verdict, other.verdict} & {*SHOWN_BY_CONDUCT} and one.verdict is not other.verdict:
        return _ORDER.index(one.verdict) < _ORDER.index(other.verdict)
    return one.failing > other.failing


def _diagnosed(
    subject: Subject, defect: Defect, tally: Tally, *, may_vary: bool
) -> Diagnosis | None:
    """The mistake of the catalogue that gives the same wrong numbers, and how many it explains."""
    if defect.verdict not in (*NAMED, *SHOWN_BY_CONDUCT):
        return None
    like = neighbours(subject, defect, may_vary=may_vary)
    cases = [*defect.sample.cases, *like.failing]
    passing = [*_passing(defect, tally), *like.passing]
    if not _is_by_conduct(defect):
        return diagnose(
            subject,
            cases,
            passing,
            result=defect.result,
            condition=defect.condition,
            dtypes=is_of_dtype(defect),
            varies=may_vary and defect.condition == PLAIN,
        )
    found = diagnose_conduct(subject, cases, passing, result=defect.result, kinds=_kinds(defect))
    if found is not None and found.explained < found.failing and _is_wrong_besides(defect, tally):
        # What it leaves unexplained may be the other mistake, or show that it is none of them.
        return None
    return found


def _is_wrong_besides(defect: Defect, tally: Tally) -> bool:
    """Whether a single call shows the result of a defect wrong as well."""
    return any(
        each.result == defect.result and each.verdict in ON_VALUES
        for each in tally.defects.values()
        if each is not defect
    )


def _is_by_conduct(defect: Defect) -> bool:
    """Whether the first run of each case shows nothing, and only what is asked after it does."""
    if defect.verdict in SHOWN_BY_CONDUCT or defect.cause == Kind.TYPE:
        # A gradient of what is not there is no result of the case.
        return True
    return not any(
        CHECKS[name].juror is Juror.AUTOGRAD or name in (contract.NAME, finite.NAME)
        for name in _checks(defect)
    )


def _checks(defect: Defect) -> frozenset[str]:
    findings = () if defect.ruling is None else defect.ruling.findings
    return frozenset(finding.check for finding in findings)


def _once_right(defect: Defect, tally: Tally) -> list[Case]:
    """Cases in which the first run of the result was right, whatever a later one gave.

    It may have been right before the run began, or in one of its first cases, and never after.
    """
    first = tally.opening.first
    before = [first.case] if first is not None and defect.result in first.right else []
    opening = (each for each in tally.opening.judged if _was_right(each.outcomes, defect.result))
    found = (*before, *(each.case for each in opening), *_right_in_its_turn(defect, tally))
    # Of no samples whatever is right that is 0.
    return [each for each in dict.fromkeys(found) if 0 not in each.shapes["y"]]


def _was_right(outcomes: Iterable[Outcome], result: str) -> bool:
    """Whether the first run of a case gave what autograd does, whatever else was asked of it."""
    return any(
        each.result == result
        and each.status is Status.PASSED
        and CHECKS[each.check].juror is Juror.AUTOGRAD
        for each in outcomes
    )


def _right_in_its_turn(defect: Defect, tally: Tally) -> list[Case]:
    """Those of the run."""
    own = [each for each in tally.defects.values() if each.result == defect.result]
    wrong: set[Case] = set()
    for each in own:
        if each.verdict in ON_VALUES:
            known = {*each.cases, *each.sample.cases}
            wrong |= known
            if len(known) < each.failing:
                # Of many failing cases a sample is kept: one that is not in it may have failed.
                return _passing(defect, tally)
    unsteady = (case for each in own if each.verdict in OF_STATE for case in each.sample.cases)
    return [*_passing(defect, tally), *(case for case in unsteady if case not in wrong)]


def _passing(defect: Defect, tally: Tally) -> list[Case]:
    """Cases in which the result is right, and in which the defect would show if it could."""
    sample = tally.right.get(defect.result)
    conditions = (PLAIN,) if defect.condition == PLAIN else (PLAIN, *may_show(defect.condition))
    return [] if sample is None else [c for c in sample.cases if condition_of(c) in conditions]


def _kinds(defect: Defect) -> frozenset[Kind]:
    findings = () if defect.ruling is None else defect.ruling.findings
    return frozenset(finding.kind for finding in findings)
