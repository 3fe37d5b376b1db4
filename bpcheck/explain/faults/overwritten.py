"""Loops over samples, channels and windows that write with = where += is needed."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read, overlaps
from bpcheck.explain.faults.fault import CONV, Fault
from bpcheck.explain.faults.kernels import scatter, shares
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, planted


def _several_outputs(case: Case) -> bool:
    """Several output channels read the same input."""
    return is_read(case) and bool(case.geometry.oc > case.geometry.g)


def _several_writes(case: Case) -> bool:
    """Several samples or windows."""
    return is_read(case) and case.geometry.n * prod(case.geometry.out) > 1


def _last_channels(run: Run, y_bar: Array) -> Array:
    """The cotangent of the last output channel of each group, and zeros for the others."""
    groups = run.params["groups"]
    kept = np.zeros_like(y_bar)
    each = y_bar.shape[1] // groups
    kept[:, each - 1 :: each] = y_bar[:, each - 1 :: each]
    return kept


def _last_window(y_bar: Array) -> Array:
    """The cotangent of the last window of the last sample, and zeros for the others."""
    kept = np.zeros_like(y_bar)
    last: tuple[Any, ...] = (slice(-1, None), slice(None), *(-1,) * (y_bar.ndim - 2))
    kept[last] = y_bar[last]
    return kept


def _written_by_all(run: Run, y_bar: Array, bar: Any) -> Array:
    sent = shares(run, _last_channels(run, y_bar))
    return scatter(sent, right(run.windows), run.operands["x"].shape[2:], overwrite=True)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-of-the-last-output-channel",
        what="every output channel overwrites x_bar: = where += is needed",
        operations=CONV,
        results=("x_bar",),
        condition="several output channels in a group",
        shows=_several_outputs,
        plant=planted(x_bar=lambda run, y_bar, bar: run.bars(_last_channels(run, y_bar))["x_bar"]),
        source="https://github.com/CanReader/FastNN/issues/5",
    ),
    Fault(
        name="x-bar-of-the-last-window-and-output-channel",
        what="every window of every output channel overwrites x_bar: = where += is needed",
        operations=CONV,
        results=("x_bar",),
        condition="several output channels in a group, or windows that overlap",
        shows=lambda case: _several_outputs(case) or overlaps(case),
        plant=planted(x_bar=_written_by_all),
        source="https://github.com/0809zheng/CS231n-assignment2019/issues/19",
    ),
    Fault(
        name="w-bar-of-the-last-window",
        what="every window of every sample overwrites w_bar: = where += is needed",
        operations=CONV,
        results=("w_bar",),
        condition="several windows or samples",
        shows=_several_writes,
        plant=planted(w_bar=lambda run, y_bar, bar: run.bars(_last_window(y_bar))["w_bar"]),
        source="https://github.com/0809zheng/CS231n-assignment2019/issues/19",
    ),
    Fault(
        name="b-bar-of-the-last-window",
        what="every window of every sample overwrites b_bar: = where += is needed",
        operations=CONV,
        results=("b_bar",),
        condition="a bias, and several windows or samples",
        shows=lambda case: (
            bool(case.geometry.bias) and case.geometry.n * prod(case.geometry.out) > 1
        ),
        plant=planted(b_bar=lambda run, y_bar, bar: run.bars(_last_window(y_bar))["b_bar"]),
        source="https://github.com/0809zheng/CS231n-assignment2019/issues/19",
    ),
)
