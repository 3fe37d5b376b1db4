"""A part: one of two mistakes in one result, and the cases in which it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bpcheck.cases import Case
from bpcheck.explain.diagnosis import Diagnosis
from bpcheck.explain.faults import fault_named
from bpcheck.explain.right import right_kernel
from bpcheck.explain.scene import scene_of
from bpcheck.planning.classes import geometry_classes
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class Shows:
    """Which of two mistakes show in a case in which their result is wrong."""

    one: bool
    other: bool

    @property
    def one_alone(self) -> bool:
        """Whether only the one in question does."""
        return self.one and not self.other

    @property
    def other_alone(self) -> bool:
        """Whether only the other does."""
        return self.other and not self.one


def classes_and_not(case: Case) -> frozenset[str]:
    """The classes of a case's geometry, and ``not`` and the name of each other one.

    Of a factor with many levels, one is often the plain one: what has groups is not ``groups 1``.
    """
    found = geometry_classes(case.operation, case.geometry)
    every = (str(each) for each in case.operation.edge_classes)
    return frozenset(name if name in found else f"not {name}" for name in every)


class Part(Protocol):
    """One of two mistakes, as a value that travels to where the subject runs."""

    @property
    def turned(self) -> Part:
        """The other one."""
        ...

    def shows(self, subject: Subject, case: Case, *, result: str) -> Shows:
        """Whether it shows, and the other, in a case in which the result is wrong."""
        ...


@dataclass(frozen=True, slots=True)
class ByFault:
    """A part whose cases a known mistake tells: by the names of both, empty for an unknown one."""

    one: str
    other: str

    @property
    def turned(self) -> ByFault:
        return ByFault(self.other, self.one)

    def shows(self, subject: Subject, case: Case, *, result: str) -> Shows:
        right = right_kernel(subject.operation)
        scene = scene_of(subject, case, right)
        spoilt, given = set(), set()
        for name in filter(None, (self.one, self.other)):
            answers = scene.answers(right, fault_named(name))
            if not scene.witness.alike(scene.witness.right, answers, result):
                spoilt.add(name)
                if scene.is_given_by(answers, result):
                    given.add(name)
        # What is not the numbers of the known mistake is the work of the unknown one, too.
        return Shows(*(name in spoilt if name else not given for name in (self.one, self.other)))


@dataclass(frozen=True, slots=True)
class ByClass:
    """A part whose cases are those of a class, where nobody knows either mistake."""

    one: str
    other: str

    @property
    def turned(self) -> ByClass:
        return ByClass(self.other, self.one)

    def shows(self, subject: Subject, case: Case, *, result: str) -> Shows:
        found = classes_and_not(case)
        return Shows(self.one in found, self.other in found)


@dataclass(frozen=True, slots=True)
class Parting:
    """The two mistakes that make one result wrong, each with its name if it has one."""

    part: Part
    first: Diagnosis | None
    second: Diagnosis | None


def shows_alone(subject: Subject, case: Case, part: Part, result: str) -> bool:
    """Whether one of two mistakes shows in a case, without the other."""
    return part.shows(subject, case, result=result).one_alone
