"""Who wins each window of max pooling: the right rule, and rules of one's own."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_samples
from bpcheck.explain.faults.kernels import columns, flat, largest, plane_cells
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, Spoil
from bpcheck.filling import fill

#: From what windows read, ``(n, c, out, k)``, and which of it lies inside of the input,
#: ``(out, k)``, to the offset that wins each window, ``(n, c, out)``.
Rule = Callable[[Array, Array], Array]


def read_of(case: Case) -> tuple[Array, Array]:
    """What the windows of a case read, -inf outside, and which of it lies inside of the input."""
    windows = case.geometry.windows
    cells = plane_cells(right(windows), [window.i for window in windows])
    return columns(fill(case).operands["x"], right(windows), fill=-np.inf), cells >= 0


def winners(run: Run, rule: Rule = largest) -> Array:
    """Flat index into the plane of each window's winner, -1 for padding: ``(n, c, out)``."""
    placings = right(run.windows)
    cells = plane_cells(placings, run.operands["x"].shape[2:])
    read = columns(run.operands["x"], placings, fill=-np.inf)
    return cells[np.arange(len(cells)), rule(read, cells >= 0)]


def offsets(run: Run) -> Array:
    """The offset in its window of each winner: ``(n, c, out)``."""
    placings = right(run.windows)
    cells = plane_cells(placings, run.operands["x"].shape[2:])
    return largest(columns(run.operands["x"], placings, fill=-np.inf), cells >= 0)


def send(run: Run, y_bar: Array, index: Array, *, overwrite: bool = False) -> Array:
    """Each window's cotangent added (or written) to a cell of its plane; -1 loses it."""
    shape = run.operands["x"].shape
    planes, size = prod(shape[:2]), prod(shape[2:])
    plane = np.zeros((planes, size + 1))
    # The last cell of a row takes what -1 is sent.
    where = (np.arange(planes)[:, None], index.reshape(planes, prod(y_bar.shape[2:])))
    taken = flat(y_bar).reshape(where[1].shape)
    if overwrite:
        plane[where] = taken
    else:
        np.add.at(plane, where, taken)
    return plane[:, :size].reshape(shape)


def sent_by(rule: Rule) -> Spoil:
    """``x_bar`` with the cotangent sent to the winners of `rule`."""

    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        return send(run, y_bar, winners(run, rule))

    return spoil


def another_wins(rule: Rule) -> Callable[[Case], bool]:
    """Whether `rule` picks another winner than the right one in some window of a case."""

    def shows(case: Case) -> bool:
        if not has_samples(case):
            return False
        read, inside = read_of(case)
        return not np.array_equal(rule(read, inside), largest(read, inside))

    return shows


def share_a_winner(case: Case) -> bool:
    """Whether some cell wins in several windows of a case."""
    if not has_samples(case):
        return False
    windows = case.geometry.windows
    cells = plane_cells(right(windows), [window.i for window in windows])
    read, inside = read_of(case)
    ordered = np.sort(cells[np.arange(len(cells)), largest(read, inside)], axis=-1)
    return bool((ordered[..., 1:] == ordered[..., :-1]).any())
