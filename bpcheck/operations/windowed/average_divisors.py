"""What one window of an average pool divides by, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from bpcheck.operations.windowed.pooling import PoolGeometry
from bpcheck.operations.windowed.read import cells_of


def divisor_at(geometry: PoolGeometry, position: Sequence[int]) -> int:
    """What the window at a position divides by."""
    if geometry.divisor:
        return geometry.divisor
    if not geometry.pad_counts:
        return len(cells_of(geometry.windows, position)[0])
    return prod(_counted(geometry, position))


def said_of_divisor(geometry: PoolGeometry, position: Sequence[int]) -> str:
    """Why the window at a position divides by that.

    >>> from bpcheck.operations.windowed.window import Window
    >>> said_of_divisor(PoolGeometry(1, 1, (Window(i=3, k=2, p=1),)), (0,))
    'divided by 2: 1 cell, and 1 of padding that counts'
    """
    divisor = divisor_at(geometry, position)
    inside = len(cells_of(geometry.windows, position)[0])
    cells = f"{inside} cell{'s' if inside > 1 else ''}"
    if geometry.divisor:
        return f"divided by {divisor}, the divisor_override"
    if divisor > inside:
        return f"divided by {divisor}: {cells}, and {divisor - inside} of padding that counts"
    whole = prod(geometry.kernel)
    if divisor < whole:
        return f"divided by {divisor}: {cells} of the kernel's {whole}; the others do not count"
    return f"divided by {divisor}: its cells"


def _counted(geometry: PoolGeometry, position: Sequence[int]) -> list[int]:
    """Cells of each dimension that count: padding does, the overhang of ceil_mode does not."""
    counted = []
    for window, at in zip(geometry.windows, position, strict=True):
        start = int(at) * window.s - window.low
        counted.append(min(start + window.k, window.i + window.high) - start)
    return counted
