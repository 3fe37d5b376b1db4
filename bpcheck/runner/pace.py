"""How fast a subject is, and the largest case with which a quick run of it is over in time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from bpcheck.cases import Case
from bpcheck.checks.claims import unclaimed
from bpcheck.checks.run import call_forward, call_vjp, gives_y, hand
from bpcheck.filling import fill
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.subject import Subject

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
    """

    call: float
    multiplication: float

    def seconds(self, multiplications: Iterable[int]) -> float:
        """What a run of cases takes, of so many multiplications each.

        >>> round(Pace(call=1e-3, multiplication=1e-6).seconds([1_000, 1_000]), 3)
        0.044
        """
        return sum(
            CALLS * self.call + self.multiplication * (CALLS * each + min(DIFFERENCES, 9 * each))
            for each in multiplications
        )


def limits_for(subject: Subject, dtypes: Sequence[str], seed: int) -> Limits:
    """No limit, if a quick run ends in time; else the largest power of 4 with which it does."""
    plan = Plan(subject.operation, profile=PROFILES["quick"], dtypes=dtypes, seed=seed)
    first = list(islice(plan, _LOOKED_AT))
    pace = measured(subject, first)
    if pace is None or pace.multiplication < _FAST:
        return Limits()
    every = [*first, *islice(plan, PROFILES["quick"].cases - len(first))]
    size = subject.operation.multiplications
    sizes = [size(case.geometry) for case in every]
    if pace.seconds(sizes) > ALLOWED:
        pace = _held_to_larger(subject, every, pace)
    if pace.seconds(sizes) <= ALLOWED:
        return Limits()
    largest = 4**10
    while largest > TIMED[0]:
        kept = [each for each in sizes if each <= largest]
        # What is left out is made up for by other cases.
        if kept and pace.seconds(kept) * len(sizes) / len(kept) <= PLANNED:
            break
        largest //= 4
    return Limits(largest)


def measured(subject: Subject, cases: Sequence[Case]) -> Pace | None:
    """The pace of a subject in the smaller ones of these cases; ``None`` if it took none."""
    size = subject.operation.multiplications
    small = [
        case for case in cases if 0 < size(case.geometry) <= TIMED[1] and case.values == "exact"
    ]
    small.sort(key=lambda case: size(case.geometry), reverse=True)
    timed: list[tuple[int, float]] = []
    # The large ones tell what a multiplication costs, the small ones what a call does.
    for case in [*small[:_ENOUGH], *small[-2:]]:
        if not unclaimed(subject, case):
            seconds = _timed(subject, case)
            if seconds is not None:
                timed.append((size(case.geometry), seconds))
    if not timed:
        return None
    smallest, largest = min(timed), max(timed)
    if largest[0] == smallest[0]:
        return Pace(0.0, largest[1] / largest[0])
    slope = max(0.0, (largest[1] - smallest[1]) / (largest[0] - smallest[0]))
    return Pace(max(0.0, smallest[1] - slope * smallest[0]), slope)


def _held_to_larger(subject: Subject, cases: Sequence[Case], pace: Pace) -> Pace:
    """The pace, if a larger case bears it out.

    A kernel that loops over taps alone takes long for small cases of many, and not for large ones.
    """
    size = subject.operation.multiplications
    fitting = [case for case in cases if TIMED[1] < size(case.geometry) <= LARGER]
    for case in sorted(fitting, key=lambda case: -size(case.geometry))[:_ENOUGH]:
        if unclaimed(subject, case) or pace.multiplication * size(case.geometry) > _PATIENCE:
            continue
        seconds = _timed(subject, case)
        if seconds is not None:
            return Pace(pace.call, min(pace.multiplication, seconds / size(case.geometry)))
    return pace


def _timed(subject: Subject, case: Case) -> float | None:
    """Seconds of a forward and a vjp, the better of two; ``None`` if they do not end well."""
    # Of the first call imports, compilation and cold caches are a part.
    best = float("inf")
    for _ in range(2):
        handed = hand(case, fill(case))
        start = time.perf_counter()
        forward = call_forward(subject, case, handed.operands, params=subject.accepted(case.params))
        if not gives_y(case, forward):
            return None
        vjp = call_vjp(subject, forward.value[1], handed.y_bar)
        if not vjp.returned:
            return None
        best = min(best, time.perf_counter() - start)
    return best
