"""Subgradients of max pooling: which distributions of the cotangent are right at ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array
from bpcheck.operations.windowed.window import Window


def is_subgradient(
    windows: Sequence[Window],
    x: Array,
    y: Array,
    y_bar: Array,
    x_bar: Array,
    *,
    slack: float,
    floor: float = 0.0,
) -> bool:
    """Whether every window shares its cotangent out among its own winners, and loses none of it.

    Two conditions that every right answer fulfils, whatever it does at ties: a cell gets no more
    than the windows that it wins can send it, and no less than those of which it is the only
    winner must; and the cells that ties link get together what their windows hold. Where there are
    no ties, only one gradient fulfils them. Several NaN in a window are a tie as well. A window
    that holds nothing above -inf may lose its cotangent: its maximum is no number that a step of a
    cell could move, padding equals it, and a loop that begins at -inf and asks ``value > best``
    finds no winner.

    Parameters
    ----------
    windows
        The window of each spatial dimension.
    x, y, y_bar, x_bar
        ``(n, c, *image)`` and ``(n, c, *out)``, float64.
    slack
        Relative rounding error of a sum of cotangents.
    floor
        Absolute rounding error of a share of one of them: near the smallest number there is.
    """
    cells = plane_cells(windows)
    planes, size = prod(x.shape[:2]), prod(x.shape[2:])
    x, y = x.reshape(planes, size), y.reshape(planes, len(cells), 1)
    # NaN wins over all numbers, and over other NaN as any of equals does.
    read = x[:, cells]
    wins = (cells >= 0) & ((read == y) | (np.isnan(read) & np.isnan(y)))
    free = (y == -np.inf).all(axis=-1).ravel()
    plane, window, offset = np.nonzero(wins)
    cell = plane * size + cells[window, offset]
    window = plane * len(cells) + window
    sent, got = y_bar.ravel(), x_bar.ravel()
    rounding = Rounding(slack, floor)
    return _within_bounds(cell, window, sent, got, rounding, free=free) and conserves(
        cell, window, sent, got, rounding, free=free
    )


@dataclass(frozen=True, slots=True)
class Rounding:
    """What rounding may do to sums of shares."""

    slack: float
    floor: float

    def of(self, magnitudes: Array, shares: Array) -> Array:
        """The bound of sums of so many shares, whose magnitudes have these sums."""
        bound: Array = self.slack * magnitudes + self.floor * shares
        return bound


def plane_cells(windows: Sequence[Window]) -> NDArray[np.int64]:
    """Flat index into the plane of each cell that each window reads, -1 outside: ``(out, k)``."""
    cells = np.zeros((1, 1), dtype=np.int64)
    for each in windows:
        outer, inner = cells[:, None, :, None], each.positions[None, :, None, :]
        joined = np.where((outer < 0) | (inner < 0), -1, outer * each.i + inner)
        cells = joined.reshape(len(cells) * each.out, -1)
    return cells


def _within_bounds(
    cell: NDArray[np.int64],
    window: NDArray[np.int64],
    sent: Array,
    got: Array,
    rounding: Rounding,
    *,
    free: NDArray[np.bool_],
) -> bool:
    """Whether each cell gets between the least and the most that its windows can send.

    A window that is `free` to lose its cotangent need send nothing.
    """
    alone = (np.bincount(window, minlength=sent.size)[window] == 1) & ~free[window]
    share = sent[window]

    def total(shares: Array) -> Array:
        return np.bincount(cell, weights=shares, minlength=got.size)

    least = total(np.where(alone, share, np.minimum(share, 0)))
    most = total(np.where(alone, share, np.maximum(share, 0)))
    bound = rounding.of(total(np.abs(share)), total(np.ones_like(share)))
    return bool(((got >= least - bound) & (got <= most + bound)).all())


def conserves(
    cell: NDArray[np.int64],
    window: NDArray[np.int64],
    sent: Array,
    got: Array,
    rounding: Rounding,
    *,
    free: NDArray[np.bool_],
) -> bool:
    """Whether cells that are linked by windows with several winners get what these windows hold.

    Nothing is asked of what is linked to a window that is `free` to lose its cotangent.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes = got.size + sent.size
    links = coo_array((np.ones(cell.size), (cell, got.size + window)), shape=(nodes, nodes))
    count, label = connected_components(links, directed=False)
    of_cells, of_windows = label[: got.size], label[got.size :]
    lost = np.bincount(of_windows, weights=sent, minlength=count) - np.bincount(
        of_cells, weights=got, minlength=count
    )
    held = np.bincount(of_windows, weights=np.abs(sent), minlength=count)
    shares = np.bincount(of_cells[cell], minlength=count)
    kept = np.abs(lost) <= rounding.of(held, shares)
    kept[of_windows[free]] = True
    return bool(kept.all())
