"""The smallest case that tells a mistake from others, where one cell more does.

On the very smallest cases many mistakes give the same wrong number: of a single window nobody sees
whether it was flipped, shifted or forgotten. A case that is a cell larger, and on which one of the
known mistakes fits, or at most half of them do, says more to who reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod

import numpy as np

from bpcheck.cases import Case
from bpcheck.cases.layouts import OUTPUT
from bpcheck.errors import CaseError
from bpcheck.explain.faults import faults_of
from bpcheck.explain.right import right_kernel
from bpcheck.explain.scene import scene_of
from bpcheck.subject import Subject

#: Elements that each array of such a case may have.
MOST_ELEMENTS = 16

#: Larger cases that are tried.
BUDGET = 24

#: Outputs among which the one is looked for that is 1.
_PLACES = 6


def lookalikes(
    subject: Subject, case: Case, result: str, among: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """The known mistakes, by name, that give the subject's wrong result in one case.

    Parameters
    ----------
    subject, case, result
        What fails, where, and in which result.
    among
        The only ones that are asked; ``None`` for all.
    """
    right = right_kernel(case.operation)
    scene = scene_of(subject, case, right)
    if result not in scene.wrong:
        return ()
    found = []
    for fault in faults_of(case.operation):
        if result not in fault.results or (among is not None and fault.name not in among):
            continue
        answers = scene.answers(right, fault)
        if scene.is_given_by(answers, result) and not scene.is_contradicted_by(
            answers, fault.results
        ):
            found.append(fault.name)
    return tuple(found)


def told_apart(
    case: Case,
    still_fails: Callable[[Case], bool],
    alike: Callable[[Case, tuple[str, ...] | None], tuple[str, ...]],
) -> Case:
    """The case, or one that is a cell larger in which fewer of the mistakes fit that fit here.

    Parameters
    ----------
    case
        The smallest one.
    still_fails
        Whether a case shows the defect.
    alike
        The mistakes that fit in a case, among some, or among all.
    """
    fitting = alike(case, None)
    best, least = case, len(fitting)
    for tried, candidate in enumerate(_larger(case)):
        if least <= 1 or tried == BUDGET:
            break
        if still_fails(candidate):
            count = len(alike(candidate, fitting))
            # With none of them it may be another defect, of which nothing is known.
            if count == 1 or 0 < 2 * count <= least:
                best, least = candidate, count
    return best


def _larger(case: Case) -> Iterator[Case]:
    """Cases with one more of a size: of each alone, then of all dimensions together."""
    numbers, keys = case.geometry.numbers(), case.operation.keys
    sizes = [key for key, default in keys.items() if default is None]
    families: dict[str, list[str]] = {}
    for key in sizes:
        families.setdefault(key[:-1] or key, []).append(key)
    groups = [[key] for key in sizes] + [own for own in families.values() if len(own) > 1]
    for group in groups:
        more = {key: numbers[key] + 1 for key in group}
        try:
            geometry = case.operation.geometry({key: {**numbers, **more}[key] for key in keys})
        except CaseError:
            continue
        yield from _lit(replace(case, geometry=geometry, one_hot=None), is_one=bool(case.one_hot))


def _lit(case: Case, *, is_one: bool) -> Iterator[Case]:
    """The case as it is to be shown: with a single 1 in its cotangent where that is enough."""
    if max(prod(shape) for shape in case.shapes.values()) > MOST_ELEMENTS:
        return
    if not is_one or not case.is_exact or case.layouts.get("y_bar") == OUTPUT:
        yield case
        return
    places = list(np.ndindex(*case.shapes["y"]))
    for index in places[:_PLACES]:
        yield replace(case, one_hot=tuple(int(i) for i in index))
