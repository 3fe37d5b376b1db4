"""Judgements: what a run concludes about a subject, ranked by how much harm each kind does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bpcheck.finding import Finding


class Verdict(StrEnum):
    """One conclusion; earlier members outrank later ones, and silently wrong all that raise."""

    BACKWARD_WRONG = "backward wrong"
    FORWARD_WRONG = "forward wrong"
    BOTH_WRONG = "forward and backward both wrong"
    FORWARD_DIFFERS = "forward computes something else"
    READS_BY_LAYOUT = "reads memory by layout"
    KEEPS_STATE = "keeps state"
    NOT_LINEAR = "not linear in the cotangent"
    BREAKS_SYMMETRY = "breaks a symmetry"
    LOST_PRECISION = "lost precision"
    MUTATES = "changes its input"
    SETTINGS = "changes the whole process"
    ALIASES = "shares memory with its input or an earlier result"
    NOT_DETERMINISTIC = "not deterministic"
    NOT_FINITE = "not finite"
    CONTRACT_BROKEN = "contract broken"
    CRASHED = "crashed"
    EXITS = "ends the process"
    TIMED_OUT = "timed out"
    MEMORY = "takes too much memory"
    RAISES = "raises"
    LEAVES_RUNNING = "leaves something running"
    PRINTS = "prints"
    ORACLE_WRONG = "the oracle is wrong"
    CONVENTION = "another convention"
    WRITES = "writes to the standard error"
    INCONCLUSIVE = "inconclusive"
    AGREES = "agrees"

    @property
    def is_defect(self) -> bool:
        """Whether it counts against the subject."""
        return self not in (
            Verdict.ORACLE_WRONG,
            Verdict.CONVENTION,
            Verdict.WRITES,
            Verdict.INCONCLUSIVE,
            Verdict.AGREES,
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

    @property
    def headline(self) -> str:
        """``w_bar is wrong where stride > 1``, say."""
        where = f" where {self.where}" if self.where else ""
        return f"{self.result}: {self.verdict}{where}"
