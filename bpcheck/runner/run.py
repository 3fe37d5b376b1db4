"""Running the checks over many cases: the only place that knows how work is scheduled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case
from bpcheck.cases.plan import plan, profile_named
from bpcheck.errors import UsageError
from bpcheck.operations import operation_named
from bpcheck.runner.conclude import conclude
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict import Report
from bpcheck.verdict.tally import Tally


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` cases, the case at hand, and the phase."""

    done: int
    total: int
    case: str
    phase: str = "checking"


def check_subject(
    subject: Subject,
    *,
    profile: str = "default",
    count: int | None = None,
    seed: int = 0,
    dtypes: Sequence[str] | None = None,
    cases: Iterable[Case] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Check a subject on the cases of a profile and report what was found.

    Parameters
    ----------
    subject
        What to check.
    profile
        ``"quick"``, ``"default"`` or ``"thorough"``.
    count
        Number of cases instead of the profile's.
    seed
        Another seed gives other cases; the same one gives the same report.
    dtypes
        NumPy names of the dtypes to judge; by default all that the subject claims.
    cases
        These cases instead of the profile's.
    on_progress
        Called before every case.

    Returns
    -------
    Report
        An interrupt (Ctrl-C) ends the run early; the report then holds what was found so far.

    Raises
    ------
    UsageError
        For an unknown profile or dtype, or a count below 1.
    """
    todo = list(cases) if cases is not None else _planned(subject, profile, count, seed, dtypes)
    tally, complete = Tally(), True
    notify = on_progress or (lambda progress: None)
    try:
        for done, case in enumerate(todo):
            notify(Progress(done, len(todo), str(case)))
            tally.add(judge(subject, case))
    except KeyboardInterrupt:
        complete = False
    return conclude(
        subject,
        tally,
        profile=profile,
        seed=seed,
        dtypes=tuple(dict.fromkeys(case.dtype for case in todo)),
        is_complete=complete,
        notify=lambda text: notify(Progress(len(todo), len(todo), text, "shrinking")),
    )


def _planned(
    subject: Subject,
    profile: str,
    count: int | None,
    seed: int,
    dtypes: Sequence[str] | None,
) -> list[Case]:
    if count is not None and count < 1:
        raise UsageError(f"cases={count}: must be at least 1")
    if seed < 0:
        raise UsageError(f"seed={seed}: must be at least 0")
    unknown = [name for name in dtypes or () if name not in FORMATS]
    if unknown:
        raise UsageError(f"dtype={unknown[0]!r}: must be one of {', '.join(FORMATS)}")
    operation = operation_named(subject.operation)
    asked = dtypes if dtypes is not None else subject.dtypes
    judged = [name for name in asked if name in operation.dtypes]
    if not judged:
        raise UsageError(
            f"dtype={', '.join(asked)}: {operation.name} is judged in {', '.join(operation.dtypes)}"
        )
    return plan(
        subject.operation, profile=profile_named(profile), dtypes=judged, seed=seed, count=count
    )
