"""Gradients of another shape: crops that take too much or nothing, axes in another order."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_samples
from bpcheck.explain.faults.fault import CONV, EVERY, Fault
from bpcheck.explain.faults.kernels import scatter, shares, w_bar_at
from bpcheck.explain.faults.placing import Placing, cells, inside
from bpcheck.explain.faults.run import Run, planted
from bpcheck.operations.windowed.window import Window


def _is_padded(case: Case) -> bool:
    return any(window.low or window.high for window in case.geometry.windows)


def _not_cropped(run: Run, y_bar: Array, bar: Any) -> Array:
    """``x_bar`` of the padded input."""
    sizes = [window.low + window.i + window.high for window in run.windows]
    moved = [cells(window) + window.low for window in run.windows]
    placings = [np.where(cell < size, cell, -1) for cell, size in zip(moved, sizes, strict=True)]
    return scatter(shares(run, y_bar), placings, sizes)


def _cropped_short(run: Run, y_bar: Array, bar: Any) -> Array:
    """``[p:i - p]`` of the padded gradient, where ``[p:i + p]`` belongs."""
    ends = tuple(slice(max(0, window.i - window.low - window.high)) for window in run.windows)
    cropped: Array = bar[(..., *ends)].copy()
    return cropped


def _without_the_remainder(run: Run, y_bar: Array, bar: Any) -> Array:
    """What a transposed convolution gives that is told nothing of the input's size."""
    ends = tuple(slice(max(0, window.i - max(0, window.remainder))) for window in run.windows)
    cropped: Array = bar[(..., *ends)].copy()
    return cropped


def _correlated(window: Window, *, low: int, size: int) -> Placing:
    """Where the taps of a valid correlation lie, as many as `size` cells have room for."""
    taps = max(0, (size - 1 - (window.out - 1) * window.s) // window.d + 1)
    start: Placing = np.arange(window.out)[:, None] * window.s - low
    return inside(window, start + np.arange(taps) * window.d)


def _unpadded(windows: tuple[Window, ...]) -> list[Placing]:
    # Not beyond the taps of w, which another mistake is: `_with_the_remainder`.
    return [_correlated(window, low=0, size=window.i)[:, : window.k] for window in windows]


def _with_the_remainder(windows: tuple[Window, ...]) -> list[Placing]:
    return [
        _correlated(window, low=window.low, size=window.low + window.i + window.high)
        for window in windows
    ]


def _of_the_unpadded_input(run: Run, y_bar: Array, bar: Any) -> Array:
    placings = _unpadded(run.windows)
    # Where no tap is left there is nothing to correlate: such code raises.
    return w_bar_at(run, y_bar, placings) if all(each.size for each in placings) else bar


def _spread_unpadded(windows: tuple[Window, ...]) -> list[Placing]:
    # A cotangent with zeros for a stride's leaps and remainder leaves room for k - 2p taps.
    sizes = [window.i - max(0, window.remainder) for window in windows]
    return [
        _correlated(window, low=0, size=size)[:, : window.k]
        for window, size in zip(windows, sizes, strict=True)
    ]


def _of_the_unpadded_input_spread(run: Run, y_bar: Array, bar: Any) -> Array:
    placings = _spread_unpadded(run.windows)
    return w_bar_at(run, y_bar, placings) if all(each.size for each in placings) else bar


def _is_correlated_unpadded(case: Case) -> bool:
    placings = _unpadded(case.geometry.windows)
    return has_samples(case) and _is_padded(case) and all(each.size for each in placings)


def _is_correlated_spread(case: Case) -> bool:
    placings = _spread_unpadded(case.geometry.windows)
    return has_samples(case) and _is_padded(case) and all(each.size for each in placings)


def _has_a_remainder(case: Case) -> bool:
    found = _with_the_remainder(case.geometry.windows)
    return any(
        each.shape[1] != window.k for each, window in zip(found, case.geometry.windows, strict=True)
    )


def _channels_last(array: Array) -> Array:
    return np.moveaxis(array, 1, -1)


def _moves_channels(case: Case) -> bool:
    shape = case.shapes["x_bar"]
    moved = (shape[0], *shape[2:], shape[1])
    return moved != shape or (has_samples(case) and shape[1] > 1)


def _moves_filters(case: Case) -> bool:
    shape = case.shapes["w_bar"]
    return (*shape[2:], shape[1], shape[0]) != shape


def _b_bar(summed: Any) -> Any:
    return planted(b_bar=lambda run, y_bar, bar: np.asarray(summed(np.asarray(y_bar, np.float64))))


def _has_bias(case: Case) -> bool:
    return bool(case.geometry.bias)


def _fault(name: str, what: str, **others: Any) -> Fault:
    return Fault(name=name, what=what, caught_by=("contract",), **others)


FAULTS: tuple[Fault, ...] = (
    _fault(
        "x-bar-not-cropped",
        "x_bar is that of the padded input: its padding is not cropped",
        operations=EVERY,
        results=("x_bar",),
        condition="padding > 0",
        shows=_is_padded,
        plant=planted(x_bar=_not_cropped),
        source="https://github.com/data61/MP-SPDZ/issues/1206",
    ),
    _fault(
        "x-bar-cropped-short",
        "x_bar is cropped by [p:i - p] where [p:i + p] belongs: 2p cells are missing",
        operations=EVERY,
        results=("x_bar",),
        condition="padding > 0",
        shows=_is_padded,
        plant=planted(x_bar=_cropped_short),
        source="https://github.com/tinygrad/tinygrad/pull/73",
    ),
    _fault(
        "x-bar-without-the-remainder",
        "x_bar is as large as the windows need, and not as x: the remainder of the stride is lost",
        operations=CONV,
        results=("x_bar",),
        condition="remainder > 0",
        shows=lambda case: any(window.remainder > 0 for window in case.geometry.windows),
        plant=planted(x_bar=_without_the_remainder),
        source="https://github.com/tracel-ai/burn/pull/4806",
    ),
    _fault(
        "w-bar-of-the-unpadded-input",
        "w_bar correlates the cotangent with the input without its padding",
        operations=CONV,
        results=("w_bar",),
        condition="padding that leaves a tap",
        shows=_is_correlated_unpadded,
        plant=planted(w_bar=_of_the_unpadded_input),
        source="https://github.com/hanbt/learn_dl/issues/48",
    ),
    _fault(
        "w-bar-of-the-unpadded-input-by-a-spread-cotangent",
        "w_bar correlates the cotangent, spread out for the stride, with the input without its "
        "padding",
        operations=CONV,
        results=("w_bar",),
        condition="padding that leaves a tap",
        shows=_is_correlated_spread,
        plant=planted(w_bar=_of_the_unpadded_input_spread),
        source="https://github.com/hanbt/learn_dl/issues/48",
    ),
    _fault(
        "w-bar-with-the-remainder",
        "w_bar has a tap for every place that the stride leaves over: it is not cropped to w",
        operations=CONV,
        results=("w_bar",),
        condition="a remainder that holds a tap",
        shows=_has_a_remainder,
        plant=planted(
            w_bar=lambda run, y_bar, bar: w_bar_at(run, y_bar, _with_the_remainder(run.windows))
        ),
        source="https://github.com/PKUFlyingPig/CMU10-714/issues/6",
    ),
    _fault(
        "x-bar-channels-last",
        "x_bar has its channels last: (n, h, w, c) where x is (n, c, h, w)",
        operations=EVERY,
        results=("x_bar",),
        condition="several channels or cells",
        shows=_moves_channels,
        plant=planted(x_bar=lambda run, y_bar, bar: _channels_last(bar)),
        source="https://github.com/PaddlePaddle/Paddle/pull/22088",
    ),
    _fault(
        "w-bar-channels-last",
        "w_bar has its channels last: (h, w, c_in, c_out) where w is (c_out, c_in, h, w)",
        operations=CONV,
        results=("w_bar",),
        condition="axes of unlike length",
        shows=_moves_filters,
        plant=planted(
            w_bar=lambda run, y_bar, bar: (
                np.moveaxis(bar, (1, 0), (-2, -1))
                if (*bar.shape[2:], bar.shape[1], bar.shape[0]) != bar.shape
                else bar
            )
        ),
        source="https://github.com/apache/tvm/pull/13998",
    ),
    _fault(
        "x-bar-of-the-first-sample",
        "the batch is taken for one sample: x_bar is that of the first one, without a batch axis",
        operations=EVERY,
        results=("x_bar",),
        condition="a sample",
        shows=has_samples,
        plant=planted(x_bar=lambda run, y_bar, bar: bar[0] if len(bar) else bar),
        source="https://github.com/soumith/cudnn.torch/pull/103",
    ),
    _fault(
        "b-bar-of-every-sample",
        "b_bar is not summed over the samples: (n, c) where (c,) belongs",
        operations=CONV,
        results=("b_bar",),
        condition="a bias",
        shows=_has_bias,
        plant=_b_bar(lambda y_bar: y_bar.sum(axis=tuple(range(2, y_bar.ndim)))),
        source="https://github.com/tracel-ai/burn/pull/248",
    ),
    _fault(
        "b-bar-in-a-column",
        "b_bar is a column: (c, 1) where (c,) belongs",
        operations=CONV,
        results=("b_bar",),
        condition="a bias",
        shows=_has_bias,
        plant=_b_bar(lambda y_bar: y_bar.sum(axis=(0, *range(2, y_bar.ndim)))[:, None]),
        source="https://github.com/heyxhh/nnet-numpy/issues/1",
    ),
    _fault(
        "b-bar-summed-over-the-channels",
        "b_bar is summed as if channels were the last axis: one number for each column is left",
        operations=CONV,
        results=("b_bar",),
        condition="a bias, and another number of columns than of output channels",
        shows=lambda case: _has_bias(case) and case.shapes["y"][-1] != case.shapes["y"][1],
        plant=planted(
            b_bar=lambda run, y_bar, bar: (
                np.asarray(y_bar, np.float64).sum(axis=tuple(range(y_bar.ndim - 1)))
                if y_bar.shape[-1] != y_bar.shape[1]
                else bar
            )
        ),
        source="https://github.com/deeplearning4j/deeplearning4j/issues/8280",
    ),
)
