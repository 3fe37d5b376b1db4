"""Geometries that are large in one way: past the sizes at which blocks, buffers and indices end.

A kernel that works by blocks of 64 channels or of 4 samples, that counts a window's cells in 8
bits or a plane's in 16, goes wrong only beyond. Each kind is large in one number alone, and all
else is drawn as usual: groups, padding, dilation and rounding have paths of their own.
"""

from __future__ import annotations

from bpcheck.operations.promises import Integers
from bpcheck.operations.windowed import dimensions
from bpcheck.operations.windowed.window import Window

#: One drawn geometry in so many is large.
EVERY = 24

#: Beyond these a size is large: samples, channels, cells of a window, of an output plane and of an
#: input plane.
SAMPLES, CHANNELS, WINDOW, OUTPUTS, PLANE = 8, 64, 255, 4_096, 32_767

#: Sides, by rank, whose powers are above `WINDOW`, `OUTPUTS` and `PLANE`.
_WINDOW_SIDE = {1: 257, 2: 17, 3: 7}
_OUTPUT_SIDE = {1: 4_099, 2: 65, 3: 17}
_PLANE_SIDE = {1: 32_801, 2: 182, 3: 33}


def choose_large(integers: Integers) -> bool:
    """Draw whether this geometry is to be a large one; no small number asks for one."""
    return integers(0, EVERY - 1) == EVERY - 1


def samples(integers: Integers) -> int:
    """A large batch that no block size divides."""
    return SAMPLES + 1 + 2 * integers(0, 4)


def channels(integers: Integers) -> int:
    """Many channels, and no round number of them."""
    return CHANNELS + 1 + integers(0, 40)


def large_window(integers: Integers, rank: int, *, ceil: bool = False) -> tuple[Window, ...]:
    """A window of many cells on an input that holds few of them."""
    k, s = _WINDOW_SIDE[rank], 1 + integers(0, 2)
    p = dimensions.choose(integers, (0, 1, k // 2))
    return (Window(i=k + 3, k=k, s=s, p=p, ceil=ceil),) * rank


def large_output(integers: Integers, rank: int, *, ceil: bool = False) -> tuple[Window, ...]:
    """Small windows at many places."""
    k, s = 1 + integers(0, 2), 1 + integers(0, 1)
    p = dimensions.choose(integers, (0, k // 2))
    return (Window(i=(_OUTPUT_SIDE[rank] - 1) * s + k, k=k, s=s, p=p, ceil=ceil),) * rank


def large_plane(integers: Integers, rank: int, *, ceil: bool = False) -> tuple[Window, ...]:
    """Windows next to one another, or apart, on an input of many cells."""
    k = dimensions.choose(integers, (2, 3))
    s = k + integers(0, 1)
    p = dimensions.choose(integers, (0, 1))
    return (Window(i=_PLANE_SIDE[rank], k=k, s=s, p=p, ceil=ceil),) * rank
