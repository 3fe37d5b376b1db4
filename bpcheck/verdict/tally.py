"""A tally: what a run has seen so far, in memory that does not grow with the number of cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from bpcheck.cases import Case
from bpcheck.finding import Status
from bpcheck.verdict.evidence import Evidence, layers_of, telling
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.judgement import Verdict
from bpcheck.verdict.jury import Ruling
from bpcheck.verdict.report import Cell

#: Verdicts on the values of the forward.
FORWARDS = (Verdict.FORWARD_WRONG, Verdict.BOTH_WRONG, Verdict.FORWARD_DIFFERS)


#: Verdicts that rest on a difference between two runs.
BETWEEN_RUNS = (
    Verdict.KEEPS_STATE,
    Verdict.READS_BY_LAYOUT,
    Verdict.NOT_LINEAR,
    Verdict.BREAKS_SYMMETRY,
)

#: Cases of each defect, and cases without one, that are kept for naming the mistake.
EXAMPLES = 12


@dataclass(slots=True)
class Defect:
    """All cases in which one result is wrong in one way: counts, and the smallest case so far."""

    verdict: Verdict
    result: str
    failing: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    layers: Counter[tuple[str, str]] = field(default_factory=Counter)
    smallest: Case | None = None
    examples: list[tuple[tuple[bool, int], int, Case]] = field(default_factory=list)
    rank: tuple[bool, int] = (True, 0)
    ruling: Ruling | None = None
    is_tentative: bool = True

    def add(self, judged: Judged, ruling: Ruling, size: int) -> None:
        """Count one more case."""
        self.failing += 1
        self.is_tentative &= ruling.is_tentative
        classes = telling(judged)
        self.classes.update(classes)
        self.layers.update(layers_of(classes))
        # An exact case tells more than a small one: its numbers can be followed.
        rank = (not judged.case.is_exact, size)
        # Cases have no order among themselves: of equal rank the one that came first does.
        self.examples = sorted([*self.examples, (rank, self.failing, judged.case)])[:EXAMPLES]
        if self.smallest is None or rank < self.rank:
            self.smallest, self.rank, self.ruling = judged.case, rank, ruling


class Tally:
    """Counts of a run; `add` takes the cases in their order."""

    def __init__(self) -> None:
        self.cases = 0
        self.dtypes: Counter[str] = Counter()
        self.evidence = Evidence()
        self.reasons: Counter[str] = Counter()
        self._statuses: Counter[tuple[str, str, Status]] = Counter()
        self.defects: dict[tuple[Verdict, str], Defect] = {}
        #: Survival probabilities of the exact probes; there are no more different ones than there
        #: are magnitudes.
        self.survivals: Counter[float] = Counter()
        #: The first cases in which nothing was wrong.
        self.passing: list[Case] = []

    def add(self, judged: Judged) -> None:
        """Count one case."""
        self.evidence.add(judged)
        if judged.unsupported:
            self.reasons[judged.unsupported] += 1
            return
        self.cases += 1
        self.dtypes[judged.case.dtype] += 1
        self._statuses.update((each.check, each.result, each.status) for each in judged.outcomes)
        if judged.survival < 1:
            self.survivals[judged.survival] += 1
        # Only where numbers are exact can a case contradict a mistake bit for bit.
        if not judged.rulings and judged.case.is_exact and len(self.passing) < EXAMPLES:
            self.passing.append(judged.case)
        size = work(judged.case)
        for ruling in judged.rulings:
            key = (ruling.verdict, ruling.result)
            defect = self.defects.setdefault(key, Defect(*key))
            defect.add(judged, ruling, size)

    def decided(self) -> list[Defect]:
        """The defects; tentative ones only if nothing else was said of the forward.

        What is another number every time differs between any two runs: that is said once.
        """
        unsteady = {
            result for verdict, result in self.defects if verdict is Verdict.NOT_DETERMINISTIC
        }
        own = [
            defect
            for defect in self.defects.values()
            if not (defect.verdict in BETWEEN_RUNS and defect.result in unsteady)
        ]
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


def work(case: Case) -> int:
    """Multiplications of the forward: what makes one case smaller than another."""
    return case.operation.multiplications(case.geometry) + case.operation.terms(case.geometry)["y"]
