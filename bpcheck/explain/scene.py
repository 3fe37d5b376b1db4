"""A scene: one case, what the subject answers to it, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER
from bpcheck.explain.answers import RAISED, Answers, Witness
from bpcheck.explain.faults import Fault
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN, TIE, plain_kind
from bpcheck.verdict.tally import work

#: Cases that are looked at; more would not say more.
MOST_CASES = 12

#: One failing case in so many is tried with real numbers, too few to matter if those round.
ONE_REAL = 6

#: Multiplications of a case up to which it is looked at.
LARGEST = 200_000


class Scene:
    """One case, and what the subject says of it."""

    def __init__(self, witness: Witness, said: Answers):
        self.witness = witness
        self.said = said

    @property
    def case(self) -> Case:
        """The case."""
        return self.witness.case

    @property
    def results(self) -> tuple[str, ...]:
        """The results that the case has."""
        return self.case.operation.results(self.case.geometry)

    @property
    def returns(self) -> bool:
        """Whether the subject answers, rather than to raise."""
        return RAISED not in self.said.manner

    @cached_property
    def wrong(self) -> tuple[str, ...]:
        """The results for which the subject's answer is not the right one."""
        return tuple(
            name
            for name in self.results
            if not self.witness.alike(self.said, self.witness.right, name)
        )

    def answers(self, kernel: Subject, fault: Fault) -> Answers:
        """What a right kernel answers once the fault is planted in it."""
        if not fault.shows(self.case):
            # As every fault promises: hundreds of runs less for each defect that is named.
            return self.witness.right
        return replace(self.witness.answers(fault.plant(kernel)), rounds=fault.rounds)

    def is_given_by(self, answers: Answers, result: str) -> bool:
        """Whether a kernel that answers so gives what the subject gives.

        What is wrong by a few roundings alone is not what a mistake gives that does not show.
        """
        if not self.witness.alike(self.said.beside(answers), answers, result):
            return False
        # In another order of sums, what a narrower format adds up may come out right.
        return (
            result not in self.wrong
            or bool(answers.rounds)
            or not self.witness.alike(self.witness.right, answers, result)
        )

    def is_contradicted_by(self, answers: Answers, results: Iterable[str]) -> bool:
        """Whether a result that the subject gets right is wrong in these answers."""
        return any(
            name in results
            and name not in self.wrong
            and not self.witness.alike(self.witness.right, answers, name)
            # What adds up in a narrower format may be right in one order, and not in another.
            and not (answers.rounds and self.witness.alike(self.said, answers, name))
            for name in self.results
        )


def scene_of(subject: Subject, case: Case, right: Subject, *, dtypes: bool = False) -> Scene:
    """The scene of one case, as it is."""
    witness = Witness(right, case, dtypes=dtypes)
    return Scene(witness, witness.answers(subject))


def scenes_of(
    subject: Subject, cases: Sequence[Case], right: Subject, *, dtypes: bool = False
) -> list[Scene]:
    """Scenes of a few of the cases, as they are."""
    return [scene_of(subject, case, right, dtypes=dtypes) for case in few_of(cases)]


def failing_scenes(
    subject: Subject,
    cases: Sequence[Case],
    right: Subject,
    *,
    result: str | None = None,
    condition: str = PLAIN,
    dtypes: bool = False,
    most: int = MOST_CASES,
) -> list[Scene]:
    """Scenes of a few of the failing cases, each in the plainest dress in which it still fails.

    Wrong sums of narrow numbers are rounded, each kernel in its own way; in float64 they are those
    of the mistake. The condition is what the values must meet for it to show.
    """
    found: list[Scene] = []
    for number, case in enumerate(few_of(cases, most), 1):
        plain = case if dtypes else undressed(case, subject, condition)
        if condition == PLAIN and number % ONE_REAL == 0 and "real" in case.operation.value_kinds:
            # To integers, clipping to 1 is taking signs, say.
            plain = replace(plain, values="real")
        scene = scene_of(subject, plain, right, dtypes=dtypes)
        is_wrong = result in scene.wrong if result else bool(scene.wrong)
        found.append(scene if is_wrong else scene_of(subject, case, right, dtypes=dtypes))
    # Cases that differ by their dress alone are one case now.
    return list({scene.case: scene for scene in found}.values())


def few_of(cases: Sequence[Case], most: int = MOST_CASES, *, largest: int = LARGEST) -> list[Case]:
    """Half of them the smallest, half spread over the others.

    Small ones are quick, and large ones tell mistakes apart that a single cell cannot.
    """
    known = dict.fromkeys(case for case in cases if work(case) <= largest)
    ordered = sorted(known, key=_plainness)
    few, rest = ordered[: most // 2], ordered[most // 2 :]
    others = most - len(few)
    spread = [rest[len(rest) * i // others] for i in range(others)] if len(rest) > others else rest
    return [*few, *spread]


def undressed(case: Case, subject: Subject, condition: str = PLAIN) -> Case:
    """The case in float64 and C order, with values as plain as the condition lets them be."""
    values = {PLAIN: plain_kind(case), TIE: "ties"}.get(condition, case.values)
    dtype = "float64" if "float64" in subject.claims.dtypes else case.dtype
    return replace(case, dtype=dtype, values=values, layout=C_ORDER, one_hot=None)


def _plainness(case: Case) -> tuple[bool, bool, int]:
    """Exact double precision first: there wrong numbers are those of the mistake alone."""
    return not case.is_exact, case.dtype != "float64", work(case)
