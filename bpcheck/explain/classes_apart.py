"""Two mistakes that nobody knows, told apart by two classes in which the wrong cells differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from bpcheck.cases import Case
from bpcheck.explain.part import ByClass, classes_and_not
from bpcheck.explain.pattern import look_unlike
from bpcheck.subject import Subject
from bpcheck.verdict.evidence import Compared

#: Failing cases of either class alone: fewer look alike by accident.
ENOUGH = 4

#: Pairs of classes that are looked at, those with the fewest passing cases first.
PAIRED = 4


def part_by_classes(
    subject: Subject,
    failing: Sequence[Case],
    judged: Compared,
    *,
    result: str,
) -> ByClass | None:
    """Two classes that hold all failing cases and nearly no other, and look unlike each other.

    In either class alone the wrong cells must have something in common that they do not have in
    the other: the last column alone here, the right numbers in other places there. One mistake in
    two classes looks alike in both.

    Parameters
    ----------
    subject
        The subject that fails.
    failing
        Cases in which the result is wrong.
    judged
        The cases in which the result was compared.
    result
        The result that is wrong.
    """
    if not failing or 10 * len(failing) > 9 * judged.total:
        # Of what fails everywhere any two classes may be all there is.
        return None
    failing_in = _by_class(failing)
    empty = failing[0].operation.empty_class
    telling = [
        name for name, cases in failing_in.items() if 5 * len(cases) >= 4 * _in(judged, name, empty)
    ]
    if any(len(failing_in[name]) == len(failing) for name in telling):
        # The place of one mistake.
        return None
    pairs = [
        (one, other)
        for one, other in combinations(sorted(telling), 2)
        if len(failing_in[one] | failing_in[other]) == len(failing)
        and min(len(failing_in[one] - failing_in[other]), len(failing_in[other] - failing_in[one]))
        >= ENOUGH
    ]
    pairs.sort(key=lambda pair: sum(_in(judged, n, empty) - len(failing_in[n]) for n in pair))
    for one, other in pairs[:PAIRED]:
        alone = [
            [failing[n] for n in sorted(failing_in[mine] - failing_in[its])]
            for mine, its in ((one, other), (other, one))
        ]
        if look_unlike(subject, alone[0], alone[1], result):
            return ByClass(one, other)
    return None


def _in(judged: Compared, name: str, empty: str) -> int:
    """How many cases were compared that are of a class, or are not of it; none without samples."""
    plain = name.removeprefix("not ")
    count = judged.classes[plain]
    # An empty batch counts for no other class.
    return count if plain == name else judged.total - judged.classes[empty] - count


def _by_class(cases: Sequence[Case]) -> dict[str, set[int]]:
    """The numbers of the cases that lie in each class of geometry."""
    found: dict[str, set[int]] = {}
    for number, case in enumerate(cases):
        for name in classes_and_not(case):
            found.setdefault(name, set()).add(number)
    return found
