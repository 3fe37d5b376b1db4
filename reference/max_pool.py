"""Max pooling in 1, 2 and 3 dimensions: forward, and the vjp that sends y_bar to the winners."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from reference.blocks import samples
from reference.operands import DTYPES, Array, accumulator, require_cotangent
from reference.pooling import along, pool_windows
from reference.windows import Windows

__all__ = ["DTYPES", "OPERATIONS", "Residuals", "forward", "vjp"]

OPERATIONS = ("max_pool1d", "max_pool2d", "max_pool3d")
#: Ties go to the first of equals, as torch has it.
TORCH_TIES = True


@dataclass(frozen=True, slots=True)
class Residuals:
    r"""What the vjp needs.

    Attributes
    ----------
    winners
        int64, (n, c, \*output): where each window's largest cell lies, as a flat index into its
        channel's plane, as torch's ``return_indices`` gives it.
    windows
        How the pool's windows lie on the plane.
    """

    winners: Array
    windows: Windows
    dtype: np.dtype[Any]


def forward(
    x: Array,
    *,
    kernel_size: int | tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    ceil_mode: bool = False,
) -> tuple[Array, Residuals]:
    r"""Return the largest cell of every window of `x`.

    Of equal cells, the first in raster order wins. Where a window has NaN, its last NaN wins.
    Padding never wins: a window of -inf alone is won by its first cell of the input.

    Parameters
    ----------
    x
        Input, (n, c, \*size), with 1, 2 or 3 sizes, of one of the `DTYPES`.
    kernel_size, stride, padding, dilation
        As in ``torch.nn.functional``: an int, or one for each dimension. A stride of None is the
        kernel's size. The padding is at most half of the kernel's size.
    ceil_mode
        Whether a last window that reaches beyond the padding counts.

    Returns
    -------
    y, residuals
        Output, (n, c, \*output), and what `vjp` needs; ``residuals.winners`` says who won.

    Raises
    ------
    ValueError
        When a parameter or the input does not fit, or when the taps of a window skip all of the
        input, so that it would have no winner.

    Examples
    --------
    >>> y, residuals = forward(np.array([[[1.0, 7.0, 7.0, 5.0]]]), kernel_size=2)
    >>> y
    array([[[7., 7.]]])
    >>> residuals.winners
    array([[[1, 2]]])
    """
    windows = pool_windows(x, kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)
    first = _first_taps(windows)
    winners = np.empty((*x.shape[:2], *windows.output), np.int64)
    for some in samples(len(x), x.shape[1] * prod(windows.padded)):
        # float16 is compared in float32: the order is the same, and the hardware knows how.
        wide = x[some].astype(accumulator(x.dtype), copy=False)
        taps = _winning_taps(windows.pad(wide, -np.inf), first, windows)
        winners[some] = _cells(taps, windows)
    # Taken from the input, not from the comparison, which may give +0 for -0.
    y = x.reshape(-1)[_in_batch(winners, prod(windows.size))]
    return y, Residuals(winners, windows, x.dtype)


def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    r"""Return ``x_bar``, (n, c, \*size), as a tuple of one.

    Near `x`, where no window's largest cell changes, ``y[i] = x[winner[i]]``: a selection, linear
    with one 1 in each row of its matrix. Its transpose *upsamples* the cotangent: all of
    ``y_bar[i]`` goes to the cell that won window ``i``, and nothing to the window's other cells. A
    cell that won several overlapping windows gets the sum of their cotangents; a cell that won
    none, the unread rows past the last window among them, gets exactly 0. There is no activation
    here, hence no factor ``f'``. At a tie the layer has no derivative; this takes the first cell's.

    Parameters
    ----------
    residuals
        What `forward` returned.
    y_bar
        Cotangent of the output, (n, c, \*output), of the input's dtype.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.

    Examples
    --------
    >>> y, residuals = forward(np.array([[[1.0, 7.0, 7.0, 5.0, 9.0]]]), kernel_size=2)
    >>> vjp(residuals, np.array([[[2.0, 6.0]]]))[0]
    array([[[0., 2., 6., 0., 0.]]])
    """
    winners, windows = residuals.winners, residuals.windows
    require_cotangent(y_bar, winners.shape, residuals.dtype)
    wide = y_bar.astype(accumulator(y_bar.dtype), copy=False)
    shape = (*winners.shape[:2], *windows.size)
    x_bar = np.zeros(prod(shape), wide.dtype)
    cells = _in_batch(winners, prod(windows.size))
    if all(r <= s for r, s in zip(windows.reach, windows.stride, strict=True)):
        x_bar[cells] = wide
    else:
        # Scatter-add: one cell may win several windows.
        np.add.at(x_bar, cells.reshape(-1), wide.reshape(-1))
    return (x_bar.reshape(shape).astype(y_bar.dtype, copy=False),)


def _winning_taps(padded: Array, first: Array, windows: Windows) -> Array:
    r"""The number, in raster order, of the tap that wins each window: (n, c, \*output)."""
    number = np.min_scalar_type(prod(windows.kernel) - 1).type
    largest, winner = padded, np.broadcast_to(number(0), padded.shape)
    # The largest cell of a box is the largest along one dimension after another. The last comes
    # first, for ties go to the first line of a window, whatever the order within the lines.
    for axis, line in reversed(tuple(enumerate(windows.lines(), start=2))):
        values, numbers, apart = largest, winner, prod(windows.kernel[axis - 1 :])
        cells = along(axis, line.cells(0))
        largest, winner = values[cells].copy(), numbers[cells].copy()
        for tap in range(1, line.kernel):
            cells = along(axis, line.cells(tap))
            value = np.ascontiguousarray(values[cells])
            wins = value > largest
            np.maximum(largest, value, out=largest)
            # The numbers grow, so the larger of two winners is the later.
            np.maximum(winner, wins * (numbers[cells] + number(tap * apart)), out=winner)
    # What beats no cell beats no padding: the first cell of the input wins then.
    np.maximum(winner, first.astype(number), out=winner)
    if np.isnan(largest).any():
        for order, taps in enumerate(windows.taps()):
            np.copyto(winner, number(order), where=np.isnan(padded[windows.cells(taps)]))
    return winner


def _first_taps(windows: Windows) -> Array:
    r"""The number of the first tap of each window that reads the input, (\*output)."""
    number = np.zeros((), np.int64)
    for line in windows.lines():
        tap = np.maximum(0, -(line.starts // line.dilation))
        if ((tap >= line.kernel) | (line.starts + tap * line.dilation >= line.size)).any():
            raise ValueError(
                f"dilation={windows.dilation}: with padding={windows.before} a window skips all of "
                f"the input {windows.size}; dilate or pad less"
            )
        number = np.add.outer(number * line.kernel, tap)
    return number


def _cells(taps: Array, windows: Windows) -> Array:
    """The flat index into the plane of the cell that each window's tap reads."""
    start, offset = np.zeros((), np.int64), np.zeros((), np.int64)
    for line in windows.lines():
        start = np.add.outer(start * line.size, line.starts)
        offset = np.add.outer(offset * line.size, np.arange(line.kernel) * line.dilation)
    cells: Array = offset.reshape(-1)[taps]
    cells += start
    return cells


def _in_batch(cells: Array, plane: int) -> Array:
    """Flat indices into each plane (n, c, ...) as flat indices into the whole batch."""
    planes = np.arange(cells.shape[0] * cells.shape[1]).reshape(*cells.shape[:2])
    starts: Array = (planes * plane).reshape(*planes.shape, *(1,) * (cells.ndim - 2))
    return starts + cells
