"""Groups of cells that are judged together: neighbouring lengths of one result, dtype and data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bpcheck.precision.ladder import Cell
from bpcheck.precision.measure import Measurement
from bpcheck.precision.metrics import CellMetrics

#: Rungs of the ladder that are judged together, at least: what a loss shows in may be long sums
#: only, or short ones only.
_TOGETHER = 3

#: An error of 0 is as good as one of a millionth of a unit: neither has a logarithm of weight.
_LEAST = 1e-6


def groups_of(cells: Sequence[Cell]) -> Iterator[tuple[Cell, ...]]:
    """Cells of one result, dtype and kind, in groups of neighbouring lengths."""
    ladders: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        ladders.setdefault((cell.dtype, cell.result, cell.kind), []).append(cell)
    for ladder in ladders.values():
        rest = ladder
        while rest:
            # From the longest down; what is left over goes to the shortest.
            size = len(rest) if len(rest) < 2 * _TOGETHER else _TOGETHER
            yield tuple(rest[-size:])
            rest = rest[:-size]


def values_of(
    measurement: Measurement, group: Sequence[Cell], metric: str
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """One metric of every case of a group, ``(cells * cases,)``."""
    rows = [_row(measurement.cells[cell], metric) for cell in group]
    return np.concatenate(rows)


def _row(metrics: CellMetrics, metric: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.array(getattr(metrics, metric), dtype=np.float64)
    return np.maximum(values, _LEAST)


def ratio_of_medians(
    baseline: Measurement, current: Measurement, group: Sequence[Cell], metric: str
) -> float:
    """Ratio of the medians, now to before, each case relative to its cell's median before."""
    levels = [float(np.median(_row(baseline.cells[cell], metric))) for cell in group]
    before, now = (
        np.concatenate(
            [_row(m.cells[c], metric) / level for c, level in zip(group, levels, strict=True)]
        )
        for m in (baseline, current)
    )
    return float(np.median(now) / np.median(before))
