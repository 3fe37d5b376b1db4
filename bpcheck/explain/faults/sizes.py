"""What goes wrong past a size: blocks of channels and samples, and counters of 8 and 16 bits."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import AVG_POOL, CONV, MAX_POOL, Fault
from bpcheck.explain.faults.kernels import largest, plane_cells
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, planted, wide
from bpcheck.explain.faults.winners import read_of

#: Channels and samples of a block, and outputs of one.
CHANNELS, SAMPLES, OUTPUTS = 64, 4, 4_096

#: The largest numbers of 8 and 16 bits.
BYTE, SHORT = 2**7 - 1, 2**15 - 1


def _one_block_of_channels(run: Run, y_bar: Array, bar: Any) -> Array:
    written: Array = bar.copy()
    written[:, CHANNELS:] = 0
    return written


def _whole_blocks_of_samples(run: Run, y_bar: Array, bar: Any) -> Array:
    kept = y_bar.copy()
    n = len(kept)
    kept[max(n - n % SAMPLES, min(n, SAMPLES)) :] = 0
    return run.bars(kept)["w_bar"]


def _one_block_of_outputs(run: Run, y_bar: Array, bar: Any) -> Array:
    kept = np.ascontiguousarray(y_bar).reshape(*y_bar.shape[:2], prod(y_bar.shape[2:])).copy()
    kept[..., OUTPUTS:] = 0
    return run.bars(kept.reshape(y_bar.shape))["w_bar"]


def _short_winners(run: Run, y_bar: Array, bar: Any) -> Array:
    written = bar.copy().reshape(*bar.shape[:2], prod(bar.shape[2:]))
    written[..., SHORT + 1 :] = 0
    return written.reshape(bar.shape)


def _byte_divisor(run: Run, y_bar: Array, bar: Any) -> Array:
    count = prod(window.k for window in run.windows)
    return wide(bar) * count / ((count + BYTE + 1) % (2 * BYTE + 2) - BYTE - 1)


def _a_late_cell_wins(case: Case) -> bool:
    windows = case.geometry.windows
    if not is_read(case) or prod(window.i for window in windows) <= SHORT + 1:
        return False
    cells = plane_cells(right(windows), [window.i for window in windows])
    index = cells[np.arange(len(cells)), largest(*read_of(case))]
    return bool((index > SHORT).any())


def _has_a_large_window(case: Case) -> bool:
    return is_read(case) and prod(window.k for window in case.geometry.windows) > BYTE


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-one-block-of-channels",
        what=f"x_bar has the first {CHANNELS} channels alone: one block of them",
        operations=CONV,
        results=("x_bar",),
        condition=f"more than {CHANNELS} input channels",
        shows=lambda case: is_read(case) and case.geometry.ic > CHANNELS,
        plant=planted(x_bar=_one_block_of_channels),
        source="https://github.com/fujitsu/oneDNN/issues/43",
    ),
    Fault(
        name="w-bar-whole-blocks-of-samples",
        what=f"w_bar sums whole blocks of {SAMPLES} samples, and leaves out the rest",
        operations=CONV,
        results=("w_bar",),
        condition=f"more than {SAMPLES} samples, and not a multiple of it",
        shows=lambda case: (
            is_read(case) and case.geometry.n > SAMPLES and case.geometry.n % SAMPLES > 0
        ),
        plant=planted(w_bar=_whole_blocks_of_samples),
        source="https://github.com/BobMcDear/attorch/issues/18",
    ),
    Fault(
        name="w-bar-one-block-of-outputs",
        what=f"w_bar sums the first {OUTPUTS:,} outputs of a plane",
        operations=CONV,
        results=("w_bar",),
        condition=f"more than {OUTPUTS:,} outputs in a plane",
        shows=lambda case: is_read(case) and prod(case.shapes["y"][2:]) > OUTPUTS,
        plant=planted(w_bar=_one_block_of_outputs),
        source="https://github.com/pytorch/pytorch/issues/27442",
    ),
    Fault(
        name="x-bar-winners-of-16-bits",
        what=f"winners are recorded in 16 bits: cells past {SHORT:,} get nothing",
        operations=MAX_POOL,
        results=("x_bar",),
        condition=f"a winner past cell {SHORT:,} of its plane",
        shows=_a_late_cell_wins,
        plant=planted(x_bar=_short_winners),
        source="https://github.com/intel/torch-xpu-ops/pull/3940",
    ),
    Fault(
        name="x-bar-divisor-of-8-bits",
        what=f"the cells of a window are counted in 8 bits: past {BYTE} the divisor is another",
        operations=AVG_POOL,
        results=("x_bar",),
        condition=f"windows of more than {BYTE} cells",
        shows=_has_a_large_window,
        plant=planted(x_bar=_byte_divisor),
        source="https://github.com/apache/tvm/pull/18014",
    ),
)
