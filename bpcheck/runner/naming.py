"""Naming the defects of a run, and telling one mistake once, in whatever ways it shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import permutations

from bpcheck.cases import Case
from bpcheck.explain.diagnosis import Diagnosis, diagnose, explains
from bpcheck.explain.faults import Fault
from bpcheck.explain.part import Part
from bpcheck.finding import Kind
from bpcheck.runner.parting import wrong_in
from bpcheck.runner.place import judged_for
from bpcheck.runner.several import split
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import CONDITIONS, PLAIN, condition_of, may_show, plainer
from bpcheck.verdict.judgement import ON_VALUES, Verdict
from bpcheck.verdict.tally import Defect, Tally

#: The verdicts for which a known mistake is looked for: wrong numbers, or a wrong shape, tell which
#: it is.
NAMED = (*ON_VALUES, Verdict.CONTRACT_BROKEN, Verdict.NOT_FINITE)

#: Failing cases of a defect that are tried with plainer values, on how many seeds, before it is
#: told beside one that plain values show.
DOUBTED, DOUBTED_SEEDS = 4, range(3, 9)


@dataclass(slots=True)
class Told:
    """A defect with its name, and the other results that the same mistake spoils.

    Where another mistake makes the same result wrong, the part tells its cases.
    """

    defect: Defect
    diagnosis: Diagnosis | None = None
    also: dict[str, None] = field(default_factory=dict)
    part: Part | None = None


def told_once(subject: Subject, tally: Tally) -> list[Told]:
    """The defects of a run, each named where it can be, and each mistake once."""
    defects = _without_doubtful(subject, tally.decided())
    # Of one result, what most cases show in the plainest values first: it explains most.
    defects.sort(key=lambda each: (CONDITIONS.index(each.condition), -each.failing))
    told: list[Told] = []
    for defect in defects:
        known = [each for each in told if _is_behind(subject, each, defect)]
        if known:
            _merge(known[0], defect)
        else:
            told += _told(subject, defect, tally)
    return _by_the_broader(subject, told)


def _by_the_broader(subject: Subject, told: list[Told]) -> list[Told]:
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
        if is_of_another_name and _is_behind(subject, later, first.defect):
            _merge(later, first.defect)
            kept.remove(first)
    return kept


def _told(subject: Subject, defect: Defect, tally: Tally) -> list[Told]:
    """A defect with its name, or the two that it is."""
    diagnosis = _diagnosed(subject, defect, tally)
    both = split(subject, defect, diagnosis, _passing(defect, tally), judged_for(defect, tally))
    if both is None:
        return [Told(defect, diagnosis)]
    return [Told(each, name, part=part) for each, name, part in both]


def _without_doubtful(subject: Subject, defects: Iterable[Defect]) -> list[Defect]:
    """The defects, those left out that plain values show too, if on rarer seeds."""
    found = list(defects)
    plain = {each.result: each for each in found if each.condition == PLAIN and _is_on_values(each)}
    kept = []
    for defect in found:
        sibling = plain.get(defect.result)
        if defect.condition == PLAIN or sibling is None or not _is_shown_plainly(subject, defect):
            kept.append(defect)
        else:
            sibling.absorb(defect)
    return kept


def _is_on_values(defect: Defect) -> bool:
    return defect.verdict in ON_VALUES


def _is_shown_plainly(subject: Subject, defect: Defect) -> bool:
    """Whether the cases of a defect that has a condition mostly fail without it."""
    cases = defect.sample.cases[:DOUBTED]
    shown = sum(
        any(
            defect.result
            in wrong_in(subject, plain, seeds=DOUBTED_SEEDS, asked=frozenset((defect.result,)))
            for plain in plainer(case)[:1]
        )
        for case in cases
    )
    return 2 * shown > len(cases)


def _is_behind(subject: Subject, told: Told, defect: Defect) -> bool:
    """Whether the mistake that was named for another defect is behind this one as well."""
    if told.diagnosis is None or defect.verdict not in NAMED:
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
    return one.failing > other.failing


def _diagnosed(subject: Subject, defect: Defect, tally: Tally) -> Diagnosis | None:
    """The mistake of the catalogue that gives the same wrong numbers, and how many it explains."""
    if defect.verdict not in NAMED:
        return None
    return diagnose(
        subject,
        defect.sample.cases,
        _passing(defect, tally),
        result=defect.result,
        condition=defect.condition,
        dtypes=_is_of_dtype(defect),
    )


def _passing(defect: Defect, tally: Tally) -> list[Case]:
    """Cases in which the result is right, and in which the defect would show if it could."""
    sample = tally.right.get(defect.result)
    conditions = (PLAIN,) if defect.condition == PLAIN else (PLAIN, *may_show(defect.condition))
    return [] if sample is None else [c for c in sample.cases if condition_of(c) in conditions]


def _is_of_dtype(defect: Defect) -> bool:
    return defect.ruling is not None and any(
        finding.kind is Kind.DTYPE for finding in defect.ruling.findings
    )
