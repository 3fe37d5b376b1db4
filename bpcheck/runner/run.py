"""Running the checks over many cases: the only place that knows how work is scheduled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from bpcheck.calls import own_arithmetic
from bpcheck.cases import Case
from bpcheck.claims import Claims
from bpcheck.interrupted import heard
from bpcheck.planning.limits import Limits
from bpcheck.planning.profiles import EXHAUSTIVE
from bpcheck.planning.search import Search
from bpcheck.runner.conclude import conclude
from bpcheck.runner.engine.engine import Engine
from bpcheck.runner.exhausting import exhausting, require_exhaustive
from bpcheck.runner.limiting import limits_beside
from bpcheck.runner.missing import search_for_missing
from bpcheck.runner.own import require_address, require_sound
from bpcheck.runner.placed import placed
from bpcheck.runner.process.handle import Allowed
from bpcheck.runner.site import Site
from bpcheck.runner.source import Announced
from bpcheck.runner.timing import with_timing
from bpcheck.runner.work import (
    Progress,
    Work,
    judged_dtypes_of,
    listed_work,
    planned_work,
    require_positive,
    whole_work,
)
from bpcheck.subject import Subject, require_subject
from bpcheck.verdict import Report

#: How many of the claimed cases are kept, for dressing them anew.
KNOWN = 20


class Phases:
    """What a run is at with each case: compiling, where it `compiles` what is new."""

    def __init__(self, *, compiles: bool):
        self._compiles, self._seen = compiles, set[tuple[Any, str]]()

    def of(self, case: Case) -> str:
        """The word for the case that comes next."""
        key = case.geometry, case.dtype
        is_new = key not in self._seen
        self._seen.add(key)
        return "compiling" if self._compiles and is_new else "checking"


@own_arithmetic()
def check_subject(
    subject: Subject,
    *,
    profile: str = "default",
    count: int | None = None,
    seed: int = 0,
    dtypes: Sequence[str] | None = None,
    claims: Claims | Mapping[str, Any] | None = None,
    cases: Iterable[Case] | None = None,
    largest: int | None = None,
    geometries: int | None = None,
    repairs: bool = False,
    times: bool = False,
    scope: str | None = None,
    resume: Path | str | None = None,
    jobs: int = 1,
    executor: Executor | Engine | None = None,
    in_process: bool = True,
    allowed: Allowed | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Check a subject on the cases of a profile and report what was found.

    Parameters
    ----------
    subject
        What to check.
    profile
        ``"quick"``, ``"default"`` or ``"thorough"``; or ``"exhaustive"`` for every geometry of a
        `scope`, and in each every column of the Jacobian.
    count
        Number of cases instead of the profile's.
    seed
        Another seed gives other cases; the same one gives the same report.
    dtypes
        NumPy names of the dtypes to judge; by default all that the subject claims.
    claims
        What is claimed of the subject: `Claims` in the place of its own, or some by name beside
        them.
    cases
        These cases instead of the profile's.
    largest
        Multiplications of the forward that a case may have. By default any number, unless the
        subject is so slow that a quick run would take more than 30 s: then as many as it is in
        time with, which the report tells.
    geometries
        Geometries that the cases may have, those of further runs included, for subjects that
        compile each: those that meet most are chosen, and come with many values, dtypes and
        layouts. By default any number, unless compiling is so slow that a quick run would take
        more than 30 s by it.
    repairs
        Whether to look, for each defect, for a line of the subject's own Python code of which one
        small change mends it: at most 20 s in all, in a copy of the process.
    times
        Whether to take time and memory of each family beside torch's, too, for a minute at most.
    scope
        Which geometries an exhaustive run judges: ``"small"`` unless told, or ``"full"``.
    resume
        A file in which an exhaustive run keeps how far it is, and from which it goes on.
    jobs
        Number of worker processes; the report does not depend on it.
    executor
        Any `concurrent.futures.Executor` to work in instead; the subject must be picklable then. It
        runs in a process of its own beside each of the executor's, unless it belongs to
        ``__main__``, or an operation of it has no address.
    in_process
        Whether the subject's code runs in this process, if there is one job and no executor; else
        it runs in workers, and whatever it does to them is a finding.
    allowed
        What the subject may take in a worker: seconds for a call, and memory.
    on_progress
        Called before every case (with several jobs: when it is handed out).

    Returns
    -------
    Report
        An interrupt (Ctrl-C) ends the run early; the report then holds what was found so far.

    Raises
    ------
    TypeError
        If `subject` is not a `bpcheck.Subject`.
    ClaimError
        For a claim that cannot be understood.
    UsageError
        For an unknown profile or dtype, or a number of cases or jobs below 1.
    NoAddressError
        If workers would have to find an operation that no module has a name for.
    OperationError
        If an operation of the user's own contradicts itself.
    """
    import torch  # noqa: F401 - an interrupt below keeps what was found, and must not meet half of torch

    require_subject(subject, "check")
    subject = claiming(subject, claims, dtypes)
    require_positive("jobs", jobs)
    if in_process and jobs > 1 and executor is None:
        require_address(subject.operation, jobs)
    with placed(
        subject, jobs=jobs, executor=executor, in_process=in_process, allowed=allowed
    ) as place:
        report = check_in(
            place,
            profile=profile,
            count=count,
            seed=seed,
            dtypes=dtypes,
            cases=cases,
            largest=largest,
            geometries=geometries,
            repairs=repairs,
            scope=scope,
            resume=resume,
            on_progress=on_progress,
        )
        return with_timing(place, report, lambda text: None) if times else report


def check_in(
    place: Site,
    *,
    profile: str = "default",
    count: int | None = None,
    seed: int = 0,
    dtypes: Sequence[str] | None = None,
    cases: Iterable[Case] | None = None,
    largest: int | None = None,
    geometries: int | None = None,
    repairs: bool = False,
    scope: str | None = None,
    resume: Path | str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Check the subject of a place; see `check_subject`."""
    import torch  # noqa: F401 - as above

    subject = place.subject
    require_sound(subject.operation)
    notify = on_progress or (lambda progress: None)
    require_positive("largest", 1 if largest is None else largest)
    require_positive("geometries", 1 if geometries is None else geometries)
    require_exhaustive(profile, scope, resume)
    if cases is not None:
        work = listed_work(list(cases), Limits(largest, geometries))
    elif profile == EXHAUSTIVE:
        judged_dtypes = judged_dtypes_of(subject, seed, dtypes)
        work = whole_work(
            exhausting(subject, judged_dtypes, seed=seed, count=count, scope=scope, resume=resume)
        )
    else:
        asked = Limits(largest, geometries)
        work = planned_work(place, profile, count, seed, dtypes, asked, notify)
    tally, plan, total, complete = work.tally, work.plan, work.total, True
    covers = plan is not None and count is None
    phases = Phases(compiles=work.limits.geometries is not None)
    announced = Announced(
        work.source,
        lambda case: notify(Progress(tally.cases, total, str(case), phases.of(case))),
    )
    known: list[Case] = []
    try:
        for judged in place.judge_all(announced):
            tally.add(judged)
            if work.whole is not None:
                work.whole.count(judged)
            if not judged.unsupported and len(known) < KNOWN:
                known.append(judged.case)
        if plan is not None and covers:
            work.source.finish()
            search_for_missing(place, Search(plan, known, seed), work, notify)
    except KeyboardInterrupt:
        heard()
        complete = False

    def concluded(*, is_complete: bool) -> Report:
        return conclude(
            place,
            tally,
            profile=profile,
            seed=seed,
            dtypes=work.dtypes,
            asked=dtypes,
            is_complete=is_complete,
            covers=covers,
            repairs=repairs,
            limits=_limits_of(work, place, known, seed) if is_complete else work.limits,
            beside=_any if plan is None else plan.beside,
            notify=lambda text: notify(Progress(total, total, text, "shrinking")),
            exhausted=None if work.whole is None else work.whole.end(),
        )

    try:
        return concluded(is_complete=complete)
    except KeyboardInterrupt:
        heard()
        # Without the search for the smallest cases.
        return concluded(is_complete=False)


def _limits_of(work: Work, place: Site, known: Sequence[Case], seed: int) -> Limits:
    """The limits of a run; those of listed cases are found when there is a defect to look into."""
    is_listed = work.plan is None and work.whole is None
    if not (is_listed and work.tally.decided()):
        return work.limits
    return place.ask(limits_beside, known, seed, work.limits, otherwise=work.limits)


def claiming(
    subject: Subject, claims: Claims | Mapping[str, Any] | None, dtypes: Sequence[str] | None
) -> Subject:
    """The subject with these claims; who asks for a dtype wants results in it."""
    subject = subject.claiming(claims)
    if dtypes is None or subject.claims.names_dtypes:
        return subject
    return subject.claiming(dtypes=tuple(subject.claims.dtypes))


def _any(geometry: Any) -> None:
    """Any geometry may be run beside this one."""
