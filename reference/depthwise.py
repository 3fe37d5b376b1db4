r"""Depthwise convolution: every channel has its own kernel, so there is no matrix to multiply.

A matrix product with one row is all memory traffic and no arithmetic. Instead, with the channels
last, a tap multiplies elementwise: a whole row of the plane, all its cells with all their channels
in one run of memory, against the tap's weights repeated for every cell.

The arrays are those of `unrolled` with one group that has all the channels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reference.operands import Array
from reference.windows import Windows

# Subscripts for einsum: dimensions of the plane, and taps along them.
_PLANE, _TAPS = "ijk", "abd"


def correlate(padded: Array, w: Array, windows: Windows) -> Array:
    r"""The windows of `padded` (1, n, \*padded, c) times `w` (c, 1, \*kernel): (1, n, \*output, c)."""
    n, channels = padded.shape[1], len(w)
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
    weights = np.tile(np.moveaxis(w[:, 0], 0, -1), length)
    plane, taps = _PLANE[: windows.rank], _TAPS[: windows.rank]
    y = np.einsum(f"n{plane}{taps},{taps}{plane[-1]}->n{plane}", window, weights)
    return y.reshape(1, n, *windows.output[:-1], length, channels)[..., :: windows.stride[-1], :]


def w_bar(padded: Array, y_bar: Array, windows: Windows) -> Array:
    r"""The windows of `padded` times `y_bar` (1, n, \*output, c): (c, 1, \*kernel)."""
    plane, taps = _PLANE[: windows.rank], _TAPS[: windows.rank]
    window = windows.view(padded)
    result = np.einsum(f"gn{plane}{taps}c,gn{plane}c->{taps}c", window, y_bar)
    return np.moveaxis(result, -1, 0)[:, None]
