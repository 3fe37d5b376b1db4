"""Average pooling in 1, 2 and 3 dimensions: forward, and the vjp that shares y_bar out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from reference.blocks import samples
from reference.operands import DTYPES, Array, accumulator, require_cotangent
from reference.pooling import along, pool_windows
from reference.windows import Windows

__all__ = ["DTYPES", "OPERATIONS", "Residuals", "forward", "vjp"]

OPERATIONS = ("avg_pool1d", "avg_pool2d", "avg_pool3d")
#: float16 is added up in float32.
ACCUMULATES = "float32"


@dataclass(frozen=True, slots=True)
class Residuals:
    r"""What the vjp needs: no value of the input, for the layer is linear.

    Attributes
    ----------
    windows
        How the pool's windows lie on the plane.
    divisor
        What each window divides its sum by, of a shape that broadcasts to (\*output).
    """

    windows: Windows
    divisor: Array
    x_shape: tuple[int, ...]
    dtype: np.dtype[Any]


# Overflow to infinity and inf - inf = NaN are IEEE arithmetic doing its duty, not worth a warning.
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
    r"""Return the mean of every window of `x`.

    Parameters
    ----------
    x
        Input, (n, c, \*size), with 1, 2 or 3 sizes, of one of the `DTYPES`.
    kernel_size, stride, padding
        As in ``torch.nn.functional``: an int, or one for each dimension. A stride of None is the
        kernel's size. The padding is of zeros, at most half of the kernel's size.
    ceil_mode
        Whether a last window that reaches beyond the padding counts; what it reads there is 0.
    count_include_pad
        Whether the divisor counts padding. The overhang of a last window is never counted.
    divisor_override
        What to divide by instead of the number of cells; torch has it in 2 and 3 dimensions only.

    Returns
    -------
    y, residuals
        Output, (n, c, \*output), and what `vjp` needs.

    Raises
    ------
    ValueError
        When a parameter or the input does not fit.

    Examples
    --------
    >>> y, _ = forward(np.array([[[1.0, 3.0, 5.0, 11.0]]]), kernel_size=2)
    >>> y
    array([[[2., 8.]]])
    """
    windows = pool_windows(x, kernel_size, stride, padding, 1, ceil_mode=ceil_mode)
    dtype = accumulator(x.dtype)
    if divisor_override is None:
        divisor = _cells_counted(windows, count_include_pad=count_include_pad).astype(dtype)
    elif divisor_override == 0:
        raise ValueError("divisor_override=0: must not be 0; None divides by the window's size")
    else:
        divisor = np.asarray(divisor_override, dtype)
    y = np.empty((*x.shape[:2], *windows.output), x.dtype)
    for some in samples(len(x), x.shape[1] * prod(windows.padded)):
        total = windows.pad(x[some].astype(dtype, copy=False), 0)
        # The sum over a box is the sum along one dimension after another.
        for axis, line in enumerate(windows.lines(), start=2):
            cells = (total[along(axis, line.cells(tap))] for tap in range(line.kernel))
            total = reduce(np.add, cells)
        y[some] = total / divisor
    return y, Residuals(windows, divisor, x.shape, x.dtype)


@np.errstate(over="ignore", invalid="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    r"""Return ``x_bar``, (n, c, \*size), as a tuple of one.

    The layer is linear: ``y[i] = sum_t x[i * stride - padding + t] / divisor[i]`` along each
    dimension. Its transpose *upsamples* the cotangent: every cell of window ``i`` gets the share
    ``y_bar[i] / divisor[i]``, and a cell that several windows read gets the sum of their shares. So
    the sum of the cotangent is kept where windows hold no padding, and a cell that no window reads
    gets exactly 0. There is no activation here, hence no factor ``f'``.

    Forward sums along the first dimension, then the next; the transposes of these sums come in the
    opposite order, each handing its cotangent to the `kernel` cells that it summed.

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
    >>> y, residuals = forward(np.zeros((1, 1, 5)), kernel_size=2)
    >>> vjp(residuals, np.array([[[2.0, 6.0]]]))[0]
    array([[[1., 1., 3., 3., 0.]]])
    """
    windows, shape = residuals.windows, residuals.x_shape
    require_cotangent(y_bar, (*shape[:2], *windows.output), residuals.dtype)
    x_bar = np.empty(shape, y_bar.dtype)
    for some in samples(shape[0], shape[1] * prod(windows.padded)):
        spread = y_bar[some] / residuals.divisor
        for axis, line in reversed(tuple(enumerate(windows.lines(), start=2))):
            share = spread
            plane = (*share.shape[:axis], line.padded, *share.shape[axis + 1 :])
            spread = np.zeros(plane, share.dtype)
            spread[along(axis, line.cells(0))] = share
            for tap in range(1, line.kernel):
                # Scatter-add: overlapping windows write the same input cell.
                spread[along(axis, line.cells(tap))] += share
        x_bar[some] = spread[windows.inside]
    return (x_bar,)


def _cells_counted(windows: Windows, *, count_include_pad: bool) -> Array:
    r"""How many cells each window divides by, (\*output)."""
    counts = np.ones((), np.int64)
    for line in windows.lines():
        # What a last window reads beyond the padding does not count.
        stop = np.minimum(line.starts + line.kernel, line.size + line.before)
        start = line.starts
        if not count_include_pad:
            start, stop = np.maximum(start, 0), np.minimum(stop, line.size)
        counts = np.multiply.outer(counts, stop - start)
    return counts
