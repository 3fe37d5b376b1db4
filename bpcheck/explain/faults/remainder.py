"""Rows and columns that no window reads: their gradient is 0, and it must be there."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import EVERY, LINEAR, Fault
from bpcheck.explain.faults.run import Run, planted
from bpcheck.operations.windowed.window import Window


def _read(window: Window) -> int:
    """Cells up to the last one that some window reads."""
    return int(window.positions.max()) + 1


def _has_unread_rows(case: Case) -> bool:
    return any(_read(window) < window.i for window in case.geometry.windows)


def _cropped(run: Run, y_bar: Array, bar: Any) -> Array:
    cropped: Array = bar[(..., *(slice(_read(window)) for window in run.windows))].copy()
    return cropped


def _replicated(run: Run, y_bar: Array, bar: Any) -> Array:
    last = [np.minimum(np.arange(window.i), _read(window) - 1) for window in run.windows]
    replicated: Array = bar[(slice(None), slice(None), *np.ix_(*last))]
    return replicated


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-ends-with-the-last-window",
        what="x_bar ends where the last window does: the rows that no window reads are missing",
        operations=EVERY,
        results=("x_bar",),
        condition="rows that no window reads, at the end",
        shows=_has_unread_rows,
        plant=planted(x_bar=_cropped),
        caught_by=("contract",),
        source="https://github.com/torch/DEPRECEATED-torch7-distro/issues/20",
    ),
    Fault(
        name="x-bar-last-row-replicated",
        what="the rows that no window reads get the gradient of the last row that one does",
        operations=LINEAR,
        results=("x_bar",),
        condition="rows that no window reads, at the end",
        shows=lambda case: is_read(case) and _has_unread_rows(case),
        plant=planted(x_bar=_replicated),
        source="https://github.com/pytorch/xla/issues/2333",
    ),
)
