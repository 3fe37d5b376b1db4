"""A transform that is not declared: what its rounding does is told once, with what to declare."""

from __future__ import annotations

from collections.abc import Iterable

from bpcheck.explain.transforms import Transform, rounding_of_a_transform
from bpcheck.runner.naming import Told
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict import Verdict
from bpcheck.verdict.conditions import PLAIN
from bpcheck.verdict.judgement import ON_VALUES
from bpcheck.verdict.tally import Defect, work

#: What else rounding does where sums are not direct: it is of the declared subject that each of
#: these is asked again.
FOLLOWS = (*ON_VALUES, Verdict.NOT_LINEAR, Verdict.BREAKS_SYMMETRY, Verdict.LOST_PRECISION)

#: Cases of such a defect that are judged with what would be declared.
JUDGED = 6


def with_transforms(subject: Subject, told: Iterable[Told]) -> list[tuple[Told, str]]:
    """The defects with what each looks like, those that one transform makes as one.

    Its rounding may make a difference of what is exactly 0 as well, or break linearity by a bit:
    such a defect is another only if it is one of the subject as it would be declared, too.
    """
    found = [(each, _looks_like(subject, each)) for each in told]
    of_one = [(each, name) for each, name in found if isinstance(name, Transform)]
    if not of_one:
        return [(each, str(name)) for each, name in found]
    first, transform = min(of_one, key=lambda each: _breadth(each[0].defect))
    others = []
    for each, name in found:
        if each is first:
            continue
        if isinstance(name, Transform) or (not name and _follows(each.defect, transform)):
            _absorb(first, each)
        else:
            others.append((each, str(name)))
    return [(first, transform.told), *others]


def _looks_like(subject: Subject, told: Told) -> Transform | str:
    """The known mistake that gives the same wrong numbers, or a transform that is not declared."""
    if told.diagnosis is not None:
        return str(told.diagnosis)
    if told.hint:
        return told.hint
    if told.defect.verdict not in (*ON_VALUES, Verdict.LOST_PRECISION):
        return ""
    results = (told.defect.result, *told.also)
    return rounding_of_a_transform(subject, told.defect.sample.cases, results) or ""


def _follows(defect: Defect, transform: Transform) -> bool:
    """Whether none of its cases has the defect once the transform is declared."""
    if defect.verdict not in FOLLOWS:
        return False
    cases = sorted(defect.sample.cases, key=work)[:JUDGED]
    judged = [judge(transform.declared, case) for case in cases]
    return bool(judged) and not any(
        ruling.result == defect.result and ruling.verdict.is_defect
        for each in judged
        for ruling in each.rulings
    )


def _breadth(defect: Defect) -> tuple[bool, bool, int]:
    """What comes first of what one mistake does: plain values, and what is said of most results."""
    is_of_all = defect.verdict is Verdict.BOTH_WRONG
    return defect.condition != PLAIN, not is_of_all, -defect.failing


def _absorb(first: Told, other: Told) -> None:
    if other.defect.result != first.defect.result:
        first.also[other.defect.result] = None
    else:
        first.defect.absorb(other.defect)
    first.also.update({each: None for each in other.also if each != first.defect.result})
