"""Depthwise convolution: every output channel reads one input channel, so no matrix product.

A product of matrices with one row is all memory traffic and no arithmetic. Instead, with the
channels last, a tap multiplies elementwise: a whole row of the plane, all its cells with all their
channels in one run of memory, against the tap's weights repeated for every cell.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reference.operands import Array, accumulator
from reference.windows import Windows

# Subscripts of einsum for up to three dimensions of the plane, and for the taps along them.
_PLANE, _TAPS = "ijk", "abd"


def forward(x: Array, w: Array, windows: Windows, groups: int) -> Array:
    """`x` (n, c, \\*size) correlated with `w` (m c, 1, \\*kernel): (n, m c, \\*output)."""
    dtype = accumulator(x.dtype)
    padded = windows.pad_channels_last(_repeat(x, len(w) // groups), 1, dtype)[0]
    return np.moveaxis(_correlate(padded, _channels_last(w, dtype), windows), -1, 1)


def vjp(x: Array, w: Array, y_bar: Array, windows: Windows, groups: int) -> tuple[Array, Array]:
    """``x_bar`` and ``w_bar``, shaped as `x` and `w`, in the accumulator's type."""
    dtype = accumulator(x.dtype)
    multiplier = len(w) // groups
    plane, taps = _PLANE[: windows.rank], _TAPS[: windows.rank]

    padded = windows.pad_channels_last(_repeat(x, multiplier), 1, dtype)[0]
    y_bar = np.moveaxis(y_bar, 1, -1).astype(dtype, order="C", copy=False)
    w_bar = np.einsum(f"n{plane}{taps}c,n{plane}c->{taps}c", windows.view(padded), y_bar)
    w_bar = np.moveaxis(w_bar, -1, 0).reshape(w.shape)

    cotangent, full = _interleave(y_bar, windows)
    rotated = np.flip(_channels_last(w, dtype), tuple(range(windows.rank)))
    x_bar = np.moveaxis(_correlate(cotangent, rotated, full), -1, 1)
    if multiplier > 1:
        x_bar = x_bar.reshape(len(x), groups, multiplier, *windows.size).sum(axis=2)
    return x_bar, w_bar


def _repeat(x: Array, multiplier: int) -> Array:
    """Each channel as often as output channels read it."""
    return np.repeat(x, multiplier, axis=1) if multiplier > 1 else x


def _channels_last(w: Array, dtype: np.dtype[np.floating]) -> Array:
    """`w` (c, 1, \\*kernel) as (\\*kernel, c)."""
    return np.moveaxis(w[:, 0], 0, -1).astype(dtype)


def _correlate(padded: Array, w: Array, windows: Windows) -> Array:
    """`padded` (n, \\*padded, c) correlated with `w` (\\*kernel, c): (n, \\*output, c)."""
    n, c = len(padded), padded.shape[-1]
    # The last dimension and the channels are one axis, on which neighbouring cells lie c apart.
    # Stepping along it would break the run, so its windows are all computed, and then thinned.
    merged = replace(
        windows,
        stride=(*windows.stride[:-1], 1),
        dilation=(*windows.dilation[:-1], windows.dilation[-1] * c),
    )
    cells = padded.reshape(*padded.shape[:-2], padded.shape[-2] * c)
    window = merged.view(cells[..., None])[..., 0]
    run = window.shape[windows.rank]
    plane, taps = _PLANE[: windows.rank], _TAPS[: windows.rank]
    weights = np.tile(w, run // c)
    y = np.einsum(f"n{plane}{taps},{taps}{plane[-1]}->n{plane}", window, weights)
    return y.reshape(n, *windows.output[:-1], run // c, c)[..., :: windows.stride[-1], :]


def _interleave(y_bar: Array, windows: Windows) -> tuple[Array, Windows]:
    """The cotangent with zeros between and around, and the stride-1 windows that give ``x_bar``.

    Along one dimension, ``x_bar[p]`` sums ``w[t] y_bar[i]`` over ``i * stride + t * dilation =
    p + before``. With ``y_bar[i]`` put at ``i * stride + offset``, ``offset = reach - 1 - before``,
    and the kernel rotated, that is the window that starts at cell ``p``.
    """
    spread = tuple(s + r - 1 for s, r in zip(windows.size, windows.reach, strict=True))
    full = replace(
        windows,
        size=spread,
        stride=(1,) * windows.rank,
        before=(0,) * windows.rank,
        output=windows.size,
    )
    source, target = [], []
    dimensions = zip(
        windows.output, windows.stride, windows.reach, windows.before, spread, strict=True
    )
    for output, stride, reach, before, length in dimensions:
        offset = reach - 1 - before
        # Windows that read nothing but padding fall outside: they send nothing back.
        first = max(0, -(offset // stride))
        stop = min(output, -((offset - length) // stride))
        source.append(slice(first, max(first, stop)))
        target.append(slice(first * stride + offset, max(first, stop) * stride + offset, stride))
    cotangent = np.zeros((len(y_bar), *spread, y_bar.shape[-1]), y_bar.dtype)
    cotangent[:, *target] = y_bar[:, *source]
    return cotangent, full
