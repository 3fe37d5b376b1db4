"""Judgements: what a run concludes about a subject, ranked by how much harm each kind does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bpcheck.finding import Finding, Kind
from bpcheck.verdict.drawn import Drawn
from bpcheck.verdict.repaired import Repaired
from bpcheck.verdict.tried import Tried


class Verdict(StrEnum):
    """One conclusion; earlier members outrank later ones, and silently wrong all that raise.

    A contract that ``y`` breaks by its type or shape outranks them all: see `is_malformed`.
    """

    BACKWARD_WRONG = "backward wrong"
    FORWARD_WRONG = "forward wrong"
    BOTH_WRONG = "forward and backward both wrong"
    FORWARD_DIFFERS = "forward computes something else"
    READS_BY_LAYOUT = "reads memory by layout"
    KEEPS_STATE = "keeps state"
    NOT_LINEAR = "not linear in the cotangent"
    BREAKS_SYMMETRY = "breaks a symmetry"
    SUBSET = "depends on which gradients are needed"
    UNDEFINED = "wrong for an undefined cotangent"
    DOUBLE = "double backward wrong"
    FORWARD_MODE = "forward mode wrong"
    VMAP = "wrong under vmap"
    IN_PLACE = "misses a change in place"
    MODE = "depends on a mode of torch"
    COMPILED = "differs when it is compiled"
    LOST_PRECISION = "lost precision"
    MUTATES = "changes its input"
    SETTINGS = "changes the whole process"
    ALIASES = "shares memory with its input or an earlier result"
    NOT_DETERMINISTIC = "not deterministic"
    BATCH_DEPENDENT = "depends on the batch"
    NOT_FINITE = "not finite"
    CONTRACT_BROKEN = "contract broken"
    OPERATOR = "breaks a rule of registered operators"
    LACKS = "lacks what it claims"
    CRASHED = "crashed"
    EXITS = "ends the process"
    TIMED_OUT = "timed out"
    MEMORY = "takes too much memory"
    RAISES = "raises"
    LEAVES_RUNNING = "leaves something running"
    PRINTS = "prints"
    ORACLE_WRONG = "the oracle is wrong"
    WIDER = "returns a wider dtype"
    UNORDERED = "adds up in another order each time"
    NARROW_SUMS = "adds up in the narrow type"
    FLUSHES = "flushes subnormals to zero"
    NAN_ELSEWHERE = "treats NaN another way"
    CONVENTION = "another convention"
    WRITES = "writes to the standard error"
    INCONCLUSIVE = "inconclusive"
    AGREES = "agrees"

    @property
    def is_defect(self) -> bool:
        """Whether it counts against the subject."""
        return not (
            self.is_convention
            or self in (Verdict.ORACLE_WRONG, Verdict.INCONCLUSIVE, Verdict.AGREES)
        )

    @property
    def is_convention(self) -> bool:
        """Whether it is a matter of convention: one note, whatever it touches."""
        return self in (
            Verdict.WIDER,
            Verdict.UNORDERED,
            Verdict.NARROW_SUMS,
            Verdict.FLUSHES,
            Verdict.NAN_ELSEWHERE,
            Verdict.CONVENTION,
            Verdict.WRITES,
        )


def cause_of(verdict: Verdict, findings: Sequence[Finding]) -> str:
    """What parts defects of one verdict and result: the exception, or how the contract is broken.

    Two exceptions are two mistakes; a shape and a dtype are. Empty for other verdicts.
    """
    if verdict is Verdict.RAISES:
        return findings[0].exception if findings else ""
    if verdict is Verdict.CONTRACT_BROKEN:
        return str(findings[0].kind) if findings else ""
    return ""


def is_malformed(result: str, findings: Sequence[Finding]) -> bool:
    """Whether the findings say that there is no ``y`` of the right shape and kind."""
    return result == "y" and any(each.kind in (Kind.TYPE, Kind.SHAPE) for each in findings)


#: The verdicts on values of which the first run shows that they are wrong.
ON_VALUES = (
    Verdict.BACKWARD_WRONG,
    Verdict.FORWARD_DIFFERS,
    Verdict.FORWARD_WRONG,
    Verdict.BOTH_WRONG,
)

#: Verdicts on what is asked of code on tensors beside its values.
ON_TENSORS = (
    Verdict.SUBSET,
    Verdict.UNDEFINED,
    Verdict.DOUBLE,
    Verdict.FORWARD_MODE,
    Verdict.VMAP,
    Verdict.IN_PLACE,
    Verdict.MODE,
    Verdict.COMPILED,
    Verdict.OPERATOR,
    Verdict.LACKS,
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One defect of a subject: what is wrong with which result, and the smallest case.

    Parameters
    ----------
    verdict
        What it is.
    result
        The result that is wrong: ``"w_bar"``.
    because
        Who agrees against whom: ``"autograd and finite differences agree against it"``.
    where
        The edge class that all failing cases share, if one tells them from the passing ones:
        ``"stride > 1"``; empty otherwise.
    failing, judged
        Number of cases that fail so, of those in which it was looked for.
    smallest
        Text form of the smallest case found that still fails so.
    findings
        The findings of that smallest case, the first being the most telling.
    answers
        For a wrong value: what each juror says of the element, in the order subject ("got"),
        "autograd", "finite differences"; empty otherwise.
    looks_like
        The known mistake that gives the same wrong numbers, and how many failing cases it explains;
        empty if none does.
    reproduction
        For a defect of the oracle: a program that shows it with torch alone.
    why_no_replay
        Why no other process can run the smallest case, and what to do; empty if one can.
    also
        The other results that the same mistake spoils, or that a convention touches.
    drawn
        For a wrong value: all numbers of the result in the smallest case, got and expected.
    worked
        For a wrong value: the arithmetic of one element of the smallest case, line by line.
    where_judged
        Number of cases that were judged where it shows; 0 without such a place.
    wrong_cells
        Where no known mistake explains it: what the wrong cells have in common, if anything.
    tested
        The condition under which it shows, and how many fresh cases with it and without are wrong.
    repaired
        The line at fault, where one small change of it was seen to mend everything.
    """

    verdict: Verdict
    result: str
    because: str
    where: str
    failing: int
    judged: int
    smallest: str
    findings: tuple[Finding, ...]
    answers: tuple[tuple[str, float], ...] = ()
    looks_like: str = ""
    reproduction: str = ""
    why_no_replay: str = ""
    where_judged: int = 0
    wrong_cells: str = ""
    also: tuple[str, ...] = ()
    drawn: Drawn | None = None
    worked: tuple[str, ...] = ()
    tested: Tried | None = None
    repaired: Repaired | None = None

    @property
    def is_malformed(self) -> bool:
        """Whether there is no ``y`` that could be judged in these cases, nor a gradient of it."""
        return is_malformed(self.result, self.findings)

    @property
    def names_all(self) -> bool:
        """Whether the headline names all results: of a convention, and of a wrong dtype."""
        return self.verdict.is_convention or self.cause == Kind.DTYPE

    @property
    def headline(self) -> str:
        """``w_bar is wrong where stride > 1``, say."""
        where = f" where {self.where}" if self.where else ""
        # Without the place of an exception, which is told below.
        cause = self.cause.partition(" (")[0].partition(":")[0]
        named = {Verdict.RAISES: f" {cause}", Verdict.CONTRACT_BROKEN: f" ({cause})"}
        what = named.get(self.verdict, "") if cause else ""
        touched = (self.result, *self.also) if self.names_all else (self.result,)
        return f"{', '.join(touched)}: {self.verdict}{what}{where}"

    @property
    def cause(self) -> str:
        """What tells it from others of the same verdict and result."""
        return cause_of(self.verdict, self.findings)
