"""Which cells one window reads, and which windows read one cell, each with its offset."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from bpcheck.operations.formed import Indices
from bpcheck.operations.windowed.window import Window


def cells_of(windows: Sequence[Window], position: Sequence[int]) -> tuple[Indices, Indices]:
    """The cells that the window at a position reads, and their offsets in it, in raster order.

    >>> cells, offsets = cells_of((Window(i=4, k=3, p=1),), (0,))
    >>> cells.tolist(), offsets.tolist()
    ([[0], [1]], [[1], [2]])
    """
    lines = [window.positions[at] for window, at in zip(windows, position, strict=True)]
    offsets = _grid([np.nonzero(line >= 0)[0] for line in lines])
    cells = [line[offsets[:, axis]] for axis, line in enumerate(lines)]
    return np.stack(cells, axis=-1), offsets


def windows_at(windows: Sequence[Window], cell: Sequence[int]) -> tuple[Indices, Indices]:
    """The positions of the windows that read a cell, and its offsets in them, in raster order.

    >>> positions, offsets = windows_at((Window(i=4, k=2),), (1,))
    >>> positions.tolist(), offsets.tolist()
    ([[0], [1]], [[1], [0]])
    """
    pairs = [np.argwhere(window.positions == at) for window, at in zip(windows, cell, strict=True)]
    picked = _grid([np.arange(len(each)) for each in pairs])
    found = [each[picked[:, axis]] for axis, each in enumerate(pairs)]
    return tuple(np.stack([each[:, side] for each in found], axis=-1) for side in (0, 1))  # type: ignore[return-value]


def windows_with(windows: Sequence[Window], offset: Sequence[int]) -> tuple[Indices, Indices]:
    """The windows that read a cell, not padding, at an offset, and those cells, in raster order.

    >>> positions, cells = windows_with((Window(i=3, k=2, p=1),), (0,))
    >>> positions.tolist(), cells.tolist()
    ([[1], [2], [3]], [[0], [1], [2]])
    """
    lines = [window.positions[:, at] for window, at in zip(windows, offset, strict=True)]
    positions = _grid([np.nonzero(line >= 0)[0] for line in lines])
    cells = [line[positions[:, axis]] for axis, line in enumerate(lines)]
    return positions, np.stack(cells, axis=-1)


def product(*blocks: Indices) -> list[Indices]:
    """Every combination of rows of each block, the last one changing fastest.

    >>> [each.tolist() for each in product(np.array([[0], [1]]), np.array([[5, 6]]))]
    [[[0], [1]], [[5, 6], [5, 6]]]
    """
    rows = _grid([np.arange(len(block)) for block in blocks])
    return [block[rows[:, number]] for number, block in enumerate(blocks)]


def column(numbers: Sequence[int] | range) -> Indices:
    """Numbers as rows of one."""
    return np.asarray(list(numbers), np.int64).reshape(-1, 1)


def _grid(lines: Sequence[Indices]) -> Indices:
    """All combinations of the numbers of each line, ``(combinations, lines)``."""
    count = reduce(lambda size, line: size * len(line), lines, 1)
    return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(count, len(lines))
