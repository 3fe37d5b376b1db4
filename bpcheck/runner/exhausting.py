"""A run on every geometry of a scope: its cases, how far it is, and what it keeps of that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bpcheck.errors import UsageError
from bpcheck.operations.scopes import Scope
from bpcheck.planning.exhaustive import USUAL, cases_of, dtype_of, scope_named
from bpcheck.planning.profiles import EXHAUSTIVE
from bpcheck.runner.resumed import Resumed
from bpcheck.runner.source import Listed
from bpcheck.subject import Subject
from bpcheck.verdict import Exhausted
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.tally import Tally


@dataclass(slots=True)
class Exhausting:
    """A run that is to reach every geometry of a scope.

    Parameters
    ----------
    scope, dtype
        What is judged, and in which dtype.
    kept
        The file from which it goes on, and in which it is kept.
    reached, proved, tally
        How many geometries are done, in how many of them every column was compared and right, and
        what came of them.
    source
        The cases that are left.
    """

    scope: Scope
    dtype: str
    kept: Resumed
    reached: int
    proved: int
    tally: Tally
    source: Listed

    def count(self, judged: Judged) -> None:
        """One more is done."""
        self.reached += 1
        # Where a further run was refused, less was compared, and nothing is wrong.
        is_wrong = any(ruling.verdict.is_defect for ruling in judged.rulings)
        self.proved += judged.is_compared and not is_wrong
        self.kept.keep(self.reached, self.proved, self.tally)

    def end(self) -> Exhausted:
        """How far it came, which is kept."""
        self.kept.keep(self.reached, self.proved, self.tally, at_once=True)
        scope = self.scope
        return Exhausted(scope.name, scope.says, scope.count, self.reached, self.proved)


def exhausting(
    subject: Subject,
    dtypes: tuple[str, ...],
    *,
    seed: int,
    count: int | None,
    scope: str | None,
    resume: Path | str | None,
) -> Exhausting:
    """The run on a scope of the subject's operation, or what an earlier one has left of it.

    Raises
    ------
    UsageError
        If there is no such scope, or the file is of another run; and for a subject whose sums are
        not exact, or a number of cases.
    """
    if count is not None:
        raise UsageError(
            f"--cases {count}: --profile {EXHAUSTIVE} judges every geometry of a scope"
        )
    if not subject.claims.exact:
        raise UsageError(
            f"--profile {EXHAUSTIVE}: {subject.name} claims exact=False, and columns of the "
            "Jacobian are judged bit for bit; use --profile thorough"
        )
    operation = subject.operation
    chosen, dtype = scope_named(operation, scope or USUAL), dtype_of(dtypes)
    if resume is not None and operation.why_unaddressed:
        raise UsageError(f"--resume {resume}: {operation.name} {operation.why_unaddressed}")
    own = (subject.name, str(operation), chosen.name, dtype, int(seed))
    kept = Resumed(None if resume is None else Path(resume), own)
    reached, proved, tally = kept.taken_up()
    cases = cases_of(operation, chosen, dtype=dtype, seed=seed, start=reached)
    return Exhausting(chosen, dtype, kept, reached, proved, tally, Listed(cases))


def require_exhaustive(profile: str, scope: str | None, resume: Path | str | None) -> None:
    """Refuse options of an exhaustive run where another one is asked for."""
    for option, value in (("scope", scope), ("resume", resume)):
        if value is not None and profile != EXHAUSTIVE:
            raise UsageError(f"--{option} {value}: goes with --profile {EXHAUSTIVE} alone")
