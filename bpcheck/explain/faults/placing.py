"""Placings: which input cell each window reads at each offset, right and in all the wrong ways.

A placing of one dimension is an integer array ``(out, k)``: the cell that window `o` reads at
offset `j`, or -1 where that lies outside of the input. Stride, padding, dilation, rotation and
cropping go wrong as another placing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bpcheck.cases import Case
from bpcheck.operations.windowed.window import Window

Placing = NDArray[np.int64]
Placer = Callable[[Sequence[Window]], list[Placing]]


def cells(
    window: Window, *, s: int | None = None, low: int | None = None, d: int | None = None
) -> Placing:
    """``o * s - low + j * d``, inside of the input or not; numbers not given are the window's."""
    stride = window.s if s is None else s
    before = window.low if low is None else low
    dilation = window.d if d is None else d
    start: Placing = np.arange(window.out)[:, None] * stride - before
    return start + np.arange(window.k) * dilation


def inside(window: Window, cell: Placing) -> Placing:
    """`cell` with -1 wherever it lies outside of the input."""
    return np.where((cell >= 0) & (cell < window.i), cell, -1)


def place(
    window: Window, *, s: int | None = None, low: int | None = None, d: int | None = None
) -> Placing:
    """The placing with another stride, padding or dilation."""
    return inside(window, cells(window, s=s, low=low, d=d))


def right(windows: Sequence[Window]) -> list[Placing]:
    """The right placings."""
    return [window.positions for window in windows]


def each(alter: Callable[[Window], Placing]) -> Placer:
    """The placer that alters every dimension by itself."""
    return lambda windows: [alter(window) for window in windows]


def exchanged(number: str) -> Placer:
    """The last two dimensions each with the other's stride, padding or dilation."""

    def placer(windows: Sequence[Window]) -> list[Placing]:
        others = [*windows[:-2], windows[-1], windows[-2]]
        pairs = zip(windows, others, strict=True)
        return [place(window, **{number: getattr(other, number)}) for window, other in pairs]

    return placer


def of_the_first(number: str) -> Placer:
    """Every dimension with the stride, padding or dilation of the first one."""
    return lambda windows: [
        place(window, **{number: getattr(windows[0], number)}) for window in windows
    ]


def rotated(window: Window) -> Placing:
    """The offsets of the window in reverse order."""
    return window.positions[:, ::-1]


def moved(window: Window, by: int) -> Placing:
    """Every window `by` cells further on."""
    return inside(window, cells(window) + by)


def misplaces(placer: Placer) -> Callable[[Case], bool]:
    """Whether some window of a case reads another cell than it should."""

    def shows(case: Case) -> bool:
        windows = case.geometry.windows
        wrong, true = placer(windows), right(windows)
        if case.geometry.n == 0 or not (reads_input(wrong) or reads_input(true)):
            return False
        if case.operation.name.startswith("avg"):
            # Every cell of a window gets the same share: at which offset makes no difference.
            wrong, true = ([np.sort(each, axis=1) for each in both] for both in (wrong, true))
        return any(not np.array_equal(one, other) for one, other in zip(wrong, true, strict=True))

    return shows


def reads_input(placings: Sequence[Placing]) -> bool:
    """Whether some window reads a cell of the input, as opposed to padding alone."""
    return all((placing >= 0).any() for placing in placings)
