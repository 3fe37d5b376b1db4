"""A case of which one thing is known: what the subject did to the process that judged it."""

from __future__ import annotations

from bpcheck.cases import Case
from bpcheck.finding import Finding, Kind, Outcome, Status
from bpcheck.planning.classes import classes_of
from bpcheck.runner.guard import CHECK
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.jury import rule


def told(case: Case, kind: Kind, result: str, message: str) -> Judged:
    """What comes of a case that ended so."""
    finding = Finding(kind, CHECK, result, str(case), message)
    outcomes = (Outcome(CHECK, result, Status.FAILED, finding),)
    return Judged(case, classes_of(case), outcomes, rule(outcomes), 1.0)


def untried(case: Case, why: str) -> Judged:
    """What comes of a case that is not judged."""
    return Judged(case, classes_of(case), (), (), 1.0, unsupported=why)
