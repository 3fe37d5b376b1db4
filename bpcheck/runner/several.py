"""Splitting a defect that two mistakes make: each with its cases, its smallest one and its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bpcheck.cases import Case
from bpcheck.explain.classes_apart import part_by_classes
from bpcheck.explain.diagnosis import Diagnosis, diagnose
from bpcheck.explain.part import Part, Parting
from bpcheck.explain.several import part_by_names
from bpcheck.planning.classes import classes_of
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN, plainness
from bpcheck.verdict.evidence import Compared, layers_of
from bpcheck.verdict.judgement import ON_VALUES
from bpcheck.verdict.jury import Ruling
from bpcheck.verdict.sample import Sample
from bpcheck.verdict.tally import Defect, work

#: A defect of its own, with its name if it has one, and with what tells its cases.
Split = tuple[Defect, Diagnosis | None, Part]


def split(
    subject: Subject,
    defect: Defect,
    named: Diagnosis | None,
    passing: Sequence[Case],
    judged: Compared,
) -> tuple[Split, Split] | None:
    """The two defects that one turns out to be; ``None`` if nothing shows that it is not one."""
    if defect.verdict not in ON_VALUES or defect.condition != PLAIN:
        return None
    found = _parting(subject, defect, named, passing, judged)
    if found is None:
        return None
    seen = [(case, found.part.shows(subject, case, result=defect.result)) for case in defect.cases]
    one = _with(subject, defect, [case for case, shows in seen if shows.one_alone])
    other = _with(subject, defect, [case for case, shows in seen if shows.other_alone])
    if one is None or other is None:
        return None
    _count(other, [case for case, shows in seen if shows.other])
    _leave_out(one, [case for case, shows in seen if shows.other_alone])
    first = one, found.first or _named(subject, one, passing), found.part
    second = other, found.second or _named(subject, other, passing), found.part.turned
    return first, second


def _parting(
    subject: Subject,
    defect: Defect,
    named: Diagnosis | None,
    passing: Sequence[Case],
    judged: Compared,
) -> Parting | None:
    fault = None if named is None else named.fault
    found = part_by_names(subject, defect.cases, passing, result=defect.result, named=fault)
    if found is not None or named is not None:
        return found
    classes = part_by_classes(subject, defect.cases, judged, result=defect.result)
    return None if classes is None else Parting(classes, None, None)


def _named(subject: Subject, defect: Defect, passing: Sequence[Case]) -> Diagnosis | None:
    return diagnose(subject, defect.sample.cases, passing, result=defect.result)


def _with(subject: Subject, defect: Defect, alone: Sequence[Case]) -> Defect | None:
    """The defect as the cases show it in which no other mistake does."""
    if not alone:
        return None
    sample = Sample()
    for case in alone:
        sample.add(case, _rank(case), work(case))
    for case in sample.cases:
        ruling = _shown(subject, defect, case)
        if ruling is not None:
            return replace(
                defect,
                smallest=case,
                rank=_rank(case),
                ruling=ruling,
                sample=sample,
                also=dict(defect.also),
                cases=list(alone),
            )
    return None


def _rank(case: Case) -> tuple[int, ...]:
    return plainness(case, work(case))


def _shown(subject: Subject, defect: Defect, case: Case) -> Ruling | None:
    rulings = judge(subject, case).rulings
    return next((ruling for ruling in rulings if defect.shows(ruling)), None)


def _count(defect: Defect, cases: Sequence[Case]) -> None:
    """Let a defect be of these cases alone."""
    defect.failing = len(cases)
    defect.classes, defect.layers = _classes(cases)


def _leave_out(defect: Defect, cases: Sequence[Case]) -> None:
    """Let a defect be of all its cases but these.

    What was not kept of very many stays with it: it is the one that most show.
    """
    classes, layers = _classes(cases)
    defect.failing -= len(cases)
    defect.classes, defect.layers = defect.classes - classes, defect.layers - layers


def _classes(cases: Sequence[Case]) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    classes, layers = Counter[str](), Counter[tuple[str, str]]()
    for case in cases:
        found = classes_of(case)
        classes.update(found)
        layers.update(layers_of(found))
    return classes, layers
