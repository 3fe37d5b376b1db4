r"""Convolution as matrix products: unroll the windows of the input into rows, multiply by w.

Forward is ``y = rows w^T``, with a row for each window. Its transpose in `w` is ``w_bar = y_bar^T
rows``; its transpose in `x` is ``y_bar w``, what each window sends back to each of its cells,
followed by the transpose of unrolling: adding up.

Unrolling a window whole would copy the input as often as the kernel has taps, so this goes by rows
of the kernel (its first dimension). Throughout, arrays have their channels last and by group:
`padded` is the zero-padded input as (groups, n, \*padded, c_in / groups).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np

from reference.operands import Array
from reference.windows import Windows

# From so many windows in a plane, a product for each sample is large enough to run at full speed.
_LARGE_PLANE = 512
# Below so many columns, a product is too thin to be worth a pass over the whole output.
_THIN = 64


def correlate(padded: Array, w: Array, windows: Windows) -> Array:
    r"""The windows of `padded` times `w` (c_out, c_in / groups, \*kernel).

    Returns ``y`` as (groups, n, \*output, c_out / groups).
    """
    groups, n = padded.shape[:2]
    of_group = len(w) // groups
    kernel = np.moveaxis(w.reshape(groups, of_group, *w.shape[1:]), 2, -1)
    y = np.empty((groups, n, *windows.output, of_group), padded.dtype)
    part = np.zeros(0, y.dtype)
    for rows, unrolled in _unroll(padded, windows, of_group):
        block = kernel[:, :, rows].reshape(groups, 1, of_group, unrolled.shape[-1]).swapaxes(2, 3)
        total = y.reshape(*unrolled.shape[:-1], of_group)
        if rows.start == 0:
            np.matmul(unrolled, block, out=total)
        else:
            part = np.matmul(unrolled, block, out=part if part.size else None)
            total += part
    return y


def w_bar(padded: Array, y_bar: Array, windows: Windows) -> Array:
    r"""The windows of `padded` times `y_bar` (groups, n, \*output, c_out / groups).

    Returns ``w_bar`` as (c_out, c_in / groups, \*kernel).
    """
    groups, channels, of_group = len(padded), padded.shape[-1], y_bar.shape[-1]
    result = np.empty((groups, *windows.kernel, channels, of_group), padded.dtype)
    for rows, unrolled in _unroll(padded, windows, of_group):
        block = result[:, rows]
        delta = y_bar.reshape(*unrolled.shape[:-1], of_group)
        block[...] = np.matmul(unrolled.swapaxes(2, 3), delta).sum(axis=1).reshape(block.shape)
    result = np.moveaxis(result, (-1, -2), (1, 2))
    return result.reshape(groups * of_group, channels, *windows.kernel)


def x_bar(w: Array, y_bar: Array, windows: Windows) -> Array:
    r"""`y_bar` (groups, n, \*output, c_out / groups) times `w`, added up: (n, c_in, \*size)."""
    groups, n, of_group = *y_bar.shape[:2], y_bar.shape[-1]
    c_in = groups * w.shape[1]
    kernel = w.reshape(groups, of_group, *w.shape[1:])
    delta = y_bar.reshape(groups, n * prod(windows.output), of_group)
    # Planes are whole here: with few channels, runs of channels would be too short to add fast.
    padded = np.zeros((c_in, n, *windows.padded), y_bar.dtype)
    for rows in _blocks(windows, padded.size + y_bar.size, n * c_in):
        block = kernel[:, :, :, rows]
        block = block.reshape(groups, of_group, prod(block.shape[2:]))
        sent = np.matmul(block.swapaxes(1, 2), delta.swapaxes(1, 2))
        sent = sent.reshape(c_in, rows.stop - rows.start, *windows.kernel[1:], n, *windows.output)
        for tap in windows.taps():
            if rows.start <= tap[0] < rows.stop:
                # Scatter-add: overlapping windows write the same input cell.
                padded[windows.cells(tap)] += sent[:, tap[0] - rows.start, *tap[1:]]
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
    for rows in _blocks(windows, padded.size + groups * n * count * c_out, groups * n * channels):
        some = np.ascontiguousarray(window[(*plane, rows)])
        yield rows, some.reshape(groups, 1, n * count, (rows.stop - rows.start) * cells)


def _blocks(windows: Windows, operands: int, channels: int) -> Iterator[slice]:
    """The kernel's rows, as many at a time as unroll into twice the size of the operands."""
    row = channels * prod(windows.output) * prod(windows.kernel[1:])
    height = max(1, 2 * operands // max(1, row))
    for start in range(0, windows.kernel[0], height):
        yield slice(start, min(start + height, windows.kernel[0]))
