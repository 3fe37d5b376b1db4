"""Transposed convolution of two dimensions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.operations_material.base import Array, Catalogue, Example, Operation, draws
from reference import conv_transpose

Pair = tuple[int, int]


def reference(
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Pair,
    padding: Pair,
    output_padding: Pair,
    groups: int,
    dilation: Pair,
) -> Any:
    return torch.nn.functional.conv_transpose2d(
        x, weight, bias, stride, padding, output_padding, groups, dilation
    )


def examples() -> tuple[Example, ...]:
    rng = draws(15)
    x, weight, bias = rng.uniform(-1, 1, (2, 4, 3, 2)), rng.uniform(-1, 1, (4, 2, 3, 2)), None
    plain: dict[str, Any] = {
        "stride": (1, 1),
        "padding": (0, 0),
        "output_padding": (0, 0),
        "groups": 1,
        "dilation": (1, 1),
    }
    offsets = rng.uniform(-1, 1, 4)
    return (
        ((x, weight, bias), plain),
        ((x, weight, offsets[:2]), {**plain, "stride": (2, 3), "output_padding": (1, 2)}),
        ((x, weight, offsets), {**plain, "stride": (2, 2), "padding": (1, 1), "groups": 2,
                                "output_padding": (1, 1)}),
        ((x, weight, bias), {**plain, "dilation": (2, 3), "padding": (1, 0)}),
        ((x, weight, bias), {**plain, "dilation": (3, 2), "output_padding": (2, 1)}),
        ((x, weight, bias), {**plain, "stride": (2, 2), "dilation": (2, 2), "padding": (1, 1)}),
    )  # fmt: skip


OPERATION = Operation(
    "conv_transpose2d", reference, conv_transpose.forward, conv_transpose.vjp, examples
)

right, right_vjp = conv_transpose.forward, conv_transpose.vjp


def _turned(weight: Array) -> Array:
    return np.ascontiguousarray(weight[:, :, ::-1, ::-1])


def _without_output_padding(x: Array, weight: Array, bias: Any, **params: Any) -> Any:
    return right(x, weight, bias, **{**params, "output_padding": 0})


def _cells_of_zero(x: Array, weight: Array, bias: Any, **params: Any) -> Any:
    y, residuals = right(x, weight, bias, **params)
    high, wide = params["output_padding"]
    y = y.copy()
    y[:, :, y.shape[2] - high :] = 0
    y[:, :, :, y.shape[3] - wide :] = 0
    return y, residuals


def _rotated(x: Array, weight: Array, bias: Any, **params: Any) -> Any:
    return right(x, _turned(weight), bias, **params)


def _rotated_vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x_bar, weight_bar, bias_bar = right_vjp(residuals, y_bar)
    return x_bar, _turned(weight_bar), bias_bar


def _input_rotated_vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    _, weight_bar, bias_bar = right_vjp(residuals, y_bar)
    turned = replace(residuals, w=residuals.w[..., ::-1, ::-1])
    return right_vjp(turned, y_bar)[0], weight_bar, bias_bar


def _cropped_at_the_end(x: Array, weight: Array, bias: Any, **params: Any) -> Any:
    whole, residuals = right(x, weight, bias, **{**params, "padding": 0})
    high, wide = residuals.windows.size
    rows, columns = (2 * each for each in params["padding"])
    return whole[:, :, : high - rows, : wide - columns], (residuals, rows, columns)


def _cropped_vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    inner, rows, columns = residuals
    return right_vjp(inner, np.pad(y_bar, ((0, 0), (0, 0), (0, rows), (0, columns))))


def _stride_ignored(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    _, weight_bar, bias_bar = right_vjp(residuals, y_bar)
    windows = residuals.windows
    close = replace(windows, stride=(1,) * windows.rank)
    kept = tuple(min(a, b) for a, b in zip(close.padded, windows.size, strict=True))
    crowded = replace(residuals, windows=replace(close, size=kept),
                      y_shape=(*y_bar.shape[:2], *kept))  # fmt: skip
    part = np.ascontiguousarray(y_bar[:, :, : kept[0], : kept[1]])
    return right_vjp(crowded, part)[0], weight_bar, bias_bar


def _bias_of_the_first_group(x: Array, weight: Array, bias: Any, **params: Any) -> Any:
    if bias is not None:
        bias = np.tile(bias[: weight.shape[1]], params["groups"])
    return right(x, weight, bias, **params)


def _dense(x: Array, weight: Array, bias: Any, **params: Any) -> Any:
    y, residuals = right(x, weight, bias, **params)
    close = {**params, "dilation": 1, "padding": 0, "output_padding": 0}
    tight, _ = right(x, weight, bias, **close)
    wrong = np.zeros_like(y)
    rows, columns = (min(a, b) for a, b in zip(tight.shape[2:], y.shape[2:], strict=True))
    wrong[:, :, :rows, :columns] = tight[:, :, :rows, :columns]
    return (wrong if max(params["dilation"]) > 1 else y), residuals


def _groups_interleaved(x: Array, weight: Array, bias: Any, **params: Any) -> Any:
    # Input channel c is taken for one of group c % groups.
    groups = params["groups"]
    order = np.arange(len(weight)).reshape(-1, groups).T.ravel()
    y, residuals = right(x[:, order], weight[order], bias, **params)
    return y, (residuals, np.argsort(order))


def _groups_interleaved_vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    inner, back = residuals
    x_bar, weight_bar, bias_bar = right_vjp(inner, y_bar)
    return x_bar[:, back], weight_bar[back], bias_bar


def _trailing_windows(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x_bar, weight_bar, bias_bar = right_vjp(residuals, y_bar)
    more = [
        (line.size + 2 * line.before - line.reach) // line.stride + 1 - line.output
        for line in residuals.windows.lines()
    ]
    return np.pad(x_bar, ((0, 0), (0, 0), *((0, each) for each in more))), weight_bar, bias_bar


def _bias_of_written_cells(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x_bar, weight_bar, bias_bar = right_vjp(residuals, y_bar)
    if bias_bar is not None:
        written = [
            min(line.size, (line.output - 1) * line.stride + line.reach - 2 * line.before)
            for line in residuals.windows.lines()
        ]
        bias_bar = y_bar[:, :, : written[0], : written[1]].sum(axis=(0, 2, 3))
    return x_bar, weight_bar, bias_bar


_ = Catalogue(OPERATION)

FAULTS = (
    _.fault(
        "conv-transpose-output-padding-ignored",
        "pytorch/pytorch#964",
        "y has the size that it has without an output padding",
        forward=_without_output_padding,
    ),
    _.fault(
        "conv-transpose-output-padding-of-zeros",
        "apache/tvm!5758",
        "the cells of the output padding are zeros beside the plane, not the plane going on",
        forward=_cells_of_zero,
    ),
    _.fault(
        "conv-transpose-weight-gradient-rotated",
        "vdumoulin/conv_arithmetic#4",
        "weight_bar is turned by 180 degrees",
        vjp=_rotated_vjp,
    ),
    _.fault(
        "conv-transpose-kernel-rotated",
        "google/flax#2577",
        "the kernel is turned by 180 degrees in the forward, and the backward fits that",
        forward=_rotated,
        vjp=_rotated_vjp,
    ),
    _.fault(
        "conv-transpose-input-gradient-rotated",
        "Theano/Theano#5170",
        "x_bar is correlated with the turned kernel, as that of a convolution is",
        vjp=_input_rotated_vjp,
    ),
    _.fault(
        "conv-transpose-padding-cropped-at-the-end",
        "apache/mxnet#11203",
        "what the padding takes away is taken from the far side only: everything is offset",
        forward=_cropped_at_the_end,
        vjp=_cropped_vjp,
    ),
    _.fault(
        "conv-transpose-stride-ignored-in-input-gradient",
        "pytorch/pytorch#63314",
        "x_bar of cell i is read at i, not at i * stride",
        vjp=_stride_ignored,
    ),
    _.fault(
        "conv-transpose-bias-of-the-first-group",
        "robertknight/rten!1408",
        "every group has the bias of the first",
        forward=_bias_of_the_first_group,
    ),
    _.fault(
        "conv-transpose-dilation-ignored",
        "pytorch/pytorch#1565",
        "taps are written next to one another; the backward is right",
        forward=_dense,
    ),
    _.fault(
        "conv-transpose-groups-interleaved",
        "apache/tvm#10223",
        "input channel c belongs to group c % groups",
        forward=_groups_interleaved,
        vjp=_groups_interleaved_vjp,
    ),
    _.fault(
        "conv-transpose-trailing-windows",
        "tracel-ai/burn!4916",
        "x_bar has a cell for every window of the output padding: larger than x where it is at "
        "least the stride",
        vjp=_trailing_windows,
    ),
    _.fault(
        "conv-transpose-bias-gradient-of-written-cells",
        "Tencent/ncnn!1122",
        "bias_bar leaves out the cells of the output padding, where the bias was added too",
        vjp=_bias_of_written_cells,
    ),
)
