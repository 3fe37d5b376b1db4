"""Repeats: layouts in which several elements of an array lie in one cell of memory."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array

#: Stride 0 over the plane: one number for each sample and channel, as a mean over it sends down.
BROADCAST = "broadcast"

#: Stride 0 along the first axis: one sample for all, as ``.mean(0)`` sends down.
BROADCAST_BATCH = "broadcast-batch"

#: Stride 0 along all axes: one number, as ``.sum()`` sends down.
BROADCAST_ALL = "broadcast-all"

#: Neighbours along the first axis that can have any lie half upon each other, as the frames of a
#: signal do (`numpy.lib.stride_tricks.sliding_window_view`).
OVERLAPPING = "overlapping"

#: All of them.
REPEATING = (BROADCAST, BROADCAST_BATCH, BROADCAST_ALL, OVERLAPPING)


def repeated(array: Array, layout: str) -> Array:
    """A copy of `array` with numbers that it can hold in that layout; in others, all of its own.

    What comes first in C order keeps its number.

    Examples
    --------
    >>> repeated(np.arange(6).reshape(2, 3), "broadcast-batch").tolist()
    [[0, 1, 2], [0, 1, 2]]
    >>> repeated(np.arange(6).reshape(2, 3), "overlapping").tolist()
    [[0, 1, 2], [2, 4, 5]]
    """
    if layout not in REPEATING or not array.size or not array.ndim:
        return array.copy()
    return array.ravel()[sources(array.shape, layout)]


@lru_cache(maxsize=64)
def sources(shape: tuple[int, ...], layout: str) -> NDArray[np.intp]:
    """For each element the flat index of the first one that lies in the same cell of memory."""
    cell = np.zeros((1,) * len(shape), np.intp)
    for axis, (length, step) in enumerate(zip(shape, steps(shape, layout), strict=True)):
        along = [1] * len(shape)
        along[axis] = length
        cell = cell + (np.arange(length) * step).reshape(along)
    _, first, which = np.unique(cell, return_index=True, return_inverse=True)
    # Of no axes there would be a scalar otherwise.
    found: NDArray[np.intp] = np.asarray(first[which]).reshape(shape)
    found.flags.writeable = False
    return found


def steps(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    """The strides of a repeating layout, in elements.

    >>> steps((2, 3, 4), "broadcast"), steps((2, 3, 4), "overlapping")
    ((3, 1, 0), (6, 4, 1))
    """
    still, over = _still(len(shape), layout), _overlapping_axis(shape) if _overlaps(layout) else -1
    found, extent = [], 1
    for axis in reversed(range(len(shape))):
        if axis in still:
            found.append(0)
            continue
        found.append(-(-extent // 2) if axis == over else extent)
        extent = (shape[axis] - 1) * found[-1] + extent
    return tuple(reversed(found))


def cells(shape: tuple[int, ...], layout: str) -> int:
    """Cells of memory from the first to the last that an array that is not empty takes."""
    return 1 + sum((n - 1) * step for n, step in zip(shape, steps(shape, layout), strict=True))


@lru_cache(maxsize=4096)
def repeats(shape: tuple[int, ...], layout: str) -> bool:
    """Whether elements of an array of this shape lie in one cell of memory in that layout.

    >>> repeats((1, 3), "broadcast-batch"), repeats((2, 3), "broadcast-batch")
    (False, True)
    """
    return layout in REPEATING and 0 not in shape and cells(shape, layout) < prod(shape)


def _still(dimensions: int, layout: str) -> range:
    """The axes of stride 0."""
    if layout == BROADCAST:
        # One number for each sample and channel; a vector or a matrix keeps its first column.
        return range(2, dimensions) if dimensions > 2 else range(dimensions - 1, dimensions)
    if layout == BROADCAST_BATCH:
        return range(1)
    return range(dimensions) if layout == BROADCAST_ALL else range(0)


def _overlaps(layout: str) -> bool:
    return layout == OVERLAPPING


def _overlapping_axis(shape: tuple[int, ...]) -> int:
    """The first axis that has neighbours, and more than one number in each; -1 for none."""
    return next(
        (axis for axis, length in enumerate(shape) if length > 1 and prod(shape[axis + 1 :]) > 1),
        -1,
    )
