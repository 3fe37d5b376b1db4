"""How fast a subject is, and the limits with which a quick run of it is over in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from statistics import median
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.cases.layouts import join_layouts
from bpcheck.checks.bounds import absolute_sums, quotient_bound
from bpcheck.checks.claims import unclaimed
from bpcheck.checks.compare import difference
from bpcheck.checks.run import call_forward, call_vjp, collect, gives_y, hand
from bpcheck.filling import fill
from bpcheck.operations import Operation
from bpcheck.oracles.autograd import autograd
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.fresh import Dressing, fresh_cases
from bpcheck.runner.process.busy import waited_for_processor
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN
from bpcheck.verdict.opening import FirstCall

#: What a quick run may take, in seconds, and what is planned for, since the estimate is one.
ALLOWED, PLANNED = 30.0, 15.0

#: Multiplications of the cases that are timed: enough to stand out from the cost of a call.
TIMED = (64, 4_096)

#: Multiplications of a larger case that is timed before a limit is set, and seconds it may take.
LARGER, _PATIENCE = 150_000, 2.0

#: Cases looked at in search of some to time, and cases timed.
_LOOKED_AT, _ENOUGH = 60, 4

#: A case calls the forward so many times as often as its share of a first run, on the average: runs
#: in other layouts, orders and dtypes, differences, symmetries.
CALLS = 8

#: Multiplications that rebuilding a gradient from differences adds to a case, on the average.
DIFFERENCES = 6_000

#: What compiling may take of a quick run before the geometries are limited, and what it then may
#: take, in seconds; a longer run may take as much more.
COMPILING, COMPILED = 30.0, 30.0

#: Geometries that a quick run has, those of further runs included, for each of its cases.
_SHAPES = 2

#: The fewest geometries that a limit leaves, and the most, for each `COMPILED` seconds.
FEWEST, MOST = 6, 32

#: Compiling is slow if it takes so many times as long as a call, and no more is timed after so many
#: seconds of it.
_SLOWER, _ENOUGH_OF_IT = 5, 3.0

#: A layout in which every array has other strides than in C order.
_ANOTHER_LAYOUT = "sliced"

#: Below this a subject is fast enough whatever is planned, and nothing is estimated.
_FAST = 2e-7


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that a forward and a vjp take together.

    Parameters
    ----------
    call
        However small the case.
    multiplication
        For each multiplication of the forward beside.
    compiling
        What the first call of a geometry takes longer than the second.
    by_layout
        Whether operands in another layout are compiled anew.
    """

    call: float
    multiplication: float
    compiling: float = 0.0
    by_layout: bool = False

    def seconds(self, multiplications: Iterable[int]) -> float:
        """What a run of cases takes, of so many multiplications each.

        >>> round(Pace(call=1e-3, multiplication=1e-6).seconds([1_000, 1_000]), 3)
        0.044
        """
        return sum(
            CALLS * self.call + self.multiplication * (CALLS * each + min(DIFFERENCES, 9 * each))
            for each in multiplications
        )

    def once(self, multiplications: Iterable[int]) -> float:
        """What the first runs of such cases take.

        >>> round(Pace(call=1e-3, multiplication=1e-6).once([1_000, 1_000]), 3)
        0.004
        """
        return sum(self.call + self.multiplication * each for each in multiplications)


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
    timed = _timed_of(subject, _first_of(quick))
    if not timed:
        return Paced(asked)
    pace, called = _pace_of(timed), _first_call(*timed[0])
    geometries = asked.geometries or fewest(pace, dtypes=len(dtypes), total=total)
    limits = Limits(asked.largest, geometries, pace.by_layout and geometries is not None)
    if asked.largest is not None or pace.multiplication < _FAST:
        return Paced(limits, called)
    plan = quick.plan()
    every = list(islice(plan, PROFILES["quick"].total(subject.operation)))
    return Paced(replace(limits, largest=_largest(subject, every, plan.is_brief, pace)), called)


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
    timed = _timed_of(subject, list(islice(fresh, _LOOKED_AT)))
    if not timed or fewest(_pace_of(timed), dtypes=1, total=0) is None:
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
    quick = PROFILES["quick"].cases
    if pace.compiling < COMPILING / (quick * _SHAPES):
        return None
    longer = max(1.0, total / quick)
    # In two layouts each, where that matters.
    each = pace.compiling * dtypes * (1 + pace.by_layout)
    affordable = int(COMPILED * longer / each)
    return max(FEWEST, min(int(MOST * longer), affordable))


def _largest(
    subject: Subject, every: Sequence[Case], is_brief: Callable[[Case], bool], pace: Pace
) -> int | None:
    """No limit, if a quick run ends in time; else the largest power of 4 with which it does."""
    size = subject.operation.multiplications
    sizes = [(size(case.geometry), is_brief(case)) for case in every]
    if _seconds(pace, sizes) > ALLOWED:
        pace = _held_to_larger(subject, every, pace)
    if _seconds(pace, sizes) <= ALLOWED:
        return None
    largest = 4**10
    while largest > TIMED[0]:
        kept = [(each, brief) for each, brief in sizes if each <= largest]
        # What is left out is made up for by other cases.
        if kept and _seconds(pace, kept) * len(sizes) / len(kept) <= PLANNED:
            break
        largest //= 4
    return largest


def _seconds(pace: Pace, sizes: Sequence[tuple[int, bool]]) -> float:
    """What a run of cases of these sizes takes, of which some are asked briefly."""
    brief = pace.once(size for size, is_brief in sizes if is_brief)
    return brief + pace.seconds(size for size, is_brief in sizes if not is_brief)


def _timed_of(subject: Subject, cases: Sequence[Case]) -> list[tuple[Case, _Times]]:
    """The smaller ones of these cases and how long each took, those that did not end well aside."""
    size = subject.operation.multiplications
    small = [
        case for case in cases if 0 < size(case.geometry) <= TIMED[1] and case.values == "exact"
    ]
    small.sort(key=lambda case: size(case.geometry), reverse=True)
    timed: list[tuple[Case, _Times]] = []
    # The large ones tell what a multiplication costs, the small ones what a call does.
    for case in [*small[:_ENOUGH], *small[-2:]]:
        if not unclaimed(subject, case):
            times = _timed(subject, case)
            if times is not None:
                timed.append((case, times))
        if len(timed) > 1 and sum(times.compiling for _, times in timed) > _ENOUGH_OF_IT:
            break
    return timed


def _pace_of(timed: Sequence[tuple[Case, _Times]]) -> Pace:
    """The pace by which cases took so long."""
    # What the first case of all pays for is paid once: imports, and what is made ready.
    compiling = median([times.compiling for _, times in timed[1:]] or [0.0])
    by_layout = sum(times.by_layout for _, times in timed) > len(timed) / 2
    sized = [(case.operation.multiplications(case.geometry), times) for case, times in timed]
    smallest, largest = min(sized), max(sized)
    if largest[0] == smallest[0]:
        return Pace(0.0, largest[1].call / largest[0], compiling, by_layout)
    gained = max(0.0, largest[1].call - smallest[1].call)
    slope = gained / (largest[0] - smallest[0])
    return Pace(max(0.0, smallest[1].call - slope * smallest[0]), slope, compiling, by_layout)


def _first_call(case: Case, times: _Times) -> FirstCall:
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


def _held_to_larger(subject: Subject, cases: Sequence[Case], pace: Pace) -> Pace:
    """The pace, if a larger case bears it out.

    A kernel that loops over taps alone takes long for small cases of many, and not for large ones.
    """
    size = subject.operation.multiplications
    fitting = [case for case in cases if TIMED[1] < size(case.geometry) <= LARGER]
    for case in sorted(fitting, key=lambda case: -size(case.geometry))[:_ENOUGH]:
        if unclaimed(subject, case) or pace.multiplication * size(case.geometry) > _PATIENCE:
            continue
        times = _timed(subject, case)
        if times is not None:
            slope = min(pace.multiplication, times.call / size(case.geometry))
            return replace(pace, multiplication=slope)
    return pace


@dataclass(frozen=True, slots=True, order=True)
class _Times:
    """Seconds of a forward and a vjp of one geometry: of a second call, and how much more a first.

    What is not `_SLOWER` the first time compiles nothing: imports and cold caches are part of it.
    """

    call: float
    compiling: float
    by_layout: bool = False
    got: Mapping[str, Array] = field(default_factory=dict, compare=False)


def _timed(subject: Subject, case: Case) -> _Times | None:
    """How long a forward and a vjp take; ``None`` if they do not end well."""
    one, two = _called(subject, case), _called(subject, case)
    if one is None or two is None:
        return None
    (first, got), (second, _) = one, two
    if first < _SLOWER * second:
        return _Times(min(first, second), 0.0, got=got)
    relaid = join_layouts({case.operation.operands[0]: _ANOTHER_LAYOUT})
    third = _called(subject, replace(case, layout=relaid))
    by_layout = third is not None and third[0] > _SLOWER * second
    return _Times(second, first - second, by_layout, got)


def _called(subject: Subject, case: Case) -> tuple[float, Mapping[str, Array]] | None:
    """What a forward and a vjp take now, in seconds, and what they give."""
    handed = hand(case, fill(case))
    start = _now()
    forward = call_forward(subject, case, handed.operands, params=subject.accepted(case.params))
    if not gives_y(case, forward):
        return None
    vjp = call_vjp(subject, case, forward.value[1], handed.y_bar)
    seconds = _now() - start
    return (seconds, collect(case, handed, forward, vjp).got) if vjp.returned else None


def _now() -> float:
    """Seconds, without those in which this thread waited for a processor."""
    return time.perf_counter() - waited_for_processor()
