"""Names that rest on a number which all failing cases happen to share: it is varied, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bpcheck.cases import Case
from bpcheck.checks.claims import unclaimed
from bpcheck.errors import CaseError
from bpcheck.explain.faults import Fault
from bpcheck.explain.scene import LARGEST, Scene, scene_of
from bpcheck.subject import Subject
from bpcheck.verdict.tally import work

#: Scenes of the cases in which one shared number is another, for each such number.
Varied = list[list[Scene]]


def varied_scenes(subject: Subject, scenes: Sequence[Scene], right: Subject) -> Varied:
    """What the subject says where a number that all the scenes share is another one.

    What it raises there is not looked at.
    """
    cases = [scene.case for scene in scenes]
    found = (
        [scene_of(subject, case, right) for case in other] for other in variations(subject, cases)
    )
    telling = ([scene for scene in few if scene.returns] for few in found)
    return [few for few in telling if few]


def variations(subject: Subject, cases: Sequence[Case]) -> Iterator[list[Case]]:
    """For each number in which all the cases agree: the first of them with others in its place.

    Examples
    --------
    >>> import bpcheck
    >>> from reference import conv
    >>> texts = ("conv1d n2ic1iw3oc1kw2bias0", "conv1d n2ic2iw4oc3kw3bias0")
    >>> cases = [bpcheck.parse_case(text) for text in texts]
    >>> subject = bpcheck.Subject(conv.forward, conv.vjp, operation="conv1d")
    >>> for few in variations(subject, cases):
    ...     print(*(str(case).split()[1] for case in few))
    n1ic1iw3oc1kw2bias0 n3ic1iw3oc1kw2bias0 n4ic1iw3oc1kw2bias0
    n2ic1iw3oc1kw2sw2bias0 n2ic1iw3oc1kw2sw3bias0
    n2ic1iw3oc1kw2pw1bias0 n2ic1iw3oc1kw2pw2bias0
    n2ic1iw3oc1kw2dw2bias0
    n2ic1iw3oc1kw2same1bias0
    n2ic1iw3oc1kw2
    """
    numbers = [case.geometry.numbers() for case in cases]
    for key, number in numbers[0].items():
        if all(each[key] == number for each in numbers):
            others = dict.fromkeys(each for each in (1, number + 1, number + 2) if each != number)
            found = [_with(cases[0], {**numbers[0], key: other}) for other in others]
            fitting = [case for case in found if case is not None and _is_asked(subject, case)]
            if fitting:
                yield fitting


def is_borne_out(fault: Fault, varied: Varied, right: Subject, *, result: str) -> bool:
    """Whether the subject errs as with the fault in some scene of each number that was varied.

    Scenes in which neither shows say nothing.
    """
    for scenes in varied:
        said = [_speaks(scene, fault, right, result) for scene in scenes]
        if False in said and True not in said:
            return False
    return True


def _speaks(scene: Scene, fault: Fault, right: Subject, result: str) -> bool | None:
    """Whether a scene speaks for a fault, or against it, or neither."""
    answers = scene.answers(right, fault)
    if scene.is_contradicted_by(answers, (result,)):
        return False
    return scene.is_given_by(answers, result) if result in scene.wrong else None


def _with(case: Case, numbers: dict[str, int]) -> Case | None:
    try:
        return replace(case, geometry=case.operation.geometry(numbers), one_hot=None)
    except CaseError:
        return None


def _is_asked(subject: Subject, case: Case) -> bool:
    return work(case) <= LARGEST and 0 not in case.shapes["y"] and not unclaimed(subject, case)
