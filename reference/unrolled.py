r"""Convolution as matrix products: unroll the windows of the input into rows, multiply by w.

Forward is ``y = rows w``, with a row for each window. Its transpose in `w` is ``w_bar = rows^T
y_bar``; its transpose in `x` is ``y_bar w^T``, what each window sends back to each of its cells,
followed by the transpose of unrolling: adding up. With stride 1 that is the full convolution, and
so the same unrolling again, of the cotangent.

Unrolling all windows at once would copy the input as often as the kernel has taps, so this goes by
blocks: some samples, or some lines of one sample, each whole windows and thus one matrix product.
All arrays have their channels last and by group: the input is (groups, n, \*padded, c_in / groups),
the kernel (groups, \*kernel, c_in / groups, c_out / groups).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from math import prod
from operator import iadd

import numpy as np

from reference.layout import channels_first, channels_last, interleave, pad
from reference.operands import Array, accumulator
from reference.windows import Index, Windows

# Numbers to unroll at a time: few enough that a cache holds them from the copy to the product, and
# enough that the product runs at full speed.
_BLOCK = 2**21
# Below so many terms, a product is too thin to be worth another pass over the output.
_THIN = 96


def forward(x: Array, w: Array, windows: Windows, groups: int) -> tuple[Array, Array, Array]:
    r"""``y`` (n, c_out, \*output), and the padded input and the kernel that it was made of."""
    dtype = accumulator(x.dtype)
    padded = pad(channels_last(x, groups), windows, dtype)
    by_group = w.reshape(groups, len(w) // groups, *w.shape[1:])
    # Copied with c_out still first, where it moves runs of memory, and then seen with c_out last.
    taps = tuple(range(3, by_group.ndim))
    kernel = by_group.transpose(0, 1, *taps, 2).astype(dtype, order="C")
    kernel = kernel.transpose(0, *range(2, kernel.ndim), 1)
    return channels_first(_correlate(padded, kernel, windows)), padded, kernel


def vjp(padded: Array, kernel: Array, y_bar: Array, windows: Windows) -> tuple[Array, Array]:
    r"""``x_bar`` (n, c_in, \*size) and ``w_bar`` (c_out, c_in / groups, \*kernel)."""
    delta = channels_last(y_bar, len(padded)).astype(padded.dtype, order="C", copy=False)
    w_bar = _kernel_cotangent(padded, delta, windows)
    w_bar = w_bar.transpose(0, w_bar.ndim - 1, w_bar.ndim - 2, *range(1, w_bar.ndim - 2))
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
    weights = kernel.reshape(groups, -1, c_out)
    # Sums over some lines of the kernel, added up, round less than one long sum.
    line = prod(windows.kernel[1:]) * padded.shape[-1]
    terms = line * -(-_THIN // line)
    for block, rows in _unroll(padded, windows):
        total = y[:, *block].reshape(groups, -1, c_out)
        np.matmul(rows[..., :terms], weights[:, :terms], out=total)
        for first in range(terms, rows.shape[-1], terms):
            some = slice(first, first + terms)
            total += np.matmul(rows[..., some], weights[:, some])
    return y


def _kernel_cotangent(padded: Array, delta: Array, windows: Windows) -> Array:
    r"""``rows^T y_bar``: (groups, \*kernel, c_in / groups, c_out / groups)."""
    groups, c_in, c_out = len(padded), padded.shape[-1], delta.shape[-1]
    parts = (
        np.matmul(rows.swapaxes(1, 2), delta[:, *block].reshape(groups, -1, c_out))
        for block, rows in _unroll(padded, windows)
    )
    return reduce(iadd, parts).reshape(groups, *windows.kernel, c_in, c_out)


def _scatter(kernel: Array, delta: Array, windows: Windows) -> Array:
    r"""``y_bar w^T``, added up: (n, c_in, \*size)."""
    groups, n, c_out, c_in = *delta.shape[:2], delta.shape[-1], kernel.shape[-2]
    # Planes are whole here: with few channels, runs of channels would be too short to add fast.
    padded = np.zeros((groups, c_in, n, *windows.padded), delta.dtype)
    weights = kernel.reshape(groups, -1, c_out)
    for samples, lines in _blocks(n, windows.output, groups * weights.shape[1]):
        some = delta[:, samples, lines]
        sent = np.matmul(weights, some.reshape(groups, -1, c_out).swapaxes(1, 2))
        sent = sent.reshape(groups, *windows.kernel, c_in, *some.shape[1:-1])
        strip = replace(windows, output=some.shape[2:-1])
        below = padded[:, :, samples, lines.start * windows.stride[0] :]
        for tap, cells in strip.tapped():
            # Scatter-add: overlapping windows write the same input cell.
            below[cells] += sent[:, *tap]
        # Not until the next block is there as well.
        del sent
    x_bar = padded.reshape(groups * c_in, n, *windows.padded)[windows.inside]
    return x_bar.swapaxes(0, 1)


def _unroll(padded: Array, windows: Windows) -> Iterator[tuple[Index, Array]]:
    r"""Some windows at a time: which (samples, lines of the output), and what they read, as rows.

    The rows are (groups, windows, cells), in memory that the next ones overwrite.
    """
    groups, n, cells = *padded.shape[:2], prod(windows.kernel) * padded.shape[-1]
    window = windows.view(padded)
    memory = None
    for block in _blocks(n, windows.output, groups * cells):
        some = window[:, *block]
        if not some.flags.c_contiguous:
            # The first block is the largest: all others find room where it was.
            memory = np.empty(some.size, padded.dtype) if memory is None else memory
            room = memory[: some.size].reshape(some.shape)
            np.copyto(room, some)
            some = room
        yield block, some.reshape(groups, -1, cells)


def _blocks(n: int, output: tuple[int, ...], cells: int) -> Iterator[tuple[slice, slice]]:
    """Samples, as many at a time as fit into a block; if none does, some lines of one sample."""
    line = cells * prod(output[1:])
    height = min(output[0], max(1, _BLOCK // line))
    samples = max(1, _BLOCK // (line * output[0]))
    # An empty batch is one block without samples: a sum over it is 0.
    for first in range(0, max(1, n), samples):
        for top in range(0, output[0], height):
            yield slice(first, first + samples), slice(top, top + height)
