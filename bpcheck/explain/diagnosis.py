"""Naming a failure: the known mistake that reproduces the subject's wrong numbers exactly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bpcheck.cases import Case
from bpcheck.explain.answers import Answers, Witness
from bpcheck.explain.faults import Fault, faults_of
from bpcheck.explain.right import right_kernel
from bpcheck.subject import Subject
from bpcheck.verdict.tally import work

#: Failing and passing cases that are looked at, the smallest first; more would not say more.
MOST_CASES = 12

#: Multiplications of a case up to which it is looked at.
LARGEST = 200_000


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
        cases = "case" if self.failing == 1 else "cases"
        return (
            f"{self.fault.what} (explains {self.explained} of {self.failing} failing {cases} tried)"
        )


@dataclass(frozen=True, slots=True)
class _Scene:
    """One case with what the subject says of it."""

    witness: Witness
    said: Answers

    def gives(self, planted: Subject, results: Sequence[str]) -> bool:
        """Whether a kernel gives what the subject gave for these results, as far as there are."""
        answers, case = self.witness.answers(planted), self.witness.case
        present = [name for name in case.operation.results(case.geometry) if name in results]
        return all(self.witness.alike(self.said, answers, name) for name in present)


def diagnose(
    subject: Subject,
    failing: Sequence[Case],
    passing: Sequence[Case] = (),
    right: Subject | None = None,
    *,
    result: str | None = None,
    sound: Collection[str] = (),
) -> Diagnosis | None:
    """The fault of the catalogue that gives the subject's wrong numbers, or ``None``.

    A fault is considered if, planted in the right kernel, it reproduces the subject's answer to the
    smallest failing case, and kept if it does so in at least half of the failing ones. Of several,
    the one wins that explains most failing cases, then most results of them, then most of what is
    right in the passing ones.

    Parameters
    ----------
    subject
        The subject that fails.
    failing, passing
        Cases in which it does, and some in which it does not.
    right
        A right kernel of the operation; by default torch's.
    result
        The result that is wrong; by default any.
    sound
        Results that are right: what spoils them is not the mistake.
    """
    kernel = right or right_kernel(subject.operation)
    scenes = _scenes(subject, failing, kernel)
    wrong = _wrong_results(scenes[0], result) if scenes else ()
    if not wrong:
        return None
    calm = _scenes(subject, passing, kernel)
    best: tuple[tuple[int, int, int], Fault] | None = None
    for fault in faults_of(subject.operation):
        concerned = [name for name in wrong if name in fault.results]
        if not concerned or set(sound) & set(fault.results):
            continue
        if not fault.shows(scenes[0].witness.case):
            continue
        if not scenes[0].gives(fault.plant(kernel), concerned):
            continue
        score = _score(fault, kernel, concerned, scenes, calm)
        if 2 * score[0] >= len(scenes) and (best is None or score > best[0]):
            best = score, fault
    return None if best is None else Diagnosis(best[1], best[0][0], len(scenes))


def _scenes(subject: Subject, cases: Sequence[Case], right: Subject) -> list[_Scene]:
    small = sorted((case for case in cases if work(case) <= LARGEST), key=_plainness)
    return [
        _Scene(witness, witness.answers(subject))
        for witness in (Witness(right, case) for case in small[:MOST_CASES])
    ]


def _plainness(case: Case) -> tuple[bool, bool, int]:
    """Exact double precision first: there wrong numbers are those of the mistake alone."""
    return not case.is_exact, case.dtype != "float64", work(case)


def _wrong_results(scene: _Scene, result: str | None) -> tuple[str, ...]:
    """The results for which the subject's answer is not the right one."""
    case, witness = scene.witness.case, scene.witness
    names = case.operation.results(case.geometry) if result is None else (result,)
    return tuple(name for name in names if not witness.alike(scene.said, witness.right, name))


def _score(
    fault: Fault,
    right: Subject,
    concerned: Sequence[str],
    failing: Sequence[_Scene],
    passing: Sequence[_Scene],
) -> tuple[int, int, int]:
    """Failing cases explained, results of them reproduced, passing cases not contradicted."""
    explained = results = 0
    for scene in failing:
        case, witness = scene.witness.case, scene.witness
        answers = witness.answers(fault.plant(right))
        alike = {
            name: witness.alike(scene.said, answers, name)
            for name in case.operation.results(case.geometry)
        }
        present = [name for name in concerned if name in alike]
        is_wrong = any(not witness.alike(witness.right, answers, name) for name in present)
        explained += is_wrong and all(alike[name] for name in present)
        results += sum(alike.values())
    calm = sum(scene.gives(fault.plant(right), concerned) for scene in passing)
    return explained, results, calm
