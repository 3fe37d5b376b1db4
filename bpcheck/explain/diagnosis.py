"""Naming a failure: the known mistake that reproduces the subject's wrong numbers exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bpcheck.cases import Case
from bpcheck.explain.faults import Fault, faults_of
from bpcheck.explain.right import right_kernel
from bpcheck.explain.scene import Scene, failing_scenes, few_of, scenes_of, undressed
from bpcheck.explain.unvaried import is_borne_out, varied_scenes
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN

#: Failing cases that a mistake must explain before it is named: one or two it hits by accident.
ENOUGH = 3


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The fault that explains a failure best.

    Parameters
    ----------
    fault
        The known mistake.
    explained, failing
        In how many of the failing cases that were looked at it gives the subject's wrong numbers,
        and how many those are.
    """

    fault: Fault
    explained: int
    failing: int

    def __str__(self) -> str:
        return (
            f"{self.fault.what} (explains {self.explained} of {self.failing} failing cases tried)"
        )


def diagnose(
    subject: Subject,
    failing: Sequence[Case],
    passing: Sequence[Case] = (),
    right: Subject | None = None,
    *,
    result: str | None = None,
    condition: str = PLAIN,
    dtypes: bool = False,
    varies: bool = False,
) -> Diagnosis | None:
    """The fault of the catalogue that gives the subject's wrong numbers, or ``None``.

    A fault is named if, planted in the right kernel, it reproduces the subject's wrong answer in at
    least three failing cases and in 80 % of those that are tried, and if nothing that the subject
    gets right, in these cases or in passing ones, would be wrong with it. Of several, the one wins
    that explains most failing cases, then most results of them.

    Parameters
    ----------
    subject
        The subject that fails.
    failing, passing
        Cases in which it does, and some in which it does not.
    right
        A right kernel of the operation; by default torch's.
    result
        The result that is wrong; by default the first that is, in the smallest failing case.
    condition
        What the values must meet for it to be wrong; where any show it, plain ones are tried.
    dtypes
        Whether the dtype of the result is what is wrong; else only its numbers are compared.
    varies
        Whether a number that all the failing cases share is varied: nothing else tells what is
        doubled from what is multiplied by two samples.
    """
    kernel = right or right_kernel(subject.operation)
    scenes = failing_scenes(
        subject, failing, kernel, result=result, condition=condition, dtypes=dtypes
    )
    wrong = (result,) if result else next((s.wrong for s in scenes if s.wrong), ())
    if not wrong or len(scenes) < ENOUGH:
        return None
    calm = scenes_of(subject, passing, kernel, dtypes=dtypes)
    fitting: dict[Fault, tuple[int, int]] = {}
    for fault in _candidates(subject, wrong):
        score = _score(fault, kernel, wrong, scenes)
        if score is not None and not any(_contradicts(scene, fault, kernel) for scene in calm):
            fitting[fault] = score
    fitting = _borne_out_by_real_values(subject, fitting, failing, kernel)
    fitting = _borne_out_elsewhere(subject, fitting, scenes, kernel, wrong) if varies else fitting
    # The first of the catalogue where nothing tells them apart.
    best = max(fitting, key=lambda fault: fitting[fault], default=None)
    return None if best is None else Diagnosis(best, fitting[best][0], len(scenes))


def explains(
    fault: Fault,
    subject: Subject,
    failing: Sequence[Case],
    right: Subject | None = None,
    *,
    result: str,
    condition: str = PLAIN,
) -> bool:
    """Whether a fault that was named for one result is behind a failure of this one too.

    It reproduces the subject's wrong answer in 80 % of the failing cases, however few there are.
    """
    if result not in fault.results:
        return False
    kernel = right or right_kernel(subject.operation)
    scenes = failing_scenes(subject, failing, kernel, result=result, condition=condition)
    return bool(scenes) and _score(fault, kernel, (result,), scenes, enough=1) is not None


def gives_the_same(fault: Fault, subject: Subject, cases: Sequence[Case], *, result: str) -> bool:
    """Whether a fault that was named gives the subject's numbers in some cases, as they are.

    Where a sum happens to be small, 0 in its place looks like a few roundings.
    """
    kernel = right_kernel(subject.operation)
    scenes = scenes_of(subject, cases, kernel)
    return bool(scenes) and all(
        fault.shows(scene.case) and scene.is_given_by(scene.answers(kernel, fault), result)
        for scene in scenes
    )


def _borne_out_by_real_values(
    subject: Subject,
    fitting: dict[Fault, tuple[int, int]],
    failing: Sequence[Case],
    right: Subject,
) -> dict[Fault, tuple[int, int]]:
    """The faults that real values speak for most, and not against, in the geometries that fail.

    To whole numbers clipping to 1 is taking signs, and float32 is as good as float64; what drops
    numbers below 1/2 drops subnormals too.
    """
    if not fitting or "real" not in subject.operation.value_kinds:
        return fitting
    plain = (undressed(case, subject) for case in few_of(failing))
    cases = dict.fromkeys(replace(case, values="real") for case in plain)
    given = dict.fromkeys(fitting, 0)
    for scene in scenes_of(subject, list(cases), right):
        for fault in list(given):
            answers = scene.answers(right, fault)
            if scene.is_contradicted_by(answers, fault.results):
                del given[fault]
            else:
                given[fault] += sum(scene.is_given_by(answers, each) for each in scene.results)
    most = max(given.values(), default=0)
    return {fault: fitting[fault] for fault, count in given.items() if count == most}


def _borne_out_elsewhere(
    subject: Subject,
    fitting: dict[Fault, tuple[int, int]],
    scenes: Sequence[Scene],
    right: Subject,
    wrong: Sequence[str],
) -> dict[Fault, tuple[int, int]]:
    """The faults that are borne out where a number that all the scenes share is another one."""
    if not fitting:
        return fitting
    varied = varied_scenes(subject, scenes, right)
    return {
        fault: score
        for fault, score in fitting.items()
        if all(
            is_borne_out(fault, varied, right, result=each)
            for each in wrong
            if each in fault.results
        )
    }


def _candidates(subject: Subject, wrong: Sequence[str]) -> Iterator[Fault]:
    """The faults that spoil a result that is wrong."""
    return (fault for fault in faults_of(subject.operation) if set(wrong) & set(fault.results))


def _score(
    fault: Fault,
    right: Subject,
    wrong: Sequence[str],
    failing: Sequence[Scene],
    *,
    enough: int = ENOUGH,
) -> tuple[int, int] | None:
    """Failing cases explained, and results reproduced in them; ``None`` if it is not the mistake.

    Nobody need go on once too few cases can be explained.
    """
    explained = results = 0
    for number, scene in enumerate(failing, 1):
        answers = scene.answers(right, fault)
        if scene.is_contradicted_by(answers, fault.results):
            return None
        # Where the fault does not show, a right number is no explanation of a wrong one.
        concerned = [name for name in wrong if name in fault.results and name in scene.wrong]
        explained += bool(concerned) and all(scene.is_given_by(answers, name) for name in concerned)
        results += sum(scene.is_given_by(answers, name) for name in scene.results)
        possible = explained + len(failing) - number
        if 5 * possible < 4 * len(failing) or possible < enough:
            return None
    return explained, results


def _contradicts(scene: Scene, fault: Fault, right: Subject) -> bool:
    return scene.is_contradicted_by(scene.answers(right, fault), fault.results)
