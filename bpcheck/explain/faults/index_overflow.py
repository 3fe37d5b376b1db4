"""Indices too large for their type, with small powers of two in the place of 2**16 and 2**31."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import CONV, EVERY, MAX_POOL, Fault
from bpcheck.explain.faults.kernels import largest, plane_cells
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, planted
from bpcheck.explain.faults.winners import read_of, send, winners

#: Stands for the number of samples that an index of 16 bits can count.
SAMPLES = 2

#: Stands for the number of elements that an offset of 32 bits can reach.
ELEMENTS = 32

#: Stands for the number of cells that a short index can reach.
CELLS = 16


def _samples_lost(run: Run, y_bar: Array, bar: Any) -> Array:
    kept = y_bar.copy()
    kept[SAMPLES:] = 0
    return run.bars(kept)["w_bar"]


def _tail_unwritten(run: Run, y_bar: Array, bar: Any) -> Array:
    written: Array = bar.copy().reshape(-1)
    written[ELEMENTS:] = 0
    return written.reshape(bar.shape)


def _offsets_wrap(run: Run, y_bar: Array) -> Array:
    flat = np.ascontiguousarray(y_bar).reshape(-1)
    return flat[np.arange(flat.size) % ELEMENTS].reshape(y_bar.shape)


def _wrapped(run: Run, y_bar: Array, bar: Any) -> Array:
    index = winners(run)
    return send(run, y_bar, np.where(index < 0, -1, index % CELLS))


def _a_late_cell_wins(case: Case) -> bool:
    if not is_read(case):
        return False
    windows = case.geometry.windows
    cells = plane_cells(right(windows), [window.i for window in windows])
    index = cells[np.arange(len(cells)), largest(*read_of(case))]
    return bool((index >= CELLS).any())


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="w-bar-samples-beyond-the-index",
        what=f"samples past {SAMPLES} (for 2**16) are lost from w_bar: their index overflows",
        operations=CONV,
        results=("w_bar",),
        condition=f"more than {SAMPLES} samples",
        shows=lambda case: is_read(case) and case.geometry.n > SAMPLES,
        plant=planted(w_bar=_samples_lost),
        source="https://github.com/pytorch/pytorch/issues/96225",
    ),
    Fault(
        name="x-bar-unwritten-beyond-the-offset",
        what=f"x_bar is not written past {ELEMENTS} elements (for 2**31): their number overflows",
        operations=EVERY,
        results=("x_bar",),
        condition=f"more than {ELEMENTS} elements in x",
        shows=lambda case: is_read(case) and prod(case.shapes["x_bar"]) > ELEMENTS,
        plant=planted(x_bar=_tail_unwritten),
        source="https://github.com/intel/torch-xpu-ops/pull/4734",
    ),
    Fault(
        name="cotangent-offset-wraps",
        what=f"offsets into the cotangent wrap at {ELEMENTS} elements (for 2**31)",
        operations=EVERY,
        results=("x_bar", "w_bar", "b_bar"),
        condition=f"more than {ELEMENTS} elements in y",
        shows=lambda case: prod(case.shapes["y"]) > ELEMENTS,
        plant=planted(cotangent=_offsets_wrap),
        source="https://github.com/intel/torch-xpu-ops/pull/3940",
    ),
    Fault(
        name="x-bar-winner-index-wraps",
        what=f"winners are recorded in an index that wraps at {CELLS} cells (for 2**16)",
        operations=MAX_POOL,
        results=("x_bar",),
        condition=f"a winner past the first {CELLS} cells",
        shows=_a_late_cell_wins,
        plant=planted(x_bar=_wrapped),
        source="https://github.com/intel/torch-xpu-ops/pull/3940",
    ),
)
