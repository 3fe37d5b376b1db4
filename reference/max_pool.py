"""Max pooling in 1, 2 and 3 dimensions: forward, and the vjp that sends y_bar to the winners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.operands import DTYPES, Array, require_cotangent
from reference.pooling import pool_windows

__all__ = ["DTYPES", "OPERATIONS", "Residuals", "forward", "vjp"]

OPERATIONS = ("max_pool1d", "max_pool2d", "max_pool3d")
#: Ties go to the first of equals, as torch has it.
TORCH_TIES = True


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs of the forward.

    Attributes
    ----------
    winners
        int64, shaped as the output: where each window's largest value lies, as a flat index into
        its channel's plane; -1 for a window that holds no cell of the input.
    x_shape
        The input's shape.
    """

    winners: Array
    x_shape: tuple[int, ...]
    dtype: np.dtype[np.floating]


def forward(
    x: Array,
    *,
    kernel_size: int | tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    ceil_mode: bool = False,
) -> tuple[Array, Residuals]:
    windows = pool_windows(x, kernel_size, stride, padding, dilation, ceil_mode)
    padded = windows.pad(x, -np.inf)
    cell = np.arange(int(np.prod(windows.size))).reshape(1, 1, *windows.size)
    cell = windows.pad(cell, -1)
    y = np.full((*x.shape[:2], *windows.output), -np.inf, x.dtype)
    # A window of -inf alone is won by its first cell of the input: nothing in it exceeds -inf.
    first = np.full((1, 1, *windows.output), -1)
    for tap in windows.taps():
        here = cell[windows.cells(tap)]
        np.copyto(first, here, where=first < 0)
    winners = np.broadcast_to(first, y.shape).copy()
    for tap in windows.taps():
        value = padded[windows.cells(tap)]
        wins = (value > y) | np.isnan(value)
        np.copyto(y, value, where=wins)
        np.copyto(winners, cell[windows.cells(tap)], where=wins)
    return y, Residuals(winners, x.shape, x.dtype)


def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    winners, shape = residuals.winners, residuals.x_shape
    require_cotangent(y_bar, winners.shape, residuals.dtype)
    planes, cells = shape[0] * shape[1], int(np.prod(shape[2:]))
    # A spare cell before each plane takes what windows without a winner are sent.
    flat = (
        winners.reshape(planes, int(np.prod(winners.shape[2:])))
        + (np.arange(planes) * (cells + 1) + 1)[:, None]
    )
    x_bar = np.bincount(
        flat.ravel(), y_bar.astype(np.float64).ravel(), minlength=planes * (cells + 1)
    )
    x_bar = x_bar.reshape(planes, cells + 1)[:, 1:]
    return (x_bar.astype(y_bar.dtype).reshape(shape),)
