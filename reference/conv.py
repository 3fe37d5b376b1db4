"""Convolution in 1, 2 and 3 dimensions: forward, and the vjp of input, kernel and bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.operands import DTYPES, Array, accumulator, require_cotangent, require_float
from reference.windows import Windows, per_dimension

__all__ = ["DTYPES", "OPERATIONS", "Residuals", "forward", "vjp"]

OPERATIONS = ("conv1d", "conv2d", "conv3d")


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the operands themselves (not copies), and the geometry."""

    x: Array
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
    n, c_out = len(x), len(w)
    columns = _columns(x, windows, groups)
    kernel = w.astype(columns.dtype, copy=False).reshape(groups, c_out // groups, -1)
    y = np.matmul(kernel, columns).reshape(c_out, n, *windows.output)
    if b is not None:
        y += b.reshape(-1, *(1,) * (y.ndim - 1))
    residuals = Residuals(x, w, b is not None, groups, windows)
    return y.swapaxes(0, 1).astype(x.dtype, copy=False), residuals


@np.errstate(over="ignore", invalid="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array, Array, Array | None]:
    x, w, windows, groups = residuals.x, residuals.w, residuals.windows, residuals.groups
    n, c_in = x.shape[:2]
    c_out = len(w)
    require_cotangent(y_bar, (n, c_out, *windows.output), x.dtype)
    columns = _columns(x, windows, groups)
    dtype = columns.dtype
    rows = (
        y_bar.swapaxes(0, 1)
        .astype(dtype, copy=False)
        .reshape(groups, c_out // groups, n * int(np.prod(windows.output)))
    )

    w_bar = np.matmul(rows, columns.swapaxes(1, 2)).reshape(w.shape)
    b_bar = rows.sum(axis=2).reshape(c_out) if residuals.has_bias else None

    kernel = w.astype(dtype, copy=False).reshape(groups, c_out // groups, -1)
    shares = np.matmul(kernel.swapaxes(1, 2), rows)
    shares = shares.reshape(c_in, *windows.kernel, n, *windows.output)
    x_bar = np.zeros((c_in, n, *windows.padded), dtype)
    for tap in windows.taps():
        # Scatter-add: overlapping windows write the same input cell.
        x_bar[windows.cells(tap)] += shares[(slice(None), *tap)]
    x_bar = x_bar[windows.inside].swapaxes(0, 1)

    return (
        x_bar.astype(x.dtype),
        w_bar.astype(x.dtype, copy=False),
        None if b_bar is None else b_bar.astype(x.dtype, copy=False),
    )


def _columns(x: Array, windows: Windows, groups: int) -> Array:
    """Every window of `x` as a column: (groups, c_in / groups * taps, n * windows)."""
    n, c_in = x.shape[:2]
    padded = windows.pad(x.astype(accumulator(x.dtype), copy=False), 0).swapaxes(0, 1)
    columns = np.empty((c_in, *windows.kernel, n, *windows.output), padded.dtype)
    for tap in windows.taps():
        columns[(slice(None), *tap)] = padded[windows.cells(tap)]
    depth = c_in // groups * int(np.prod(windows.kernel))
    return columns.reshape(groups, depth, n * int(np.prod(windows.output)))


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
