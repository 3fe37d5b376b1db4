r"""Convolution as matrix products: unroll the windows of the input into rows, multiply by w.

Forward is ``y = rows w``, with a row for each window. Its transpose in `w` is ``w_bar = rows^T
y_bar``; its transpose in `x` is ``y_bar w^T``, what each window sends back to each of its cells,
followed by the transpose of unrolling: adding up. With stride 1 that is the full convolution, and
so the same unrolling again, of the cotangent.

Unrolling a window whole would copy the input as often as the kernel has taps, so this goes by rows
of the kernel (its first dimension), a few at a time. All arrays have their channels last and by
group: the input is (groups, n, \*padded, c_in / groups), the kernel (groups, \*kernel, c_in /
groups, c_out / groups).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np

from reference.layout import channels_first, channels_last, interleave, pad
from reference.operands import Array, accumulator
from reference.windows import Windows

# From so many windows in a plane, a product for each sample is large enough to run at full speed.
_LARGE_PLANE = 512
# Below so many columns, a product is too thin to be worth a pass over the whole output.
_THIN = 64


def forward(x: Array, w: Array, windows: Windows, groups: int) -> tuple[Array, Array, Array]:
    r"""``y`` (n, c_out, \*output), and the padded input and the kernel that it was made of."""
    dtype = accumulator(x.dtype)
    padded = pad(channels_last(x, groups), windows, dtype)
    by_group = w.reshape(groups, len(w) // groups, *w.shape[1:])
    # Copied with c_out still first, where it moves runs of memory, and then seen with c_out last.
    kernel = np.moveaxis(np.moveaxis(by_group, 2, -1).astype(dtype, order="C"), 1, -1)
    return channels_first(_correlate(padded, kernel, windows)), padded, kernel


def vjp(padded: Array, kernel: Array, y_bar: Array, windows: Windows) -> tuple[Array, Array]:
    r"""``x_bar`` (n, c_in, \*size) and ``w_bar`` (c_out, c_in / groups, \*kernel)."""
    delta = channels_last(y_bar, len(padded)).astype(padded.dtype, order="C", copy=False)
    w_bar = np.moveaxis(_kernel_cotangent(padded, delta, windows), (-1, -2), (1, 2))
    w_bar = w_bar.reshape(y_bar.shape[1], *w_bar.shape[2:])
    if max(windows.stride) > 1:
        return _scatter(kernel, delta, windows), w_bar
    cotangent, full = interleave(delta, windows, padded.dtype)
    taps = tuple(range(1, 1 + windows.rank))
    rotated = np.flip(kernel, taps).swapaxes(-1, -2)
    return channels_first(_correlate(cotangent, rotated, full)), w_bar


def _correlate(padded: Array, kernel: Array, windows: Windows) -> Array:
    r"""``rows w``: (groups, n, \*output, c_out / groups)."""
    groups, n, c_out = *padded.shape[:2], kernel.shape[-1]
    y = np.empty((groups, n, *windows.output, c_out), padded.dtype)
    part = None
    for rows, unrolled in _unroll(padded, windows, c_out):
        block = kernel[:, rows].reshape(groups, 1, unrolled.shape[-1], c_out)
        total = y.reshape(*unrolled.shape[:-1], c_out)
        if rows.start == 0:
            np.matmul(unrolled, block, out=total)
        else:
            part = np.matmul(unrolled, block, out=part)
            total += part
    return y


def _kernel_cotangent(padded: Array, delta: Array, windows: Windows) -> Array:
    r"""``rows^T y_bar``: (groups, \*kernel, c_in / groups, c_out / groups)."""
    groups, c_in, c_out = len(padded), padded.shape[-1], delta.shape[-1]
    w_bar = np.empty((groups, *windows.kernel, c_in, c_out), padded.dtype)
    for rows, unrolled in _unroll(padded, windows, c_out):
        block = w_bar[:, rows].reshape(groups, 1, unrolled.shape[-1], c_out)
        of_batch = unrolled.swapaxes(2, 3), delta.reshape(*unrolled.shape[:-1], c_out)
        if unrolled.shape[1] == 1:
            np.matmul(*of_batch, out=block)
        else:
            np.sum(np.matmul(*of_batch), axis=1, keepdims=True, out=block)
    return w_bar


def _scatter(kernel: Array, delta: Array, windows: Windows) -> Array:
    r"""``y_bar w^T``, added up: (n, c_in, \*size)."""
    groups, n, c_out, c_in = *delta.shape[:2], delta.shape[-1], kernel.shape[-2]
    delta = delta.reshape(groups, n * prod(windows.output), c_out)
    # Planes are whole here: with few channels, runs of channels would be too short to add fast.
    padded = np.zeros((groups * c_in, n, *windows.padded), delta.dtype)
    for rows in _blocks(windows, padded.size + delta.size, n * groups * c_in):
        block = np.moveaxis(kernel[:, rows], -2, 1)
        sent = np.matmul(block.reshape(groups, -1, c_out), delta.swapaxes(1, 2))
        sent = sent.reshape(groups * c_in, *block.shape[2:-1], n, *windows.output)
        for tap in windows.taps():
            if rows.start <= tap[0] < rows.stop:
                # Scatter-add: overlapping windows write the same input cell.
                padded[windows.cells(tap)] += sent[:, tap[0] - rows.start, *tap[1:]]
        # Not until the next block is there as well.
        del sent
    return padded[windows.inside].swapaxes(0, 1)


def _unroll(padded: Array, windows: Windows, c_out: int) -> Iterator[tuple[slice, Array]]:
    """Some rows of the kernel, and what they read, as (groups, batch, windows, cells).

    The batch is n, or 1 with the samples folded into the windows.
    """
    groups, n, channels = *padded.shape[:2], padded.shape[-1]
    count, cells = prod(windows.output), prod(windows.kernel[1:]) * channels
    if windows.stride[0] == 1 and count >= _LARGE_PLANE and cells >= _THIN:
        # The kernel's rows read the same rows of the plane, so these are unrolled but once.
        line = replace(windows, kernel=(1, *windows.kernel[1:]))
        strip = np.ascontiguousarray(line.view(padded))
        for row in range(windows.kernel[0]):
            first = row * windows.dilation[0]
            some = strip[:, :, first : first + windows.output[0]]
            yield slice(row, row + 1), some.reshape(groups, n, count, cells)
        return
    window = windows.view(padded)
    plane = (slice(None),) * (2 + windows.rank)
    memory = None
    for rows in _blocks(windows, padded.size + groups * n * count * c_out, groups * n * channels):
        some = window[(*plane, rows)]
        # The first block is the largest: all others find room where it was.
        memory = np.empty(some.size, padded.dtype) if memory is None else memory
        block = memory[: some.size].reshape(some.shape)
        np.copyto(block, some)
        yield rows, block.reshape(groups, 1, n * count, (rows.stop - rows.start) * cells)


def _blocks(windows: Windows, operands: int, channels: int) -> Iterator[slice]:
    """The kernel's rows, as many at a time as unroll into twice the size of the operands."""
    row = channels * prod(windows.output) * prod(windows.kernel[1:])
    height = max(1, 2 * operands // max(1, row))
    for start in range(0, windows.kernel[0], height):
        yield slice(start, min(start + height, windows.kernel[0]))
