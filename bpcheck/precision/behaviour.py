"""Which accumulator a kernel behaves like: the one whose emulated errors are nearest to its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median

import numpy as np

from bpcheck.arithmetic import FORMATS
from bpcheck.precision.data import factors
from bpcheck.precision.emulate import accumulators, emulated
from bpcheck.precision.ladder import Cell, rungs
from bpcheck.precision.measure import Measurement

#: Data kinds whose errors tell accumulators apart: with zero-mean data the error of any order stays
#: constant and shows the precision; with positive data it grows as the order lets it.
_TELLING = ("zero-mean", "positive")

#: Longest sums that are emulated: what an order does shows far below the end of the ladder.
_LONGEST = 20_000

#: A rounding of operands or partial sums to ``p`` bits leaves at least this share of ``2**-p`` as
#: rms error of the shortest sums; an accumulator that would leave far more than was measured is no
#: candidate.
_LEAST = 0.02

#: Two accumulators whose distances differ by less than this (in octaves) are not told apart.
_CLEARLY = 0.15

#: Errors below this are those of exact results, which have no logarithm.
_EXACT = 1e-6


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a result's errors look like.

    Parameters
    ----------
    precision
        ``"float32"``, ``"TF32 inputs"``, ...; several with "or" where the errors fit them all.
    order
        ``"naive"``, ``"blocked"`` or ``"pairwise"``; empty where the errors do not show it, such as
        those of a float32 sum of float16 numbers, which the last rounding hides.
    octaves
        Mean distance of the logarithms of the errors from those of the emulation: 0 is the same.
    """

    precision: str
    order: str
    octaves: float

    def __str__(self) -> str:
        return f"{self.precision}, {self.order}" if self.order else self.precision


def behaviours(measurement: Measurement) -> dict[tuple[str, str], Behaviour]:
    """For each dtype and result, the accumulator that it behaves like."""
    operation = measurement.operation
    count = {
        rung.result: max(map(len, factors(operation, rung.geometry, rung.result)), default=1)
        for rung in rungs(operation, measurement.settings)
    }
    ladders: dict[tuple[str, str], list[Cell]] = {}
    for cell in measurement.cells:
        if cell.kind in _TELLING and cell.terms <= _LONGEST:
            ladders.setdefault((cell.dtype, cell.result), []).append(cell)
    return {
        key: _nearest(measurement, ladder, factors=count[key[1]]) for key, ladder in ladders.items()
    }


def _nearest(measurement: Measurement, ladder: Sequence[Cell], *, factors: int) -> Behaviour:
    distances: dict[tuple[str, str], float] = {}
    for index in _candidates(measurement, ladder):
        each = accumulators(ladder[0].dtype)[index]
        gaps = [
            gap
            for cell in ladder
            for gap in _gaps(
                measurement, cell, _emulated(cell.dtype, index, cell.kind, cell.terms, factors)
            )
        ]
        key = each.precision, each.order
        distances[key] = min(distances.get(key, np.inf), float(np.mean(np.minimum(gaps, 20.0))))
    (precision, _), least = min(distances.items(), key=lambda item: item[1])
    near = {name for (name, _), distance in distances.items() if distance <= least + _CLEARLY}
    orders = [
        other
        for (name, other), distance in distances.items()
        if name == precision and distance <= least + _CLEARLY
    ]
    tried = {other for name, other in distances if name == precision}
    shown = len(near) == 1 and len(orders) < len(tried)
    return Behaviour(" or ".join(sorted(near)), " or ".join(orders) if shown else "", least)


def _candidates(measurement: Measurement, ladder: Sequence[Cell]) -> Iterator[int]:
    """Places of the accumulators whose roundings are not far coarser than what was measured."""
    form = FORMATS[ladder[0].dtype]
    seen = median(measurement.cells[ladder[0]].rms)
    for index, each in enumerate(accumulators(form.name)):
        bits = min(each.inputs or form.bits, FORMATS[each.partial].bits)
        if bits >= form.bits or _LEAST * 2.0 ** (form.bits - bits) <= seen:
            yield index


@cache
def _emulated(dtype: str, index: int, kind: str, terms: int, factors: int) -> tuple[float, float]:
    return emulated(accumulators(dtype)[index], FORMATS[dtype], kind, terms, factors=factors)


def _gaps(measurement: Measurement, cell: Cell, expected: tuple[float, float]) -> tuple[float, ...]:
    """Octaves between what was measured in a cell and what an emulation gave."""
    metrics = measurement.cells[cell]
    rms, share = expected
    seen = (share * metrics.elements + 0.5) / (metrics.elements + 1)
    pairs = ((median(metrics.rms), rms), (median(metrics.misrounded), seen))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (abs(float(np.log2(max(a, _EXACT)) - np.log2(max(b, _EXACT)))) for a, b in pairs)
        return tuple(found)
