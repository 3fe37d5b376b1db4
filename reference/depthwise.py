r"""Depthwise convolution: every channel has its own kernel, so there is no matrix to multiply.

A matrix product with one row is all memory traffic and no arithmetic. Instead, with the channels
last, a tap multiplies elementwise: a whole row of the plane, all its cells with all their channels
in one run of memory, against the tap's weights repeated for every cell.

The input is (1, n, \*padded, c), as if in one group, and the kernel (\*kernel, c).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reference.layout import channels_first, channels_last, interleave, pad
from reference.operands import Array, accumulator
from reference.windows import Windows

# Subscripts for einsum: dimensions of the plane, and taps along them.
_PLANE, _TAPS = "ijk", "abd"


def forward(x: Array, w: Array, windows: Windows, groups: int) -> tuple[Array, Array, Array]:
    r"""``y`` (n, c, \*output), and the padded input and the kernel that it was made of."""
    dtype = accumulator(x.dtype)
    padded = pad(channels_last(x, 1), windows, dtype)
    kernel = np.moveaxis(w.reshape(groups, *windows.kernel), 0, -1).astype(dtype, order="C")
    return channels_first(_correlate(padded, kernel, windows)), padded, kernel


def vjp(padded: Array, kernel: Array, y_bar: Array, windows: Windows) -> tuple[Array, Array]:
    r"""``x_bar`` (n, c, \*size) and ``w_bar`` (c, 1, \*kernel)."""
    plane, taps = _PLANE[: windows.rank], _TAPS[: windows.rank]
    delta = channels_last(y_bar, 1).astype(padded.dtype, order="C", copy=False)
    window = windows.view(padded)
    w_bar = np.einsum(f"gn{plane}{taps}c,gn{plane}c->{taps}c", window, delta)

    cotangent, full = interleave(delta, windows, padded.dtype)
    rotated = np.flip(kernel, tuple(range(windows.rank)))
    x_bar = channels_first(_correlate(cotangent, rotated, full))
    return x_bar, np.moveaxis(w_bar, -1, 0)[:, None]


def _correlate(padded: Array, kernel: Array, windows: Windows) -> Array:
    r"""The windows of `padded` times `kernel`, channel by channel: (1, n, \*output, c)."""
    n, channels = padded.shape[1], padded.shape[-1]
    # The last dimension and the channels are one axis, on which neighbouring cells lie `channels`
    # apart. A stride would break the run: so all its windows are computed, then thinned.
    merged = replace(
        windows,
        stride=(*windows.stride[:-1], 1),
        dilation=(*windows.dilation[:-1], windows.dilation[-1] * channels),
    )
    cells = padded.reshape(n, *padded.shape[2:-2], padded.shape[-2] * channels)
    window = merged.view(cells[..., None])[..., 0]
    length = window.shape[windows.rank] // channels
    plane, taps = _PLANE[: windows.rank], _TAPS[: windows.rank]
    weights = np.tile(kernel, length)
    y: Array = np.einsum(f"n{plane}{taps},{taps}{plane[-1]}->n{plane}", window, weights)
    return y.reshape(1, n, *windows.output[:-1], length, channels)[..., :: windows.stride[-1], :]
