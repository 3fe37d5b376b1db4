"""Convolution as matrix products: unroll every window of the input into a row, multiply by w.

Forward is ``y = w rows^T``, with one row for each window. Its transpose in `w` is
``w_bar = y_bar rows``; its transpose in `x` is the product ``w^T y_bar``, which says what each
window sends back to each of its cells, followed by the transpose of unrolling: adding up.

The channels of the padded input are moved last, so that unrolling copies long runs of memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from reference.operands import Array, accumulator
from reference.windows import Windows


def forward(x: Array, w: Array, windows: Windows, groups: int) -> Array:
    """`x` (n, c_in, \\*size) correlated with `w`: (n, c_out, \\*output), in the accumulator's type."""
    n, c_out = len(x), len(w)
    dtype = accumulator(x.dtype)
    window = windows.view(windows.pad_channels_last(x, groups, dtype))
    kernel = np.moveaxis(_by_group(w, groups).astype(dtype, copy=False), 2, -1)
    y = np.zeros((), dtype)
    for rows in _blocks(x, w, windows):
        part = np.matmul(
            kernel[:, :, rows].reshape(groups, c_out // groups, -1),
            _unroll(window, windows, rows).swapaxes(1, 2),
        )
        y = part if y.ndim == 0 else np.add(y, part, out=y)
    return y.reshape(c_out, n, *windows.output).swapaxes(0, 1)


def vjp(x: Array, w: Array, y_bar: Array, windows: Windows, groups: int) -> tuple[Array, Array]:
    """``x_bar`` and ``w_bar``, shaped as `x` and `w`, in the accumulator's type."""
    n, c_in = x.shape[:2]
    c_out = len(w)
    dtype = accumulator(x.dtype)
    y_bar = y_bar.swapaxes(0, 1).astype(dtype, order="C", copy=False)
    y_bar = y_bar.reshape(groups, c_out // groups, n * math.prod(windows.output))

    window = windows.view(windows.pad_channels_last(x, groups, dtype))
    w_bar = np.empty((groups, c_out // groups, *windows.kernel, c_in // groups), dtype)
    for rows in _blocks(x, w, windows):
        block = w_bar[:, :, rows]
        block[...] = np.matmul(y_bar, _unroll(window, windows, rows)).reshape(block.shape)
    w_bar = np.moveaxis(w_bar, -1, 2)

    kernel = _by_group(w, groups).astype(dtype, copy=False)
    x_bar = np.zeros((c_in, n, *windows.padded), dtype)
    for rows in _blocks(x, w, windows):
        block = kernel[:, :, :, rows]
        sent = np.matmul(block.reshape(groups, c_out // groups, -1).swapaxes(1, 2), y_bar)
        sent = sent.reshape(c_in, *block.shape[3:], n, *windows.output)
        for tap in windows.taps():
            if tap[0] in range(rows.start, rows.stop):
                # Scatter-add: overlapping windows write the same input cell.
                x_bar[windows.cells(tap)] += sent[:, tap[0] - rows.start, *tap[1:]]
    return x_bar[windows.inside].swapaxes(0, 1), w_bar.reshape(w.shape)


def _by_group(w: Array, groups: int) -> Array:
    """`w` (c_out, c_in / groups, \\*kernel) as (groups, c_out / groups, c_in / groups, \\*kernel)."""
    return w.reshape(groups, len(w) // groups, *w.shape[1:])


def _unroll(window: Array, windows: Windows, rows: slice) -> Array:
    """Some kernel rows of every window, one window a row: (groups, n * windows, cells)."""
    groups, n = window.shape[:2]
    every = (slice(None),) * (2 + windows.rank)
    some = np.ascontiguousarray(window[(*every, rows)])
    count = n * math.prod(windows.output)
    return some.reshape(groups, count, math.prod(some.shape[2 + windows.rank :]))


def _blocks(x: Array, w: Array, windows: Windows) -> Iterator[slice]:
    """The kernel's rows, as many at a time as unroll into twice the size of input and output.

    Unrolling them all would take as many copies of the input as the kernel has taps.
    """
    count = len(x) * math.prod(windows.output)
    row = count * x.shape[1] * math.prod(windows.kernel[1:])
    height = max(1, 2 * (x.size + count * len(w)) // max(1, row))
    for start in range(0, windows.kernel[0], height):
        yield slice(start, min(start + height, windows.kernel[0]))
