"""The place of a defect: the class of its cases, where that class is the cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bpcheck.cases import Case
from bpcheck.cases.layouts import join_layouts
from bpcheck.explain.where import Place, where_it_fails
from bpcheck.planning.classes import ALL, array_layouts, edge_class
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN, may_show
from bpcheck.verdict.evidence import Compared
from bpcheck.verdict.judgement import ON_VALUES, Verdict
from bpcheck.verdict.tally import Defect, Tally

#: Verdicts that a result can earn only where it is there: a bias that is absent has no gradient.
OF_NUMBERS = (
    Verdict.READS_BY_LAYOUT,
    Verdict.KEEPS_STATE,
    Verdict.NOT_LINEAR,
    Verdict.BREAKS_SYMMETRY,
    Verdict.LOST_PRECISION,
    Verdict.ALIASES,
    Verdict.NOT_DETERMINISTIC,
    Verdict.BATCH_DEPENDENT,
    Verdict.NOT_FINITE,
)

#: Failing cases that are tried in another dtype or layout, to see whether that is the cause.
TRIED = 3


def place_of(subject: Subject, defect: Defect, tally: Tally) -> Place:
    """The class that all cases of a defect share, counted among those that were judged for it.

    A dtype, a layout or a kind of values is named only if the same cases pass with another one.
    """
    judged = judged_for(defect, tally)
    found = where_it_fails(
        defect.failing,
        defect.classes,
        judged.total,
        judged.classes,
        defect.layers,
        judged.layers,
        may_be=lambda name: _may_be(subject, defect, name),
    )
    if defect.condition == PLAIN:
        return found
    # What its values must be is where it shows; a class among those cases may narrow it down.
    named = " and ".join(part for part in (defect.condition, found.name) if part)
    return Place(named, found.judged or judged.total)


def judged_for(defect: Defect, tally: Tally) -> Compared:
    """The cases in which the defect could have been seen."""
    evidence = tally.evidence
    if defect.verdict is Verdict.CONTRACT_BROKEN:
        return evidence.returned_for(defect.result)
    if defect.verdict not in ON_VALUES:
        given = evidence.given_for(defect.result)
        if defect.verdict in OF_NUMBERS and given.total >= defect.failing:
            return given
        return Compared(tally.cases, evidence.judged, evidence.layers)
    return evidence.compared_in(defect.result, may_show(defect.condition))


def _may_be(subject: Subject, defect: Defect, name: str) -> bool:
    """Whether a class is one of geometry, or else the cause."""
    cases = defect.sample.cases[:TRIED]
    undressed = [plain for case in cases for plain in _without(case, name)]
    if not undressed:
        # Of values the condition tells, by the same experiment.
        return not name.startswith("values ")
    return not any(
        defect.shows(ruling) for case in undressed for ruling in judge(subject, case).rulings
    )


def _without(case: Case, name: str) -> Iterator[Case]:
    """The case in another dtype, or with a C-ordered array, if it is of a class of such a dress."""
    if name == edge_class("dtype", case.dtype):
        others = (each for each in case.operation.dtypes[:2] if each != case.dtype)
        yield from (replace(case, dtype=each) for each in others)
        return
    for array in array_layouts(case.operation):
        layout = case.layouts.get(array)
        if layout and name in (edge_class(array, layout), edge_class(ALL, layout)):
            rest = {key: value for key, value in case.layouts.items() if key != array}
            yield replace(case, layout=join_layouts(rest))
