"""The report of a run: plain values, the same for the same seed on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bpcheck.verdict.evidence import Record
from bpcheck.verdict.judgement import Judgement, Verdict
from bpcheck.verdict.timed import Timing


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the report's table: how often a check passed and failed for one result."""

    passed: int = 0
    failed: int = 0
    not_applicable: int = 0

    @property
    def mark(self) -> str:
        """``✓`` when all passed, ``✗`` when any failed, ``·`` when nothing could be judged."""
        if self.failed:
            return "✗"
        return "✓" if self.passed else "·"


@dataclass(frozen=True, slots=True)
class Rounded:
    """The largest rounding error of one result in one dtype, of sums of about one length.

    Parameters
    ----------
    dtype, result
        Whose it is.
    terms
        The shortest length: sums of less than twice as many terms are in it.
    ratio
        Largest ``error / (u sum |a_i b_i|)``.
    cases
        In how many cases it was looked at.
    """

    dtype: str
    result: str
    terms: int
    ratio: float
    cases: int


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The scope of which every geometry was to be judged.

    Parameters
    ----------
    name, says
        The scope's name, and which numbers it has.
    count
        How many geometries it has.
    done
        How many of them were reached; those that the subject refused are among them.
    proved
        In how many of them every column of the Jacobian was compared, and right.
    """

    name: str
    says: str
    count: int
    done: int
    proved: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found.

    Parameters
    ----------
    subject, operation, style
        The subject's name, operation and style.
    profile, seed, dtypes
        What was asked for.
    verdict
        The worst of the judgements' verdicts, `Verdict.AGREES` if there are none, or
        `Verdict.INCONCLUSIVE` if no case could be judged.
    judgements
        The distinct defects, worst first.
    table
        For each check (row) and result (column): how it went.
    cases, unsupported
        Number of cases judged, and of those that the subject did not claim.
    coverage
        Number of cases judged in each edge class.
    missing
        Edge classes that had no case although the run was to cover them and the subject refused
        none of theirs; they make it inconclusive.
    not_claimed
        Edge classes that had no case since the subject refused those of theirs that were tried.
    too_large
        Edge classes that had no case within the limit on multiplications.
    largest
        That limit; ``None`` for none.
    too_many
        Edge classes that none of the geometries is in to which the run was limited.
    geometries
        How many those were at most; ``None`` for any number.
    records
        For each class and result, in how many cases it was right, wrong, or raised.
    survival_one
        Probability that a gradient row which is wrong in a case survived the exact probe of it, in
        the median over the cases; 1 when there was no exact probe.
    reasons
        Why cases were unsupported, with counts.
    claimed, left_out, not_needed
        What the subject claims beyond what everybody is taken to; what it does not claim, with the
        number of cases in which that was seen where only a call could tell (0 elsewhere); and
        those of its claims that it seems not to need, with what shows it.
    notes
        What is to be told of how the run went: what loading the subject did to its process, and
        which cases were not tried.
    remarks
        What is worth a line, and is neither a defect nor a note.
    is_complete
        False when the run was interrupted.
    rounded
        Rounding errors on real values, by dtype, result and length of the sums.
    exhausted
        The scope that the run was to exhaust; ``None`` for a run on chosen cases.
    timing
        Time and memory beside torch's, family by family; ``None`` where nobody asked.
    structure
        What kind of function a declared operation was found to be; empty for others.
    """

    subject: str
    operation: str
    style: str
    profile: str
    seed: int
    dtypes: tuple[str, ...]
    verdict: Verdict
    judgements: tuple[Judgement, ...]
    table: Mapping[str, Mapping[str, Cell]]
    cases: int
    unsupported: int
    coverage: Mapping[str, int]
    missing: tuple[str, ...] = ()
    not_claimed: tuple[str, ...] = ()
    too_large: tuple[str, ...] = ()
    largest: int | None = None
    too_many: tuple[str, ...] = ()
    geometries: int | None = None
    records: Mapping[tuple[str, str], Record] = field(default_factory=dict)
    survival_one: float = 1.0
    reasons: Mapping[str, int] = field(default_factory=dict)
    is_complete: bool = True
    claimed: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    not_needed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    rounded: tuple[Rounded, ...] = ()
    exhausted: Exhausted | None = None
    timing: Timing | None = None
    structure: str = ""

    def _repr_html_(self) -> str:
        """The report as notebooks show it."""
        # A notebook asks the value itself, which knows no more than that there is such a page.
        from bpcheck.report.html import to_fragment

        return to_fragment(self)

    @property
    def agrees(self) -> bool:
        """Whether the run was finished, found no defect, and could judge something."""
        return (
            self.is_complete
            and not self.verdict.is_defect
            and self.verdict is not Verdict.INCONCLUSIVE
        )

    @property
    def exit_code(self) -> int:
        """0 agrees, 1 a defect, 3 nothing could be judged."""
        if self.verdict is Verdict.INCONCLUSIVE:
            return 3
        return 1 if self.verdict.is_defect else 0
