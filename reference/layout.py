r"""Channels first, as operands come, and channels last and by group, as convolutions compute.

With the channels last, the cells that a window reads along a line of the plane are one run of
memory, whatever the number of channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.operands import Array
from reference.windows import Windows


def channels_last(x: Array, groups: int) -> Array:
    r"""`x` (n, c, \*size) as (groups, n, \*size, c / groups): a view where `x` allows it."""
    n, c = x.shape[:2]
    return np.moveaxis(x.reshape(n, groups, c // groups, *x.shape[2:]), (1, 2), (0, -1))


def channels_first(x: Array) -> Array:
    r"""`x` (groups, n, \*size, c / groups) as (n, c, \*size): a view where there is one group."""
    x = np.moveaxis(x, (0, -1), (1, 2))
    return x.reshape(x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:])


def pad_channels_last(x: Array, windows: Windows, groups: int, dtype: np.dtype[Any]) -> Array:
    r"""A zero-padded copy of `x` (n, c, \*size) as (groups, n, \*padded, c / groups)."""
    x = channels_last(x, groups)
    padded = np.zeros((*x.shape[:2], *windows.padded, x.shape[-1]), dtype)
    padded[(*windows.inside, slice(None))] = x
    return padded


def interleave(y_bar: Array, windows: Windows) -> tuple[Array, Windows]:
    r"""`y_bar` with zeros between and around, and the stride-1 windows over it that give ``x_bar``.

    Along one dimension, ``x_bar[p]`` is the sum of ``w[t] y_bar[i]`` over all ``i * stride + t *
    dilation = p + before``. Put ``y_bar[i]`` at cell ``i * stride + offset`` with ``offset = reach -
    1 - before``, and rotate the kernel: then the window that starts at cell ``p`` holds that sum.

    Parameters
    ----------
    y_bar
        Cotangent, (groups, n, \*output, c_out / groups).

    Returns
    -------
    cotangent, full
        (groups, n, \*size + reach - 1, c_out / groups), and the windows: one for each input cell.
    """
    spread = tuple(s + r - 1 for s, r in zip(windows.size, windows.reach, strict=True))
    full = Windows(
        size=spread,
        kernel=windows.kernel,
        stride=(1,) * windows.rank,
        dilation=windows.dilation,
        before=(0,) * windows.rank,
        output=windows.size,
    )
    source, target = [], []
    dimensions = zip(
        windows.output, windows.stride, windows.reach, windows.before, spread, strict=True
    )
    for output, stride, reach, before, length in dimensions:
        offset = reach - 1 - before
        # Windows that read nothing but padding would lie outside: they send nothing back.
        first = max(0, -(offset // stride))
        stop = max(first, min(output, -((offset - length) // stride)))
        source.append(slice(first, stop))
        target.append(slice(first * stride + offset, stop * stride + offset, stride))
    cotangent = np.zeros((*y_bar.shape[:2], *spread, y_bar.shape[-1]), y_bar.dtype)
    cotangent[:, :, *target] = y_bar[:, :, *source]
    return cotangent, full


def rotate(w: Array, groups: int) -> Array:
    r"""`w` rotated by 180 degrees with its channel axes exchanged, group by group.

    From (c_out, c_in / groups, \*kernel) to (c_in, c_out / groups, \*kernel).
    """
    c_out, c_in = w.shape[:2]
    exchanged = w.reshape(groups, c_out // groups, *w.shape[1:]).swapaxes(1, 2)
    rotated = np.flip(exchanged, tuple(range(3, exchanged.ndim)))
    return rotated.reshape(groups * c_in, c_out // groups, *w.shape[2:])
