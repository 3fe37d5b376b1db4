"""Defects that are another one of the same result, seen where other numbers stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bpcheck.runner.parting import wrong_in
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN, plainer
from bpcheck.verdict.judgement import ON_VALUES, Verdict
from bpcheck.verdict.tally import Defect

#: Failing cases of a defect that are tried with plainer values, on how many seeds, before it is
#: told beside one that plain values show.
DOUBTED, DOUBTED_SEEDS = 4, range(3, 9)


def without_doubtful(subject: Subject, defects: Iterable[Defect]) -> list[Defect]:
    """The defects, those left out that plain values of the result show too, if on rarer seeds."""
    found = list(defects)
    plain = {
        each.result: each for each in found if each.condition == PLAIN and each.verdict in ON_VALUES
    }
    kept = []
    for defect in found:
        sibling = plain.get(defect.result)
        if sibling is not None and _is_the_same(subject, defect):
            sibling.absorb(defect)
        else:
            kept.append(defect)
    return kept


def _is_the_same(subject: Subject, defect: Defect) -> bool:
    """Whether a defect is that which plain values show, as other numbers stand there."""
    if defect.condition != PLAIN:
        return _is_shown_plainly(subject, defect)
    return defect.verdict is Verdict.LOST_PRECISION and _is_wrong_in_double(subject, defect)


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


def _is_wrong_in_double(subject: Subject, defect: Defect) -> bool:
    """Whether cases of lost precision are wrong in double precision, by as much.

    Where a wide bound is declared, what a mistake leaves out of a sum may be as small as that.
    """
    if "float64" not in subject.claims.dtypes:
        return False
    asked = frozenset((defect.result,))
    cases = [replace(each, dtype="float64") for each in defect.sample.cases[:DOUBTED]]
    shown = sum(defect.result in wrong_in(subject, e, seeds=(0,), asked=asked) for e in cases)
    return 2 * shown > len(cases)
