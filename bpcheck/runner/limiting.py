"""The limits with which a quick run of a subject is over in time, by how fast that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any

from bpcheck.cases import Case
from bpcheck.checks.bounds import absolute_sums, quotient_bound
from bpcheck.checks.claims import unclaimed
from bpcheck.checks.compare import difference
from bpcheck.filling import fill
from bpcheck.operations import Operation
from bpcheck.oracles.autograd import autograd
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.fresh import Dressing, fresh_cases
from bpcheck.runner.pace import TIMED, Pace, Times, held_to_larger, pace_of, timed_again, timed_of
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN
from bpcheck.verdict.opening import FirstCall

#: What a quick run may take, in seconds, and what is planned for, since the estimate is one.
ALLOWED, PLANNED = 30.0, 15.0

#: Cases looked at in search of some to time.
_LOOKED_AT = 60

#: What compiling may take of a quick run before the geometries are limited, and what it then may
#: take, in seconds; a longer run may take as much more.
COMPILING, COMPILED = 30.0, 30.0

#: Geometries that a case of a quick run has, those of further runs of it included; a further layer
#: has one.
_SHAPES = 2

#: The fewest geometries that a limit leaves, and the most, for each `COMPILED` seconds.
FEWEST, MOST = 6, 32

#: Below this a subject is fast enough whatever is planned, and nothing is estimated.
_FAST = 2e-7


@dataclass(frozen=True, slots=True)
class Paced:
    """The limits of a run, and what the first call gave by which they were found."""

    limits: Limits
    first: FirstCall | None = None


def paced(subject: Subject, dtypes: Sequence[str], seed: int, total: int, asked: Limits) -> Paced:
    """What was asked for, and what a quick run needs to be over in time beside.

    Parameters
    ----------
    subject, dtypes, seed
        Of the run.
    total
        How many cases it has.
    asked
        The limits that were given: they stay as they are.
    """
    quick = _Quick(subject.operation, tuple(dtypes), seed, asked)
    timed = timed_of(subject, _first_of(quick))
    if not timed:
        return Paced(asked)
    pace, called = pace_of(timed), _first_call(*timed[0])
    geometries = asked.geometries or fewest(pace, dtypes=len(dtypes), total=total)
    limits = Limits(asked.largest, geometries, pace.by_layout and geometries is not None)
    if asked.largest is not None or pace.multiplication < _FAST:
        return Paced(limits, called)
    plan = quick.plan()
    planned = list(islice(plan, PROFILES["quick"].total(subject.operation)))
    # In the place of others it is given as many that it claims.
    claimed = [case for case in planned if not unclaimed(subject, case)]
    share = len(claimed) / len(planned)
    largest = _largest(subject, claimed, plan.is_brief, pace, share)
    if largest is not None:
        pace = pace_of(timed_again(subject, timed))
        largest = _largest(subject, claimed, plan.is_brief, pace, share)
    return Paced(replace(limits, largest=largest), called)


@dataclass(frozen=True, slots=True, eq=False)
class _Quick:
    """A quick run of this very operation: another of its address may be another text of it."""

    operation: Operation
    dtypes: tuple[str, ...]
    seed: int
    limits: Limits

    def plan(self) -> Plan:
        quick = PROFILES["quick"]
        return Plan(
            self.operation, profile=quick, dtypes=self.dtypes, seed=self.seed, limits=self.limits
        )

    def _key(self) -> tuple[Any, ...]:
        return id(self.operation), self.dtypes, self.seed, self.limits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Quick) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


# Drawn once for all the subjects of an operation that a process judges.
@lru_cache(maxsize=16)
def _first_of(quick: _Quick) -> tuple[Case, ...]:
    """Cases in search of some to time."""
    return tuple(islice(quick.plan(), _LOOKED_AT))


def limits_beside(subject: Subject, cases: Sequence[Case], seed: int, asked: Limits) -> Limits:
    """The limits with which it is looked into what listed cases have shown.

    Hundreds of geometries beside them are asked, of which none was timed: some are now, and where
    each takes long to compile there are to be no more of them than were listed.
    """
    if asked.geometries is not None or not cases:
        return asked
    plain = Dressing(PLAIN, (), cases[0].dtype)
    fresh = fresh_cases(subject, cases, plain, seed=(seed,), limits=asked)
    timed = timed_of(subject, list(islice(fresh, _LOOKED_AT)))
    if not timed or fewest(pace_of(timed), dtypes=1, total=0) is None:
        return asked
    return replace(asked, geometries=max(FEWEST, len({case.geometry for case in cases})))


def fewest(pace: Pace, *, dtypes: int, total: int) -> int | None:
    """How many geometries a run of so many cases can compile in time; ``None`` for any number.

    >>> fewest(Pace(1e-3, 0.0, compiling=0.5), dtypes=2, total=450)
    30
    >>> fewest(Pace(1e-3, 0.0, compiling=2.0), dtypes=2, total=450)
    7
    >>> fewest(Pace(1e-3, 0.0, compiling=1e-3), dtypes=2, total=450)
    """
    quick = PROFILES["quick"]
    if pace.compiling < COMPILING / (quick.cases * _SHAPES + quick.further):
        return None
    longer = max(1.0, total / quick.cases)
    # In two layouts each, where that matters.
    each = pace.compiling * dtypes * (1 + pace.by_layout)
    affordable = int(COMPILED * longer / each)
    return max(FEWEST, min(int(MOST * longer), affordable))


def _largest(
    subject: Subject,
    every: Sequence[Case],
    is_brief: Callable[[Case], bool],
    pace: Pace,
    share: float,
) -> int | None:
    """No limit, if a quick run ends in time; else the largest power of 4 with which it does.

    The cases are a `share` of as many as it has.
    """
    size = subject.operation.multiplications
    sizes = [(size(case.geometry), is_brief(case)) for case in every]
    if _seconds(pace, sizes) > ALLOWED * share:
        pace = held_to_larger(subject, every, pace)
    if _seconds(pace, sizes) <= ALLOWED * share:
        return None
    largest = 4**10
    while largest > TIMED[0]:
        kept = [(each, brief) for each, brief in sizes if each <= largest]
        # What is left out is made up for by other cases.
        if kept and _seconds(pace, kept) * len(sizes) / len(kept) <= PLANNED * share:
            break
        largest //= 4
    return largest


def _seconds(pace: Pace, sizes: Sequence[tuple[int, bool]]) -> float:
    """What a run of cases of these sizes takes, of which some are asked briefly."""
    brief = pace.once(size for size, is_brief in sizes if is_brief)
    return brief + pace.seconds(size for size, is_brief in sizes if not is_brief)


def _first_call(case: Case, times: Times) -> FirstCall:
    """Which results of the first call were right: a later one may find something used up."""
    arrays = fill(case)
    expected = autograd(case, arrays)
    sums = absolute_sums(case, arrays) if case.operation.divides else {}
    return FirstCall(
        case,
        frozenset(
            name
            for name, got in times.got.items()
            if difference(
                got, expected[name], quotient_bound(case, name, sums[name]) if sums else None
            )
            is None
        ),
    )
