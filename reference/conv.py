"""Convolution in 1, 2 and 3 dimensions: forward, and the vjp of input, kernel and bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import depthwise, unrolled
from reference.layout import (
    channels_first,
    channels_last,
    interleave,
    pad_channels_last,
    rotate,
)
from reference.operands import DTYPES, Array, accumulator, require_cotangent, require_float
from reference.windows import Windows, per_dimension

__all__ = ["DTYPES", "OPERATIONS", "Residuals", "forward", "vjp"]

OPERATIONS = ("conv1d", "conv2d", "conv3d")
#: float16 is added up in float32.
ACCUMULATES = "float32"


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs.

    Attributes
    ----------
    padded
        The input, zero-padded with the channels last: the copy that `forward` worked on.
    w
        The kernel itself, not a copy.
    windows
        How the kernel's windows lie on the plane.
    """

    padded: Array
    w: Array
    has_bias: bool
    groups: int
    windows: Windows


# Overflow to infinity and inf - inf = NaN are IEEE arithmetic doing its duty, not worth a warning.
@np.errstate(over="ignore", invalid="ignore")
def forward(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> tuple[Array, Residuals]:
    windows = _windows(x, w, b, stride, padding, dilation, groups)
    dtype = accumulator(x.dtype)
    kernel = w.astype(dtype, copy=False)
    if _is_depthwise(w, groups):
        padded = pad_channels_last(x, windows, 1, dtype)
        y = depthwise.correlate(padded, kernel, windows)
    else:
        padded = pad_channels_last(x, windows, groups, dtype)
        y = unrolled.correlate(padded, kernel, windows)
    y = channels_first(y)
    if b is not None:
        y += b.reshape(-1, *(1,) * windows.rank)
    residuals = Residuals(padded, w, b is not None, groups, windows)
    return y.astype(x.dtype, copy=False), residuals


@np.errstate(over="ignore", invalid="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array, Array, Array | None]:
    padded, w, groups = residuals.padded, residuals.w, residuals.groups
    windows = residuals.windows
    require_cotangent(y_bar, (padded.shape[1], len(w), *windows.output), w.dtype)
    kernel = w.astype(padded.dtype, copy=False)
    delta = channels_last(y_bar, len(padded)).astype(padded.dtype, order="C", copy=False)
    if _is_depthwise(w, groups):
        w_bar = depthwise.w_bar(padded, delta, windows)
        cotangent, full = interleave(delta, windows)
        x_bar = channels_first(depthwise.correlate(cotangent, rotate(kernel, groups), full))
    else:
        w_bar = unrolled.w_bar(padded, delta, windows)
        if max(windows.stride) == 1:
            cotangent, full = interleave(delta, windows)
            x_bar = channels_first(unrolled.correlate(cotangent, rotate(kernel, groups), full))
        else:
            x_bar = unrolled.x_bar(kernel, delta, windows)
    b_bar = None
    if residuals.has_bias:
        b_bar = delta.sum(axis=tuple(range(1, delta.ndim - 1))).reshape(len(w))
        b_bar = b_bar.astype(w.dtype, copy=False)
    return x_bar.astype(w.dtype, copy=False), w_bar.astype(w.dtype, copy=False), b_bar


def _is_depthwise(w: Array, groups: int) -> bool:
    return len(w) == groups > 1 == w.shape[1]


def _windows(
    x: Array, w: Array, b: Array | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Windows:
    require_float(x=x, w=w, b=b)
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"x.shape={x.shape}: must be (n, c_in, *size) with 1, 2 or 3 sizes")
    if w.ndim != x.ndim:
        raise ValueError(f"w.shape={w.shape}: must be (c_out, c_in / groups, *kernel), {x.ndim}-d")
    if min(x.shape[1:]) < 1 or min(w.shape) < 1:
        raise ValueError(f"x.shape={x.shape}, w.shape={w.shape}: only the batch may be empty")
    if groups < 1 or x.shape[1] != w.shape[1] * groups or len(w) % groups:
        raise ValueError(
            f"groups={groups}: must be at least 1, divide c_out={len(w)} and take c_in="
            f"{x.shape[1]} into groups of w.shape[1]={w.shape[1]}"
        )
    if b is not None and b.shape != w.shape[:1]:
        raise ValueError(f"b.shape={b.shape}: must be (c_out,) = {w.shape[:1]}")
    size, kernel = x.shape[2:], w.shape[2:]
    stride = per_dimension("stride", stride, rank, least=1)
    dilation = per_dimension("dilation", dilation, rank, least=1)
    reach = tuple((k - 1) * d for k, d in zip(kernel, dilation, strict=True))
    if padding == "same":
        if max(stride) > 1:
            raise ValueError(f"stride={stride}: padding='same' is defined for stride 1 only")
        # An odd total puts the extra cell after the input.
        before, total = tuple(r // 2 for r in reach), reach
    else:
        before = per_dimension("padding", 0 if padding == "valid" else padding, rank, least=0)
        total = tuple(2 * p for p in before)
    output = tuple(
        (s + t - r - 1) // step + 1
        for s, t, r, step in zip(size, total, reach, stride, strict=True)
    )
    if min(output) < 1:
        raise ValueError(
            f"w.shape={w.shape}: the kernel with dilation={dilation} must fit into the padded "
            f"input {tuple(s + t for s, t in zip(size, total, strict=True))}; pad more"
        )
    return Windows(size, kernel, stride, dilation, before, output)
