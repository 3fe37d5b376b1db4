"""Small arrays side by side, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.explain.worked.numbers import told

#: Elements up to which an array is printed whole.
SMALL = 144

#: Signs that a number with a point may take; longer ones are rounded to four digits.
LONGEST = 8

#: Columns of text that arrays may take side by side.
WIDTH = 96


def grid_lines(grids: Sequence[tuple[str, Array]]) -> Iterator[str]:
    r"""Arrays with their names above them, side by side as far as they fit.

    >>> print(*grid_lines([("x", np.array([[1.0, -2.0]])), ("y", np.array([3.0]))]), sep="\n")
      x         y
        1 -2      3
    """
    row: list[list[str]] = []
    for name, array in grids:
        block = _block(name, array)
        if row and sum(len(each[0]) + 3 for each in row) + len(block[0]) > WIDTH:
            yield from _beside(row)
            row = []
        row.append(block)
    yield from _beside(row)


def shown(values: Array) -> str:
    """What is said of an array that is too large: how many elements, from where to where."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return f"{values.size:,} elements"
    return f"{values.size:,} elements from {told(finite.min())} to {told(finite.max())}"


def _block(name: str, array: Array) -> list[str]:
    """An array as lines of one length."""
    if array.size > SMALL:
        lines = [f"  {shown(np.asarray(array, np.float64))}"]
    else:
        lines = list(_lines(np.asarray(array, np.float64)))
    lines = [name, *lines] if name else lines
    width = max(map(len, lines), default=0)
    return [line.ljust(width) for line in lines] or [""]


def _lines(values: Array) -> Iterator[str]:
    """The rows of each plane, planes apart."""
    spelt = [_short(float(each)) for each in values.ravel()]
    width = max(map(len, spelt), default=0)
    columns = values.shape[-1] if values.ndim else 1
    per_plane = values.shape[-2] if values.ndim > 1 else 1
    for row in range(values.size // columns if columns else 0):
        if row and row % per_plane == 0:
            yield "  "
        cells = spelt[row * columns : (row + 1) * columns]
        yield "  " + " ".join(each.rjust(width) for each in cells)


def _short(value: float) -> str:
    """A number in a grid, where every sign of one widens all; beside it stand the whole ones."""
    text = told(value)
    return f"{value:.4g}" if text.startswith("≈") or (len(text) > LONGEST and "." in text) else text


def _beside(blocks: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [len(block[0]) for block in blocks]
    for lines in zip_longest(*blocks, fillvalue=None):
        cells = ((line or "").ljust(width) for line, width in zip(lines, widths, strict=True))
        yield ("  " + "   ".join(cells)).rstrip()
