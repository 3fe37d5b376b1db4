r"""Depthwise convolution: every channel has its own kernel, so there is no matrix to multiply.

A matrix product with one row is all memory traffic and no arithmetic. Instead, a tap multiplies
runs of cells by one weight, and long runs go fastest. So windows are unrolled, but only along the
last dimension of the plane: then what a tap reads of neighbouring lines is one run of memory, and
the taps along the other dimensions are views into it.

The input is (n, c, \*padded), and the kernel (c, \*kernel).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np

from reference.blocks import samples
from reference.layout import interleave
from reference.operands import Array, accumulator
from reference.windows import Windows

# Subscripts for einsum: taps along the dimensions of the plane.
_TAPS = "abd"


def forward(x: Array, w: Array, windows: Windows, groups: int) -> tuple[Array, Array, Array]:
    r"""``y`` (n, c, \*output), and the padded input and the kernel that it was made of."""
    dtype = accumulator(x.dtype)
    padded = np.zeros((*x.shape[:2], *windows.padded), dtype)
    padded[windows.inside] = x
    kernel = w.reshape(groups, *windows.kernel).astype(dtype, order="C")
    return _correlate(padded, kernel, windows), padded, kernel


def vjp(padded: Array, kernel: Array, y_bar: Array, windows: Windows) -> tuple[Array, Array]:
    r"""``x_bar`` (n, c, \*size) and ``w_bar`` (c, 1, \*kernel)."""
    delta = y_bar.astype(padded.dtype, order="C", copy=False)
    cotangent, full = interleave(delta, windows, padded.dtype)
    rotated = np.flip(kernel, tuple(range(1, kernel.ndim)))
    x_bar = _correlate(cotangent, rotated, full)
    return x_bar, _kernel_cotangent(padded, delta, windows)[:, None]


def _correlate(padded: Array, kernel: Array, windows: Windows) -> Array:
    r"""The windows of `padded` times `kernel`, channel by channel: (n, c, \*output)."""
    n, channels, taps = *padded.shape[:2], _TAPS[: windows.rank]
    y = np.empty((n, channels, prod(windows.output)), padded.dtype)
    for some, runs in _unroll(padded, windows):
        np.einsum(f"nc{taps}y,c{taps}->ncy", runs, kernel, out=y[some])
    return y.reshape(n, channels, *windows.output)


def _kernel_cotangent(padded: Array, delta: Array, windows: Windows) -> Array:
    r"""The windows of `padded` times `delta`, summed over each channel: (c, \*kernel)."""
    n, channels, ones = *padded.shape[:2], (1,) * windows.rank
    delta = delta.reshape(n, channels, *ones, prod(windows.output))
    w_bar = np.zeros((channels, *windows.kernel), padded.dtype)
    for some, runs in _unroll(padded, windows):
        w_bar += np.vecdot(runs, delta[some]).sum(axis=0)
    return w_bar


def _unroll(padded: Array, windows: Windows) -> Iterator[tuple[slice, Array]]:
    r"""Some samples, and what each tap reads of them, in a run: (some, c, \*kernel, windows)."""
    (n, channels), ones = padded.shape[:2], (1,) * (windows.rank - 1)
    last, taps = windows.output[-1], windows.kernel[-1]
    along = replace(windows, kernel=(*ones, taps), stride=(*ones, windows.stride[-1]))
    across = replace(windows, kernel=(*windows.kernel[:-1], 1), stride=(*windows.stride[:-1], 1))
    lines = np.moveaxis(along.view(padded[..., None])[..., 0], -1, 2)
    lines = lines.reshape(n, channels, taps, *windows.padded[:-1], last)
    for some in samples(n, prod(lines.shape[1:])):
        window = across.view(np.ascontiguousarray(lines[some])[..., None])[..., 0, 0]
        # From (some, c, tap along the last dimension, *output, taps along the others).
        outputs, others = range(3, 3 + windows.rank), range(3 + windows.rank, window.ndim)
        window = window.transpose(0, 1, *others, 2, *outputs)
        # No copy with stride 1, for then the lines that a tap reads follow one another.
        yield some, window.reshape(*window.shape[: 2 + windows.rank], prod(windows.output))
