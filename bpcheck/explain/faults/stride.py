"""Stride ignored, exchanged, taken for something else; rows that no window reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import (
    CONV,
    EVERY,
    LINEAR,
    MAX_POOL,
    POOLS,
    Fault,
    of_rank_2_up,
)
from bpcheck.explain.faults.kernels import scatter, shares
from bpcheck.explain.faults.misplaced import (
    consistent_fault,
    forward_fault,
    w_bar_fault,
    x_bar_fault,
)
from bpcheck.explain.faults.placing import (
    Placing,
    cells,
    each,
    exchanged,
    inside,
    misplaces,
    moved,
    of_the_first,
    place,
)
from bpcheck.explain.faults.run import Run, planted
from bpcheck.operations.windowed.window import Window

_ignored = each(lambda window: place(window, s=1))
_as_the_kernel = each(lambda window: place(window, s=window.k))
_taken_for_dilation = each(lambda window: place(window, s=window.d, d=window.s))


def _without_the_last(window: Window) -> Placing:
    """The loop ``range(0, i - k, s)`` ends one window early where the last one fits exactly."""
    placing = window.positions.copy()
    if window.remainder == 0:
        placing[-1] = -1
    return placing


def _repeated(run: Run, y_bar: Array, bar: Any) -> Array:
    """The cotangent upsampled by repetition where zeros belong between its values."""
    windows, sent = run.windows, shares(run, y_bar)
    total = np.zeros(run.operands["x"].shape)
    for shift in np.ndindex(*(window.s for window in windows)):
        placings = [
            inside(window, cells(window) + by) for window, by in zip(windows, shift, strict=True)
        ]
        total += scatter(sent, placings, total.shape[2:])
    return total


def _at_j(run: Run, y_bar: Array, bar: Any) -> Array:
    """The winner is looked for, and the cotangent sent, in a window at j for j * stride."""
    placings = _ignored(run.windows)
    return scatter(shares(run, y_bar, placings), placings, run.operands["x"].shape[2:])


def _is_strided(case: Case) -> bool:
    return is_read(case) and any(window.s > 1 for window in case.geometry.windows)


FAULTS: tuple[Fault, ...] = (
    x_bar_fault(
        "x-bar-stride-ignored",
        "x_bar is scattered as if the stride were 1",
        _ignored,
        operations=EVERY,
        condition="stride > 1",
        source="https://github.com/deeplearning4j/libnd4j/issues/793",
    ),
    w_bar_fault(
        "w-bar-window-at-j-for-j-times-stride",
        "window column taken at j instead of j * stride",
        _ignored,
        operations=CONV,
        condition="stride > 1",
        source="https://github.com/tracel-ai/burn/pull/1891",
    ),
    Fault(
        name="x-bar-window-at-j-for-j-times-stride",
        what="the winner is looked for in the window at j instead of j * stride",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="stride > 1",
        shows=misplaces(_ignored),
        plant=planted(x_bar=_at_j),
        source="https://github.com/enggen/Deep-Learning-Coursera/issues/7",
    ),
    forward_fault(
        "y-stride-ignored",
        "the forward takes its windows one cell apart, whatever the stride",
        _ignored,
        operations=EVERY,
        condition="stride > 1",
        source="https://github.com/deeplearning4j/libnd4j/issues/793",
    ),
    consistent_fault(
        "stride-of-the-first-dimension-throughout",
        "the first dimension's stride is taken in all of them, in forward and backward alike",
        of_the_first("s"),
        operations=of_rank_2_up(EVERY),
        condition="unequal strides",
        source="https://github.com/apache/mxnet/pull/4704",
    ),
    consistent_fault(
        "strides-exchanged-throughout",
        "the strides of height and width are exchanged, in forward and backward alike",
        exchanged("s"),
        operations=of_rank_2_up(EVERY),
        condition="unequal strides",
        source="https://github.com/mlpack/mlpack/issues/4050",
    ),
    x_bar_fault(
        "x-bar-strides-exchanged",
        "x_bar is scattered with the strides of height and width exchanged",
        exchanged("s"),
        operations=of_rank_2_up(EVERY),
        condition="unequal strides",
        source="https://github.com/Samsung/ONE/pull/2727",
    ),
    w_bar_fault(
        "w-bar-strides-exchanged",
        "w_bar reads the input with the strides of height and width exchanged",
        exchanged("s"),
        operations=of_rank_2_up(CONV),
        condition="unequal strides",
        source="https://github.com/mlpack/mlpack/pull/3146",
    ),
    x_bar_fault(
        "x-bar-stride-of-the-first-dimension",
        "x_bar is scattered with the first dimension's stride in all of them",
        of_the_first("s"),
        operations=of_rank_2_up(EVERY),
        condition="unequal strides",
        source="https://github.com/apache/mxnet/pull/4704",
    ),
    w_bar_fault(
        "w-bar-stride-of-the-first-dimension",
        "w_bar reads the input with the first dimension's stride in all of them",
        of_the_first("s"),
        operations=of_rank_2_up(CONV),
        condition="unequal strides",
        source="https://github.com/jefkine/zeta-learn/issues/4",
    ),
    x_bar_fault(
        "x-bar-stride-and-dilation-exchanged",
        "x_bar is scattered with stride and dilation exchanged",
        _taken_for_dilation,
        operations=CONV,
        condition="stride and dilation unequal",
        source="https://github.com/huggingface/candle/pull/2337",
    ),
    w_bar_fault(
        "w-bar-stride-and-dilation-exchanged",
        "w_bar reads the input with stride and dilation exchanged",
        _taken_for_dilation,
        operations=CONV,
        condition="stride and dilation unequal",
        source="https://github.com/huggingface/candle/pull/2337",
    ),
    x_bar_fault(
        "x-bar-stride-taken-for-the-kernel-size",
        "the backward pass takes its windows to tile: stride is read as kernel size",
        _as_the_kernel,
        operations=POOLS,
        condition="stride unlike the kernel size, and more than one window",
        source="https://github.com/devitocodes/joey/pull/5",
    ),
    Fault(
        name="x-bar-upsampled-by-repetition",
        what="the cotangent is upsampled by repeating it, where zeros belong between its values",
        operations=LINEAR,
        results=("x_bar",),
        condition="stride > 1",
        shows=_is_strided,
        plant=planted(x_bar=_repeated),
        source="https://github.com/keras-team/keras/issues/7307",
    ),
    x_bar_fault(
        "x-bar-last-window-skipped",
        "the loop over windows ends one early where the last one fits exactly",
        each(_without_the_last),
        operations=EVERY,
        condition="remainder 0",
        source="https://github.com/iamtrask/Grokking-Deep-Learning/issues/43",
    ),
    w_bar_fault(
        "w-bar-last-window-skipped",
        "w_bar leaves out the last window where it fits exactly",
        each(_without_the_last),
        operations=CONV,
        condition="remainder 0",
        source="https://github.com/iamtrask/Grokking-Deep-Learning/issues/43",
    ),
    x_bar_fault(
        "x-bar-remainder-in-front",
        "the rows that no window reads are put in front of x_bar instead of behind it",
        each(lambda window: moved(window, max(0, window.remainder))),
        operations=EVERY,
        condition="remainder > 0",
        source="https://github.com/f-dangel/backpack/issues/30",
    ),
    w_bar_fault(
        "w-bar-windows-from-the-far-end",
        "w_bar takes its windows from the far end of the input",
        each(lambda window: moved(window, max(0, window.remainder))),
        operations=CONV,
        condition="remainder > 0",
        source="https://github.com/flagos-ai/FlagGems/pull/1576",
    ),
)
