"""Naming what no single call shows: the known mistake that fails the same checks in the same way.

State, orders of calls, memory and layouts show in further runs. Their numbers say which mistake it
is as those of one call do: what an earlier forward has left, or what lies beside an array.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER
from bpcheck.explain.conduct import Conduct, conduct_of
from bpcheck.explain.diagnosis import ENOUGH, Diagnosis
from bpcheck.explain.faults import Fault, faults_of
from bpcheck.explain.right import right_kernel
from bpcheck.explain.scene import few_of
from bpcheck.finding import Kind
from bpcheck.subject import Subject

#: Multiplications of a case up to which it is looked at: each takes a dozen runs.
LARGEST = 20_000


#: Failing cases by which mistakes are told apart that explain the first ones alike.
FURTHER = 36

#: Findings of arrays that are changed or shared: what that does to numbers depends on what else the
#: kernel has copied, and tells nothing of the mistake.
OF_MEMORY = frozenset({Kind.MUTATES, Kind.ALIASES})


def diagnose_conduct(
    subject: Subject,
    failing: Sequence[Case],
    passing: Sequence[Case],
    *,
    result: str,
    kinds: frozenset[Kind],
) -> Diagnosis | None:
    """The fault of the catalogue that fails the same checks with the same numbers, or ``None``.

    It takes three failing cases at least, and 80 % of those that are tried; and no check that the
    subject passes, in these cases or in passing ones, may the planted fault fail.

    Parameters
    ----------
    subject
        The subject that fails.
    failing, passing
        Cases in which it does, and some in which it does not.
    result
        The result that the checks found fault with.
    kinds
        What kinds of findings make the defect.
    """
    scenes = list(_scenes(subject, failing, result, kinds))
    if len(scenes) < ENOUGH:
        return None
    right = replace(right_kernel(subject.operation), claims=subject.claims)
    checks = {check for scene in scenes for check in scene.concerned}
    # Those in other layouts above all: they tell which reading of memory it is not.
    dressed = [case for case in passing if set(case.layouts.values()) - {C_ORDER}]
    few = (few_of(some, largest=LARGEST) for some in (passing, dressed))
    calm = [_Scene(subject, case, result, kinds) for case in dict.fromkeys(chain(*few))]
    # Which memory comes back depends on what was called before, too.
    most = len(calm) // 5 if kinds <= OF_MEMORY else 0
    fitting: list[tuple[Fault, tuple[int, int]]] = []
    for fault in faults_of(subject.operation):
        if result not in fault.results or not checks & set(fault.caught_by):
            continue
        score = _score(fault, right, scenes)
        if score is None or (fitting and score < fitting[0][1]):
            continue
        if sum(each.is_contradicted_by(fault, each.planted(fault, right)) for each in calm) > most:
            continue
        fitting = [each for each in fitting if each[1] == score] + [(fault, score)]
    if not fitting:
        return None
    known = {scene.case for scene in scenes}
    further = (case for case in few_of(failing, FURTHER, largest=LARGEST) if case not in known)
    fault = _told_apart(
        [fault for fault, _ in fitting],
        (_Scene(subject, case, result, kinds) for case in further),
        right,
    )
    return Diagnosis(fault, fitting[0][1][0], len(scenes))


def _told_apart(faults: list[Fault], scenes: Iterator[_Scene], right: Subject) -> Fault:
    """The first of the faults that explain most of what else fails, if several do as well."""
    explained = dict.fromkeys(faults, 0)
    for scene in scenes:
        if len(set(explained.values())) == len(faults):
            break
        for fault in faults:
            explained[fault] += scene.is_explained_by(scene.planted(fault, right))
    return max(faults, key=lambda fault: explained[fault])


def explains_conduct(
    fault: Fault, subject: Subject, failing: Sequence[Case], *, result: str, kinds: frozenset[Kind]
) -> bool:
    """Whether a fault that was named for one result is behind what was found of this one too."""
    if result not in fault.results:
        return False
    right = replace(right_kernel(subject.operation), claims=subject.claims)
    scenes = list(_scenes(subject, failing, result, kinds))
    for scene in scenes:
        # Of one mistake that may be asked even where the numbers of the case itself hide it: a
        # cotangent that is scaled may show it.
        scene.is_of_one = True
    return bool(scenes) and _score(fault, right, scenes, enough=1) is not None


def _scenes(
    subject: Subject, cases: Sequence[Case], result: str, kinds: frozenset[Kind]
) -> Iterator[_Scene]:
    """The failing cases that still fail so."""
    for case in few_of(cases, largest=LARGEST):
        scene = _Scene(subject, case, result, kinds)
        if scene.concerned:
            yield scene


def _score(
    fault: Fault, right: Subject, scenes: Sequence[_Scene], *, enough: int = ENOUGH
) -> tuple[int, int] | None:
    """Cases explained, and findings reproduced in them; ``None`` if it is not the mistake."""
    explained = reproduced = 0
    for number, scene in enumerate(scenes, 1):
        planted = scene.planted(fault, right)
        if scene.is_contradicted_by(fault, planted):
            return None
        explained += scene.is_explained_by(planted)
        reproduced += sum(scene.conduct.is_like(planted, *key) for key in scene.conduct.said)
        possible = explained + len(scenes) - number
        if 5 * possible < 4 * len(scenes) or possible < enough:
            return None
    return explained, reproduced


@dataclass
class _Scene:
    """One case, and what the checks say of the subject in it."""

    subject: Subject
    case: Case
    result: str
    kinds: frozenset[Kind]
    #: Whether a single mistake is in question.
    is_of_one: bool = False
    #: What they say of the right kernel, and so of each fault that does not show.
    unspoilt: Conduct | None = None

    @cached_property
    def conduct(self) -> Conduct:
        return conduct_of(self.subject, self.case)

    @cached_property
    def concerned(self) -> frozenset[str]:
        """The checks that found the defect."""
        return frozenset(
            check
            for (check, result), found in self.conduct.said.items()
            if result == self.result and found is not None and found.kind in self.kinds
        )

    def planted(self, fault: Fault, right: Subject) -> Conduct:
        """What the checks say of a right kernel with the fault."""
        if self.is_of_one or fault.shows(self.case):
            return conduct_of(fault.plant(right), self.case)
        if self.unspoilt is None:
            self.unspoilt = conduct_of(right, self.case)
        return self.unspoilt

    def is_explained_by(self, planted: Conduct) -> bool:
        """Whether each check that found the defect finds the same of another kernel."""
        return all(self.conduct.is_like(planted, check, self.result) for check in self.concerned)

    def is_contradicted_by(self, fault: Fault, planted: Conduct) -> bool:
        """Whether the fault fails a check that the subject passes."""
        return any(
            found is not None
            and result in fault.results
            and (found.kind in self.kinds or not self.kinds <= OF_MEMORY)
            and (check, result) in self.conduct.said
            and self.conduct.said[check, result] is None
            for (check, result), found in planted.said.items()
        )
