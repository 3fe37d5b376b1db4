"""Why precision was lost: the operand that is rounded, or the sums that are narrower or longer.

Each change of a comparison is one group of lengths, data and metric, and one mistake shows in
dozens of them. Here they are brought together by what explains the errors that are measured now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

import numpy as np

from bpcheck.arithmetic import FORMATS
from bpcheck.precision.behaviour import Behaviour, behaviours
from bpcheck.precision.compare import Change, Comparison
from bpcheck.precision.data import factors
from bpcheck.precision.emulate import Accumulator, by_lanes, emulated
from bpcheck.precision.ladder import Cell, rungs
from bpcheck.precision.measure import Measurement

#: Significand bits that operands are rounded to by hardware and by casts: float32, TF32 and
#: float16, bfloat16.
_BITS = (24, 11, 8)

#: Data of which an emulation tells how large the errors are, and the longest sums that it takes.
_KINDS, _LONGEST = ("zero-mean", "positive"), 20_000

#: Mean distance from the emulation, in octaves, up to which it explains what is measured: for
#: rounded operands, of which one and two are half an octave apart; and for sums, whose order in a
#: kernel is none of those that are emulated exactly.
_CLOSE, _NEAR = 0.25, 0.6


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened to some results of one dtype.

    Parameters
    ----------
    results, dtype
        The results that it touches.
    text
        What it is, as a sentence; empty where nothing known explains it.
    changes
        The changes that it stands for, the largest first.
    """

    results: tuple[str, ...]
    dtype: str
    text: str
    changes: tuple[Change, ...]

    @property
    def ratio(self) -> float:
        """The largest ratio of medians."""
        return max(change.ratio for change in self.changes)


def causes(comparison: Comparison, changes: Sequence[Change]) -> tuple[Cause, ...]:
    """The changes brought together, by dtype and by what explains them.

    Parameters
    ----------
    comparison
        What the changes are of.
    changes
        Its losses, or its gains.
    """
    told: dict[tuple[str, str], list[Change]] = {}
    for dtype in dict.fromkeys(change.dtype for change in changes):
        own = [change for change in changes if change.dtype == dtype]
        results = tuple(dict.fromkeys(change.result for change in own))
        texts = _texts(comparison, dtype, results)
        for change in own:
            told.setdefault((dtype, texts[change.result]), []).append(change)
    order = [cell.result for cell in comparison.current.cells]
    found = (
        Cause(
            tuple(sorted({change.result for change in own}, key=order.index)),
            dtype,
            text,
            tuple(own),
        )
        for (dtype, text), own in told.items()
    )
    return tuple(sorted(found, key=lambda cause: -cause.ratio))


def _texts(comparison: Comparison, dtype: str, results: Sequence[str]) -> Mapping[str, str]:
    """What explains each of these results."""
    rounded = _rounded(comparison.current, dtype, results)
    if len(rounded) == len(results):
        return rounded
    now, before = behaviours(comparison.current), behaviours(comparison.baseline)
    return {
        result: rounded.get(result)
        or _changed(before.get((dtype, result)), now.get((dtype, result)))
        for result in results
    }


def _changed(before: Behaviour | None, now: Behaviour | None) -> str:
    """How a result is added up now, and was."""
    if before is None or now is None or max(before.octaves, now.octaves) > _NEAR:
        return ""
    if before.precision != now.precision:
        return f"sums are as those in {now.precision}, and were as in {before.precision}"
    if before.order != now.order and before.order and now.order:
        return f"sums are {now.order}, and were {before.order}"
    return ""


def _rounded(current: Measurement, dtype: str, results: Sequence[str]) -> dict[str, str]:
    """The operands whose rounding explains the results, if one set of them explains each."""
    made_of = _factors(current)
    for bits in _BITS:
        if bits >= FORMATS[dtype].bits:
            continue
        counts = {
            result: _rounded_factors(current, dtype, result, bits, len(made_of[result]))
            for result in made_of
            if made_of[result] and any(cell.result == result for cell in current.cells)
        }
        shown = {result: count for result, count in counts.items() if count and result in results}
        operands = _operands(shown, made_of, [each for each in counts if each not in results])
        if operands:
            names = ["the cotangent" if name == "y_bar" else name for name in operands]
            verb = "is" if len(names) == 1 else "are"
            return dict.fromkeys(shown, f"{_listed(names)} {verb} rounded to {bits} bits")
    return {}


def _operands(
    shown: Mapping[str, int], made_of: Mapping[str, tuple[str, ...]], right: Sequence[str]
) -> tuple[str, ...]:
    """The fewest operands of which each result has as many as are rounded; none if that is open."""
    if not shown:
        return ()
    names = list(dict.fromkeys(name for result in made_of for name in made_of[result]))
    for count in range(1, len(names) + 1):
        fitting = [
            chosen
            for chosen in combinations(names, count)
            if all(len({*made_of[result]} & {*chosen}) == shown[result] for result in shown)
            # What keeps its precision reads none of them.
            and not any({*made_of[result]} & {*chosen} for result in right)
        ]
        if fitting:
            return fitting[0] if len(fitting) == 1 else ()
    return ()


def _rounded_factors(current: Measurement, dtype: str, result: str, bits: int, most: int) -> int:
    """Of how many factors a rounding to so many bits leaves the errors that are measured; or 0."""
    cells = [
        cell
        for cell in current.cells
        if (cell.dtype, cell.result) == (dtype, result)
        and cell.kind in _KINDS
        and cell.terms <= _LONGEST
    ]
    distances = {
        count: float(np.mean([*_gaps(current, cells, bits, count, most)]))
        for count in range(1, most + 1)
        if cells
    }
    nearest = min(distances, key=distances.__getitem__, default=0)
    return nearest if nearest and distances[nearest] <= _CLOSE else 0


def _gaps(
    current: Measurement, cells: Sequence[Cell], bits: int, count: int, most: int
) -> Iterator[float]:
    for cell in cells:
        how = Accumulator(f"{bits} bits", "blocked", cell.dtype, bits, by_lanes, rounded=count)
        expected, _ = emulated(how, FORMATS[cell.dtype], cell.kind, cell.terms, factors=most)
        seen = median(current.cells[cell].rms)
        yield abs(float(np.log2(max(seen, 1e-9) / max(expected, 1e-9))))


def _factors(measurement: Measurement) -> dict[str, tuple[str, ...]]:
    """The arrays that the long sums of each result multiply."""
    operation = measurement.operation
    found: dict[str, tuple[str, ...]] = {}
    for rung in rungs(operation, measurement.settings):
        products = factors(operation, rung.geometry, rung.result)
        found[rung.result] = max(products, key=len, default=())
    return found


def _listed(names: Sequence[str]) -> str:
    """``x, w and the cotangent``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def cause_line(cause: Cause) -> str:
    """One line: which results, what it is, and how much.

    Examples
    --------
    >>> from bpcheck.precision.compare import Outcome
    >>> change = Change("w_bar", "float32", "wide", 16, 64, "rms", 2012.4, 1e-6, Outcome.LOSS)
    >>> cause_line(
    ...     Cause(("x_bar", "w_bar"), "float32", "the cotangent is rounded to 11 bits", (change,))
    ... )
    'x_bar and w_bar, float32: the cotangent is rounded to 11 bits; 2,000 times the baseline'
    """
    largest = max(cause.changes, key=lambda change: change.ratio)
    smallest = min(cause.changes, key=lambda change: change.ratio)
    told = largest if largest.ratio >= 1 else smallest
    what = {"rms": "", "max": "", "misrounded": " as many misrounded elements as"}[told.metric]
    text = cause.text or "no rounding or order of sums that is known explains it"
    times = f"{_short(told.ratio)} times{what or ''} the baseline"
    times = times.replace("as the baseline", "as in the baseline")
    return f"{_listed(cause.results)}, {cause.dtype}: {text}; {times}"


def _short(ratio: float) -> str:
    """Two digits, in full.

    >>> _short(2012.4), _short(1.637), _short(0.0123), _short(9.21e8)
    ('2,000', '1.6', '0.012', '920,000,000')
    """
    if ratio < 100:
        return f"{ratio:.2g}"
    digits = len(f"{ratio:.0f}") - 2
    return f"{round(ratio / 10**digits) * 10**digits:,}"
