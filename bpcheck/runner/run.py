"""Running the checks over many cases: the only place that knows how work is scheduled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from bpcheck.arithmetic import FORMATS
from bpcheck.calls import own_arithmetic
from bpcheck.cases import Case
from bpcheck.cases.numbers import MOST_SEED
from bpcheck.checks.claims import unclaimed
from bpcheck.claims import Claims
from bpcheck.errors import UsageError
from bpcheck.interrupted import heard
from bpcheck.planning.beyond import all_within
from bpcheck.planning.classes import classes_of, every_class
from bpcheck.planning.compiling import CompilingPlan
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import EXHAUSTIVE, profile_named
from bpcheck.planning.search import Search
from bpcheck.runner.conclude import conclude
from bpcheck.runner.engine.engine import Engine
from bpcheck.runner.exhausting import Exhausting, exhausting, require_exhaustive
from bpcheck.runner.memory import require_room
from bpcheck.runner.own import require_address, require_sound
from bpcheck.runner.pace import limits_for
from bpcheck.runner.placed import placed
from bpcheck.runner.process.handle import Allowed
from bpcheck.runner.site import Site
from bpcheck.runner.source import Announced, Listed, Planned, Source
from bpcheck.subject import Subject, require_subject
from bpcheck.verdict import Report
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.tally import Tally

#: How many of the claimed cases are kept, for dressing them anew.
KNOWN = 20

#: How many cases are looked at in search of one of a class that had none, and how many the code
#: itself may refuse before that is taken for an answer.
SEARCHED, REFUSALS = 60, 20

#: How many cases of a class may show a defect, and nothing be compared in them, before another one
#: is taken to do the same.
BROKEN = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` cases, the case that comes next, and the phase."""

    done: int
    total: int
    case: str
    phase: str = "checking"


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
    _require_positive("jobs", jobs)
    if in_process and jobs > 1 and executor is None:
        require_address(subject.operation, jobs)
    with placed(
        subject, jobs=jobs, executor=executor, in_process=in_process, allowed=allowed
    ) as place:
        return check_in(
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
    _require_positive("largest", 1 if largest is None else largest)
    _require_positive("geometries", 1 if geometries is None else geometries)
    require_exhaustive(profile, scope, resume)
    if cases is not None:
        work = _listed_work(list(cases), Limits(largest))
    elif profile == EXHAUSTIVE:
        judged_dtypes = _judged_dtypes(subject, seed, dtypes)
        work = _whole_work(
            exhausting(subject, judged_dtypes, seed=seed, count=count, scope=scope, resume=resume)
        )
    else:
        asked = Limits(largest, geometries)
        work = _planned_work(place, profile, count, seed, dtypes, asked, notify)
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
                work.whole.count()
            if not judged.unsupported and len(known) < KNOWN:
                known.append(judged.case)
        if plan is not None and covers:
            work.source.finish()
            _search(place, Search(plan, known, seed), work, notify)
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
            limits=work.limits,
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


@dataclass(frozen=True, slots=True)
class Work:
    """What a run has to do: where its cases come from, and what was learned before it begins.

    `plan` is ``None`` for cases that are known, and `whole` for those that are no scope's.
    """

    source: Source
    total: int
    dtypes: tuple[str, ...]
    limits: Limits
    tally: Tally
    plan: Plan | None = None
    whole: Exhausting | None = None


def _listed_work(cases: list[Case], limits: Limits) -> Work:
    require_room(cases)
    dtypes = tuple(dict.fromkeys(case.dtype for case in cases))
    return Work(Listed(cases), len(cases), dtypes, limits, Tally())


def _whole_work(whole: Exhausting) -> Work:
    total, dtypes = whole.scope.count, (whole.dtype,)
    return Work(whole.source, total, dtypes, Limits(None), whole.tally, whole=whole)


def _planned_work(
    place: Site,
    profile: str,
    count: int | None,
    seed: int,
    dtypes: Sequence[str] | None,
    asked: Limits,
    notify: Callable[[Progress], None],
) -> Work:
    tally = Tally()
    plan = _plan(place, profile, count, seed, dtypes, asked, notify, tally.add)
    source = Planned(place.subject, plan, plan.total, on_refusal=tally.add)
    return Work(source, plan.total, plan.dtypes, plan.limits, tally, plan)


def _search(place: Site, search: Search, work: Work, notify: Callable[[Progress], None]) -> None:
    """Judge cases of each class that had none."""
    for case in _missing(place.subject, search, work.dtypes, work.tally):
        notify(Progress(work.total, work.total, str(case)))
        # One at a time: whether there is a next one depends on what comes of it.
        judgement = next(place.judge_all(Listed([case])), None)
        if judgement is None:
            # It has ended its process too often: none is tried any more.
            break
        work.tally.add(judgement)


def claiming(
    subject: Subject, claims: Claims | Mapping[str, Any] | None, dtypes: Sequence[str] | None
) -> Subject:
    """The subject with these claims; who asks for a dtype wants results in it."""
    subject = subject.claiming(claims)
    if dtypes is None or subject.claims.names_dtypes:
        return subject
    return subject.claiming(dtypes=tuple(subject.claims.dtypes))


def _plan(
    place: Site,
    profile: str,
    count: int | None,
    seed: int,
    dtypes: Sequence[str] | None,
    asked: Limits,
    notify: Callable[[Progress], None],
    on_refusal: Callable[[Judged], None],
) -> Plan:
    """The plan that was asked for, with limits of its own if the subject is slow, or compiles."""
    if count is not None:
        _require_positive("cases", count)
    subject = place.subject
    chosen, judged = profile_named(profile), _judged_dtypes(subject, seed, dtypes)
    total = chosen.cases if count is None else count
    notify(Progress(0, total, "", "timing"))
    limits = place.ask(limits_for, judged, seed, total, asked, otherwise=asked)
    plan: Callable[..., Plan] = Plan
    if limits.geometries is not None:
        plan = partial(CompilingPlan, like=_like(subject, judged[0], on_refusal))
    return plan(
        subject.operation, profile=chosen, dtypes=judged, seed=seed, count=count, limits=limits
    )


def _like(
    subject: Subject, dtype: str, on_refusal: Callable[[Judged], None]
) -> Callable[[Any], Iterator[Any]]:
    """What gives the claimed geometries that are like one; those that are not claimed are told."""

    def like(geometry: Any) -> Iterator[Any]:
        case = Case(subject.operation, geometry, dtype=dtype)
        why = unclaimed(subject, case)
        if why:
            on_refusal(Judged(case, classes_of(case), (), (), 1.0, unsupported=why))
        for each in all_within(subject, geometry):
            if not unclaimed(subject, replace(case, geometry=each)):
                yield each

    return like


def _any(geometry: Any) -> None:
    """Any geometry may be run beside this one."""


def _missing(
    subject: Subject, search: Search, dtypes: Sequence[str], tally: Tally
) -> Iterator[Case]:
    """Claimed cases of each class that no claimed case has met; each is to be judged at once.

    A subject may have refused those of the class for something else; where it refuses all that can
    be found, it does not support the class.
    """
    for name in every_class(subject.operation, dtypes):
        if tally.evidence.cases[name]:
            continue
        found = islice(search.cases(name), SEARCHED)
        claimed = islice(_claimed(subject, found, tally), REFUSALS)
        broken = 0
        while not tally.evidence.cases[name] and (case := next(claimed, None)) is not None:
            before = tally.failing
            yield case
            broken += tally.failing - before
            if broken == BROKEN:
                break


def _claimed(subject: Subject, cases: Iterator[Case], tally: Tally) -> Iterator[Case]:
    """Those that the subject claims; the others tell that their classes are not all claimed."""
    for case in cases:
        why = unclaimed(subject, case)
        if why:
            tally.evidence.add(Judged(case, classes_of(case), (), (), 1.0, unsupported=why))
        else:
            yield case


def _require_positive(name: str, number: int) -> None:
    if number < 1:
        raise UsageError(f"{name}={number}: must be at least 1")


def _judged_dtypes(subject: Subject, seed: int, dtypes: Sequence[str] | None) -> tuple[str, ...]:
    """The dtypes that are claimed, or asked for, and that the operation can be judged in."""
    if not 0 <= seed <= MOST_SEED:
        raise UsageError(f"seed={seed}: must be at least 0, and at most 2**64")
    unknown = [name for name in dtypes or () if name not in FORMATS]
    if unknown:
        raise UsageError(f"dtype={unknown[0]!r}: must be one of {', '.join(FORMATS)}")
    asked = dtypes if dtypes is not None else subject.claims.dtypes
    judged = tuple(name for name in asked if name in subject.operation.dtypes)
    if not judged:
        known = ", ".join(subject.operation.dtypes)
        raise UsageError(f"dtype={', '.join(asked)}: {subject.operation.name} is judged in {known}")
    return judged
