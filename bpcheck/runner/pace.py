"""How fast a subject is: seconds of a call, of a multiplication, of compiling a geometry."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.cases.layouts import join_layouts
from bpcheck.checks.claims import unclaimed
from bpcheck.checks.run import call_forward, call_vjp, collect, gives_y, hand
from bpcheck.filling import fill
from bpcheck.runner.process.busy import waited_for_processor
from bpcheck.subject import Subject

#: Multiplications of the cases that are timed: enough to stand out from the cost of a call.
TIMED = (64, 4_096)

#: Multiplications of a larger case that is timed before a limit is set, and seconds it may take.
LARGER, _PATIENCE = 150_000, 2.0

#: Cases timed.
_ENOUGH = 4

#: A case calls the forward so many times as often as its share of a first run, on the average: runs
#: in other layouts, orders and dtypes, differences, symmetries.
CALLS = 8

#: Multiplications that rebuilding a gradient from differences adds to a case, on the average.
DIFFERENCES = 6_000

#: Compiling is slow if it takes so many times as long as a call, and no more is timed after so many
#: seconds of it.
_SLOWER, _ENOUGH_OF_IT = 5, 3.0

#: How often cases are timed again before a limit is set, and seconds beyond which none is.
_AGAIN, _NO_PAUSE = 4, 0.5

#: A layout in which every array has other strides than in C order.
_ANOTHER_LAYOUT = "sliced"


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


@dataclass(frozen=True, slots=True, order=True)
class Times:
    """Seconds of a forward and a vjp of one geometry: of a second call, and how much more a first.

    What is not `_SLOWER` the first time compiles nothing: imports and cold caches are part of it.
    """

    call: float
    compiling: float
    by_layout: bool = False
    got: Mapping[str, Array] = field(default_factory=dict, compare=False)


def timed_of(subject: Subject, cases: Sequence[Case]) -> list[tuple[Case, Times]]:
    """The smaller ones of these cases and how long each took, those that did not end well aside."""
    size = subject.operation.multiplications
    small = [
        case for case in cases if 0 < size(case.geometry) <= TIMED[1] and case.values == "exact"
    ]
    small.sort(key=lambda case: size(case.geometry), reverse=True)
    timed: list[tuple[Case, Times]] = []
    # The large ones tell what a multiplication costs, the small ones what a call does.
    for case in [*small[:_ENOUGH], *small[-2:]]:
        if not unclaimed(subject, case):
            times = _timed(subject, case)
            if times is not None:
                timed.append((case, times))
        if len(timed) > 1 and sum(times.compiling for _, times in timed) > _ENOUGH_OF_IT:
            break
    return timed


def timed_again(subject: Subject, timed: Sequence[tuple[Case, Times]]) -> list[tuple[Case, Times]]:
    """The same cases once more, and of each the least time: a moment's pause is no slowness.

    What takes long altogether is not asked: no pause lasts so long.
    """
    found = list(timed)
    for _ in range(_AGAIN):
        if sum(times.call for _, times in found) > _NO_PAUSE:
            break
        more = [(case, times, _timed(subject, case)) for case, times in found]
        found = [
            (case, times if now is None else replace(times, call=min(times.call, now.call)))
            for case, times, now in more
        ]
    return found


def pace_of(timed: Sequence[tuple[Case, Times]]) -> Pace:
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


def held_to_larger(subject: Subject, cases: Sequence[Case], pace: Pace) -> Pace:
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


def _timed(subject: Subject, case: Case) -> Times | None:
    """How long a forward and a vjp take; ``None`` if they do not end well."""
    one, two = _called(subject, case), _called(subject, case)
    if one is None or two is None:
        return None
    (first, got), (second, _) = one, two
    if first < _SLOWER * second:
        return Times(min(first, second), 0.0, got=got)
    relaid = join_layouts({case.operation.operands[0]: _ANOTHER_LAYOUT})
    third = _called(subject, replace(case, layout=relaid))
    by_layout = third is not None and third[0] > _SLOWER * second
    return Times(second, first - second, by_layout, got)


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
