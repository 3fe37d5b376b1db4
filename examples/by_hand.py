"""What the examples by hand compute with and print: windows, paragraphs, small matrices."""

from __future__ import annotations

from itertools import zip_longest
from textwrap import dedent, indent
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def correlate(x: Array, w: Array) -> Array:
    """Slide `w` over `x` without padding; at each place multiply and add up."""
    rows, columns = (size - k + 1 for size, k in zip(x.shape, w.shape, strict=True))
    y = np.zeros((rows, columns), int)
    for i, j in np.ndindex(rows, columns):
        y[i, j] = (x[i : i + w.shape[0], j : j + w.shape[1]] * w).sum()
    return y


def say(text: str) -> None:
    """A paragraph, indented."""
    print(indent(dedent(text).strip("\n"), "  ") + "\n")


def show(matrices: dict[str, Array]) -> None:
    """Small matrices side by side, each under its name."""
    blocks = []
    for name, matrix in matrices.items():
        cell = max(len(str(number)) for number in matrix.ravel())
        lines = [" ".join(f"{number:>{cell}}" for number in row) for row in matrix]
        width = max(len(name), *map(len, lines))
        blocks.append([text.ljust(width) for text in (name, *lines)])
    for row in zip_longest(*blocks):
        cells = (cell or " " * len(block[0]) for cell, block in zip(row, blocks, strict=True))
        print("    " + "      ".join(cells).rstrip())
    print()


def compare(what: str, ours: Array, theirs: Array) -> None:
    """Say that both are equal, or end the program."""
    if not np.array_equal(ours, theirs):
        raise SystemExit(f"{what}: ours {ours.tolist()}, autograd {theirs.tolist()}")
    print(f"  ✓ autograd agrees: {what}, every number equal")
