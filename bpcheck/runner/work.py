"""What a run has to do: its cases, where they come from, and how many they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case
from bpcheck.cases.numbers import MOST_SEED
from bpcheck.checks.claims import unclaimed
from bpcheck.errors import UsageError
from bpcheck.planning.beyond import all_within
from bpcheck.planning.classes import classes_of
from bpcheck.planning.compiling import CompilingPlan
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import profile_named
from bpcheck.runner.exhausting import Exhausting
from bpcheck.runner.limiting import Paced, paced
from bpcheck.runner.memory import require_room
from bpcheck.runner.site import Site
from bpcheck.runner.source import Listed, Planned, Source
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.tally import Tally


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` cases, the case that comes next, and the phase."""

    done: int
    total: int
    case: str
    phase: str = "checking"


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


def listed_work(cases: list[Case], limits: Limits) -> Work:
    """The work of judging these cases."""
    require_room(cases)
    dtypes = tuple(dict.fromkeys(case.dtype for case in cases))
    return Work(Listed(cases), len(cases), dtypes, limits, Tally())


def whole_work(whole: Exhausting) -> Work:
    """The work of judging what is left of a scope."""
    total, dtypes = whole.scope.count, (whole.dtype,)
    return Work(whole.source, total, dtypes, Limits(None), whole.tally, whole=whole)


def planned_work(
    place: Site,
    profile: str,
    count: int | None,
    seed: int,
    dtypes: Sequence[str] | None,
    asked: Limits,
    notify: Callable[[Progress], None],
) -> Work:
    """The work of judging the cases of a profile, or `count` of its plan."""
    tally = Tally()
    plan = _plan(place, profile, count, seed, dtypes, asked, notify, tally)
    source = Planned(place.subject, plan, plan.total, on_refusal=tally.add)
    return Work(source, plan.total, plan.dtypes, plan.limits, tally, plan)


def _plan(
    place: Site,
    profile: str,
    count: int | None,
    seed: int,
    dtypes: Sequence[str] | None,
    asked: Limits,
    notify: Callable[[Progress], None],
    tally: Tally,
) -> Plan:
    """The plan that was asked for, with limits of its own if the subject is slow, or compiles."""
    if count is not None:
        require_positive("cases", count)
    subject = place.subject
    chosen, judged = profile_named(profile), judged_dtypes_of(subject, seed, dtypes)
    total = chosen.total(subject.operation) if count is None else count
    notify(Progress(0, total, "", "timing"))
    found = place.ask(paced, judged, seed, total, asked, otherwise=Paced(asked))
    limits, tally.opening.first = found.limits, found.first
    plan: Callable[..., Plan] = Plan
    if limits.geometries is not None:
        plan = partial(CompilingPlan, like=_like(subject, judged[0], tally.add))
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


def judged_dtypes_of(subject: Subject, seed: int, dtypes: Sequence[str] | None) -> tuple[str, ...]:
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


def require_positive(name: str, number: int) -> None:
    """Refuse a number below 1."""
    if number < 1:
        raise UsageError(f"{name}={number}: must be at least 1")
