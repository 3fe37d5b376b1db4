"""Who wins each window of max pooling, by rules of one's own."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case, fill
from bpcheck.explain.faults.kernels import columns, plane_cells
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run

#: Picks, along the last axis of ``(n, c, windows, offsets)``, the offset that wins.
Rule = Callable[[Array], Array]


def largest(read: Array) -> Array:
    """The first of the largest values."""
    return read.argmax(axis=-1)


def offsets(run: Run, rule: Rule = largest, *, fill: float = -np.inf) -> Array:
    """The offset that wins each window: ``(n, c, prod(out))``."""
    return rule(columns(run.operands["x"], right(run.windows), fill=fill))


def winners(run: Run, rule: Rule = largest, *, fill: float = -np.inf) -> Array:
    """Flat index into the plane of each window's winner, -1 for padding: ``(n, c, prod(out))``."""
    cells = plane_cells(right(run.windows), run.operands["x"].shape[2:])
    return cells[np.arange(len(cells)), offsets(run, rule, fill=fill)]


def send(run: Run, y_bar: Array, index: Array, *, overwrite: bool = False) -> Array:
    """Each window's cotangent added (or written) to a cell of its plane; -1 loses it."""
    shape = run.operands["x"].shape
    planes, size = prod(shape[:2]), prod(shape[2:])
    flat = np.zeros((planes, size + 1))
    rows = np.arange(planes)[:, None]
    # The last cell of a row takes what -1 is sent.
    where = (rows, index.reshape(planes, prod(y_bar.shape[2:])))
    taken = y_bar.reshape(where[1].shape).astype(np.float64)
    if overwrite:
        flat[where] = taken
    else:
        np.add.at(flat, where, taken)
    return flat[:, :size].reshape(shape)


def read_of(case: Case, *, fill_with: float = -np.inf) -> Array:
    """What the windows of a case read: ``(n, c, prod(out), prod(k))``."""
    return columns(fill(case).operands["x"], right(case.geometry.windows), fill=fill_with)


def share_a_winner(case: Case) -> bool:
    """Whether some cell wins in several windows."""
    geometry = case.geometry
    if geometry.n == 0:
        return False
    cells = plane_cells(right(geometry.windows), [window.i for window in geometry.windows])
    index = cells[np.arange(len(cells)), largest(read_of(case))]
    ordered = np.sort(index, axis=-1)
    return bool((ordered[..., 1:] == ordered[..., :-1]).any())
