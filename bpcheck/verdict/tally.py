"""A tally: what a run has seen so far, in memory that does not grow with the number of cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from bpcheck.cases import Case
from bpcheck.checks import second_vjp
from bpcheck.finding import Status
from bpcheck.verdict.conditions import PLAIN, plainness
from bpcheck.verdict.evidence import Evidence, compared, layers_of, telling
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.judgement import ON_VALUES, Verdict
from bpcheck.verdict.jury import FOLLOWERS, Ruling
from bpcheck.verdict.opening import Opening
from bpcheck.verdict.report import Cell, Rounded
from bpcheck.verdict.sample import Sample

#: Verdict, result and condition of a defect.
Key = tuple[Verdict, str, str, str]

#: Verdicts on the values of the forward.
FORWARDS = (Verdict.FORWARD_WRONG, Verdict.BOTH_WRONG, Verdict.FORWARD_DIFFERS)


#: Verdicts that rest on a difference between two runs.
BETWEEN_RUNS = (
    Verdict.KEEPS_STATE,
    Verdict.READS_BY_LAYOUT,
    Verdict.NOT_LINEAR,
    Verdict.BREAKS_SYMMETRY,
)

#: Verdicts that what reads beside an array earns too: something else lies there every time.
OF_READING_BESIDE = (Verdict.KEEPS_STATE, Verdict.NOT_DETERMINISTIC)

#: Failing cases of one defect that are kept, to be told apart where they are of two, and to find
#: under which condition it shows.
KEPT = 4_096

#: Passing cases of one result that are kept, to find what those that fail have in common.
KEPT_RIGHT = 1_024

#: Causes by which defects of one verdict and result are told apart, at most: what raises something
#: else in every case is one defect.
CAUSES = 5


@dataclass(slots=True)
class Defect:
    """All cases in which one result is wrong in one way: counts, and the smallest case so far.

    The condition is what the values must meet for it to show; empty where any do.
    """

    verdict: Verdict
    result: str
    condition: str = PLAIN
    cause: str = ""
    failing: int = 0
    in_c_order: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    layers: Counter[tuple[str, str]] = field(default_factory=Counter)
    smallest: Case | None = None
    sample: Sample = field(default_factory=Sample)
    rank: tuple[int, ...] = ()
    ruling: Ruling | None = None
    is_tentative: bool = True
    also: dict[str, None] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """What tells it from other defects."""
        return self.verdict, self.result, self.condition, self.cause

    def shows(self, ruling: Ruling) -> bool:
        """Whether a ruling is of this defect; one of many causes has all of them.

        A convention is one for all results.
        """
        if self.verdict.is_convention:
            return ruling.verdict is self.verdict
        own = (ruling.verdict, ruling.result, ruling.condition)
        return own == self.key[:3] and self.cause in (ruling.cause, "")

    def absorb(self, other: Defect) -> None:
        """Count the cases of another defect of the same result as those of this one."""
        self.failing += other.failing
        self.classes += other.classes
        self.layers += other.layers

    def add(self, judged: Judged, ruling: Ruling, size: int) -> None:
        """Count one more case."""
        self.failing += 1
        self.in_c_order += not judged.case.layouts
        self.is_tentative &= ruling.is_tentative
        # A wrong shape tells of a layer in an empty batch too; wrong numbers there are none.
        is_broken = ruling.verdict is Verdict.CONTRACT_BROKEN
        classes = judged.classes if is_broken else telling(judged)
        self.classes.update(classes)
        self.layers.update(layers_of(classes))
        rank = plainness(judged.case, size)
        self.sample.add(judged.case, rank, size)
        if len(self.cases) < KEPT:
            self.cases.append(judged.case)
        telling_rank = (_is_of_a_second_vjp(ruling), *rank)
        if self.smallest is None or telling_rank < self.rank:
            self.smallest, self.rank, self.ruling = judged.case, telling_rank, ruling


def _is_of_a_second_vjp(ruling: Ruling) -> bool:
    """Whether it rests on a second vjp of one forward alone: an order of calls tells more."""
    return {each.check for each in ruling.findings} == {second_vjp.NAME}


class Tally:
    """Counts of a run; `add` takes the cases in their order."""

    def __init__(self) -> None:
        self.cases = 0
        #: Cases that show a defect.
        self.failing = 0
        self.dtypes: Counter[str] = Counter()
        self.evidence = Evidence()
        self.reasons: Counter[str] = Counter()
        self._statuses: Counter[tuple[str, str, Status]] = Counter()
        self.defects: dict[Key, Defect] = {}
        #: Survival probabilities of the exact probes; there are no more different ones than there
        #: are magnitudes.
        self.survivals: Counter[float] = Counter()
        #: In how many cases a note was made of a result that has passed, by check.
        self.noted: dict[str, Counter[str]] = {}
        #: Largest rounding error and number of cases, by dtype, result and length of the sums.
        self._rounded: dict[tuple[str, str, int], tuple[float, int]] = {}
        #: What each check remarks on, the first that it said, or that of what is measured largest,
        #: and in how many cases.
        self.remarks: dict[str, str] = {}
        self._measured: dict[str, float] = {}
        self.remarked: Counter[str] = Counter()
        #: Cases in which a result was compared and right.
        self.right: dict[str, Sample] = {}
        #: The first of them, of any values.
        self.passing: dict[str, list[Case]] = {}
        self.opening = Opening()

    def add(self, judged: Judged) -> None:
        """Count one case."""
        self.evidence.add(judged)
        if judged.unsupported:
            self.reasons[judged.unsupported] += 1
            return
        self.cases += 1
        self.opening.add(judged)
        self.failing += any(ruling.verdict.is_defect for ruling in judged.rulings)
        self.dtypes[judged.case.dtype] += 1
        self._statuses.update((each.check, each.result, each.status) for each in judged.outcomes)
        self._note(judged)
        self._remark(judged)
        if judged.survival < 1:
            self.survivals[judged.survival] += 1
        size = work(judged.case)
        if size:
            self._keep_passing(judged, size)
        told: set[Verdict] = set()
        for ruling in judged.rulings:
            defect = self._defect_of(ruling)
            if ruling.result != defect.result:
                defect.also[ruling.result] = None
            # One case counts once, whatever a convention touches in it.
            if not (ruling.verdict.is_convention and ruling.verdict in told):
                defect.add(judged, ruling, size)
            told.add(ruling.verdict)

    def _remark(self, judged: Judged) -> None:
        """Keep what each check remarks on."""
        found = {each.check: each for each in reversed(judged.outcomes) if each.remark}
        self.remarked.update(found.keys())
        for check, each in found.items():
            ratio = 0.0 if each.measured is None else each.measured.ratio
            if check not in self.remarks or ratio > self._measured[check]:
                self.remarks[check], self._measured[check] = each.remark, ratio

    def _keep_passing(self, judged: Judged, size: int) -> None:
        """Keep a few of the cases in which a result is right."""
        # What the jury charges to another result has failed all the same.
        failed = {each.result for each in judged.outcomes if each.status is Status.FAILED}
        for result in compared(judged) - failed - {ruling.result for ruling in judged.rulings}:
            passing = self.passing.setdefault(result, [])
            if len(passing) < KEPT_RIGHT:
                passing.append(judged.case)
            # Only where numbers are exact can a case contradict a mistake bit for bit.
            if judged.case.is_exact:
                sample = self.right.setdefault(result, Sample())
                sample.add(judged.case, plainness(judged.case, size), size)

    def _note(self, judged: Judged) -> None:
        """Keep what checks have said of results that need not be wrong."""
        for each in judged.outcomes:
            if each.note and each.status is Status.PASSED:
                self.noted.setdefault(each.check, Counter())[each.result] += 1
            if each.measured is not None and each.measured.terms:
                length = 1 << (each.measured.terms.bit_length() - 1)
                key = judged.case.dtype, each.result, length
                largest, count = self._rounded.get(key, (0.0, 0))
                self._rounded[key] = max(largest, each.measured.ratio), count + 1

    def _defect_of(self, ruling: Ruling) -> Defect:
        """The defect that a ruling is of: one for each cause, and one for all of many causes.

        A convention is one, whatever it touches.
        """
        if ruling.verdict.is_convention:
            key: Key = (ruling.verdict, "", "", "")
            return self.defects.setdefault(key, Defect(ruling.verdict, ruling.result))
        key = (ruling.verdict, ruling.result, ruling.condition, ruling.cause)
        if key not in self.defects and sum(other[:3] == key[:3] for other in self.defects) > CAUSES:
            key = (*key[:3], "")
        return self.defects.setdefault(key, Defect(*key))

    def decided(self) -> list[Defect]:
        """The defects; tentative ones only if nothing else was said of the forward.

        What is another number every time differs between any two runs: that is said once. Where it
        is so in other layouts alone, the memory beside an array is what is read.
        """
        by_layout = {
            each.result for each in self.defects.values() if each.verdict is Verdict.READS_BY_LAYOUT
        }
        caused = [
            each
            for each in self.defects.values()
            if each.in_c_order
            or not (each.verdict in OF_READING_BESIDE and each.result in by_layout)
        ]
        unsteady = {each.result for each in caused if each.verdict is Verdict.NOT_DETERMINISTIC}
        own = [
            defect
            for defect in caused
            if not (defect.verdict in BETWEEN_RUNS and defect.result in unsteady)
        ]
        own = _without_followers(own)
        sure = [defect for defect in own if not defect.is_tentative]
        if any(defect.result == "y" and defect.verdict in FORWARDS for defect in sure):
            return sure
        return own

    def cell(self, check: str, result: str) -> Cell:
        """How often a check passed and failed for one result."""
        count = self._statuses
        return Cell(
            passed=count[check, result, Status.PASSED],
            failed=count[check, result, Status.FAILED],
            not_applicable=count[check, result, Status.NOT_APPLICABLE],
        )

    @property
    def rounded(self) -> tuple[Rounded, ...]:
        """Rounding errors by dtype, result and length, the shortest sums first."""
        return tuple(Rounded(*key, *found) for key, found in sorted(self._rounded.items()))

    @property
    def has_passed(self) -> bool:
        """Whether any check passed for any result."""
        return any(status is Status.PASSED for _, _, status in self._statuses)

    @property
    def median_survival(self) -> float:
        """Probability that a wrong row survives one exact probe, in the median; 1 for none."""
        half, seen = self.survivals.total() / 2, 0
        for value in sorted(self.survivals):
            seen += self.survivals[value]
            if seen >= half:
                return value
        return 1.0


def _without_followers(defects: list[Defect]) -> list[Defect]:
    """Those left out that a result earns in a few cases by being wrong in many others."""
    wrong = {
        defect.result: defect.failing
        for defect in defects
        if defect.verdict in ON_VALUES and defect.condition == PLAIN
    }
    return [
        defect
        for defect in defects
        if not (defect.verdict in FOLLOWERS and 4 * defect.failing < wrong.get(defect.result, 0))
    ]


def work(case: Case) -> int:
    """Multiplications of the forward: what makes one case smaller than another."""
    return case.operation.multiplications(case.geometry) + case.terms["y"]
