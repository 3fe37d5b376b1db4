"""Average pooling in 1, 2 and 3 dimensions: forward, and the vjp that shares y_bar out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.operands import DTYPES, Array, accumulator, require_cotangent
from reference.pooling import pool_windows
from reference.windows import Windows

__all__ = ["DTYPES", "OPERATIONS", "Residuals", "forward", "vjp"]

OPERATIONS = ("avg_pool1d", "avg_pool2d", "avg_pool3d")
#: float16 is added up in float32.
ACCUMULATES = "float32"


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the geometry and the divisors; no value of the input."""

    windows: Windows
    divisor: Array
    x_shape: tuple[int, ...]
    dtype: np.dtype[np.floating]


@np.errstate(over="ignore", invalid="ignore")
def forward(
    x: Array,
    *,
    kernel_size: int | tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> tuple[Array, Residuals]:
    windows = pool_windows(x, kernel_size, stride, padding, 1, ceil_mode)
    dtype = accumulator(x.dtype)
    if divisor_override is None:
        divisor = _cells_counted(windows, count_include_pad).astype(dtype)
    elif divisor_override == 0:
        raise ValueError("divisor_override=0: must not be 0; None divides by the window's size")
    else:
        divisor = np.asarray(divisor_override, dtype)
    padded = windows.pad(x.astype(dtype, copy=False), 0)
    y = np.zeros((*x.shape[:2], *windows.output), dtype)
    for tap in windows.taps():
        y += padded[windows.cells(tap)]
    y /= divisor
    return y.astype(x.dtype, copy=False), Residuals(windows, divisor, x.shape, x.dtype)


@np.errstate(over="ignore", invalid="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    windows, shape = residuals.windows, residuals.x_shape
    require_cotangent(y_bar, (*shape[:2], *windows.output), residuals.dtype)
    share = y_bar / residuals.divisor
    x_bar = np.zeros((*shape[:2], *windows.padded), share.dtype)
    for tap in windows.taps():
        # Scatter-add: overlapping windows write the same input cell.
        x_bar[windows.cells(tap)] += share
    return (x_bar[windows.inside].astype(y_bar.dtype),)


def _cells_counted(windows: Windows, count_include_pad: bool) -> Array:
    """How many cells each window divides by, (\\*output).

    Padding counts or not; the overhang of a last window that ceil_mode lets reach beyond the
    padding never does.
    """
    counts = np.ones((), np.int64)
    for size, kernel, stride, before, output in zip(
        windows.size, windows.kernel, windows.stride, windows.before, windows.output, strict=True
    ):
        start = np.arange(output) * stride - before
        stop = np.minimum(start + kernel, size + before)
        if not count_include_pad:
            start, stop = np.maximum(start, 0), np.minimum(stop, size)
        counts = np.multiply.outer(counts, stop - start)
    return counts
