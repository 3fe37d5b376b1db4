"""Two mistakes at once: named together where no single one gives the subject's wrong numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from bpcheck.cases import Case
from bpcheck.explain.diagnosis import ENOUGH, Diagnosis
from bpcheck.explain.faults import Fault, faults_of
from bpcheck.explain.right import right_kernel
from bpcheck.explain.scene import Scene, failing_scenes, scenes_of
from bpcheck.subject import Subject

#: Failing cases that are looked at: some must show one mistake alone, and some both.
LOOKED_AT = 14

#: Mistakes that are tried with any other one, those first that explain most by themselves.
FIRST = 6


def diagnose_pair(
    subject: Subject, failing: Sequence[Case], passing: Sequence[Case], *, result: str
) -> Diagnosis | None:
    """Two faults that give the subject's wrong numbers together, where one alone does not.

    One of them must explain a failing case by itself, the other is there to explain what is left:
    both planted must give the wrong numbers of three cases that neither gives alone, and with those
    that one does 80 % of all, and contradict no passing case.

    Parameters
    ----------
    subject
        The subject that fails.
    failing, passing
        Cases in which the result is wrong, and some in which it is not.
    result
        The result that is wrong.
    """
    kernel = right_kernel(subject.operation)
    scenes = [
        scene
        for scene in failing_scenes(subject, failing, kernel, result=result, most=LOOKED_AT)
        if result in scene.wrong
    ]
    faults = [each for each in faults_of(subject.operation) if result in each.results]
    if len(scenes) < ENOUGH or not faults:
        return None
    explained = {each.name: _explained(each, kernel, scenes, result) for each in faults}
    known = [each for each in faults if explained[each.name]]
    known.sort(key=lambda fault: -len(explained[fault.name]))
    if not known:
        return None
    calm = scenes_of(subject, passing, kernel)
    # What would spoil by itself what is right is no part of it.
    known = [each for each in known if not any(_contradicts(s, each, kernel) for s in calm)]
    for one, other in _pairs(known[:FIRST], faults):
        alone = explained[one.name] | explained[other.name]
        left = [scene for number, scene in enumerate(scenes) if number not in alone]
        if len(left) < ENOUGH or not _begins_well(one, other, kernel, left, result):
            continue
        for both in (_both(one, other), _both(other, one)):
            together = _explained(both, kernel, scenes, result) - alone
            total = len(_explained(both, kernel, scenes, result) | alone)
            if len(together) < ENOUGH or 5 * total < 4 * len(scenes):
                continue
            if not any(_contradicts(scene, both, kernel) for scene in [*calm, *scenes]):
                return Diagnosis(both, total, len(scenes))
    return None


def _pairs(known: Sequence[Fault], faults: Sequence[Fault]) -> Iterator[tuple[Fault, Fault]]:
    tried: set[frozenset[str]] = set()
    for one, other in product(known, faults):
        names = frozenset((one.name, other.name))
        if len(names) == 2 and names not in tried:
            tried.add(names)
            yield one, other


def _begins_well(
    one: Fault, other: Fault, kernel: Subject, left: Sequence[Scene], result: str
) -> bool:
    """Whether both together give the numbers of the first cases that neither gives."""
    return any(
        _gives(both, kernel, scene, result)
        for both in (_both(one, other), _both(other, one))
        for scene in left[:2]
    )


def _explained(
    fault: Fault, kernel: Subject, scenes: Sequence[Scene], result: str
) -> frozenset[int]:
    return frozenset(
        number for number, scene in enumerate(scenes) if _gives(fault, kernel, scene, result)
    )


def _gives(fault: Fault, kernel: Subject, scene: Scene, result: str) -> bool:
    return scene.is_given_by(scene.answers(kernel, fault), result)


def _contradicts(scene: Scene, fault: Fault, kernel: Subject) -> bool:
    return scene.is_contradicted_by(scene.answers(kernel, fault), fault.results)


def _both(one: Fault, other: Fault) -> Fault:
    """Both mistakes in one kernel, the first of them planted first."""
    return replace(
        one,
        name=f"{one.name} and {other.name}",
        what=f"two mistakes at once: {one.what}; and {other.what}",
        results=tuple(dict.fromkeys((*one.results, *other.results))),
        condition=f"{one.condition}, or {other.condition}",
        shows=lambda case: one.shows(case) or other.shows(case),
        plant=lambda right: other.plant(one.plant(right)),
        caught_by=tuple(dict.fromkeys((*one.caught_by, *other.caught_by))),
    )
