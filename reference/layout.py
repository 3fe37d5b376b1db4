r"""Channels first, as operands come, and channels last and by group, as convolutions compute.

With the channels last, what a window reads along a line of the plane is one run of memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.operands import Array
from reference.windows import Windows


def channels_last(x: Array, groups: int) -> Array:
    r"""`x` (n, c, \*size) as (groups, n, \*size, c / groups): a view where `x` allows it."""
    n, c = x.shape[:2]
    by_group = x.reshape(n, groups, c // groups, *x.shape[2:])
    return by_group.transpose(1, 0, *range(3, by_group.ndim), 2)


def channels_first(x: Array) -> Array:
    r"""`x` (groups, n, \*size, c / groups) as (n, c, \*size): a view where there is one group."""
    x = x.transpose(1, 0, x.ndim - 1, *range(2, x.ndim - 1))
    return x.reshape(x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:])


def pad(x: Array, windows: Windows, dtype: np.dtype[Any]) -> Array:
    r"""A zero-padded copy of `x` (groups, n, \*size, c / groups)."""
    padded = np.zeros((*x.shape[:2], *windows.padded, x.shape[-1]), dtype)
    padded[(*windows.inside, slice(None))] = x
    return padded


def interleave(y_bar: Array, windows: Windows, dtype: np.dtype[Any]) -> tuple[Array, Windows]:
    r"""`y_bar` with zeros between and around, and the stride-1 windows over it that give ``x_bar``.

    Along one dimension, ``x_bar[p]`` is the sum of ``w[t] y_bar[i]`` over all ``i * stride + t *
    dilation = p + before``. Put ``y_bar[i]`` at cell ``i * stride + offset`` with ``offset = reach
    - 1 - before``, and rotate the kernel: then the window that starts at cell ``p`` holds that sum.

    Parameters
    ----------
    y_bar
        Cotangent, (groups, n, \*output, c_out / groups), or (n, c_out, \*output).

    Returns
    -------
    cotangent, full
        As `y_bar` with \*size + reach - 1 for the plane, and the windows: one for each input cell.
    """
    spread = tuple(line.size + line.reach - 1 for line in windows.lines())
    full = Windows(
        size=spread,
        kernel=windows.kernel,
        stride=(1,) * windows.rank,
        dilation=windows.dilation,
        before=(0,) * windows.rank,
        output=windows.size,
    )
    source, target = [], []
    for line, length in zip(windows.lines(), spread, strict=True):
        offset = line.reach - 1 - line.before
        # Windows that read nothing but padding would lie outside: they send nothing back.
        first = max(0, -(offset // line.stride))
        stop = max(first, min(line.output, -((offset - length) // line.stride)))
        source.append(slice(first, stop))
        target.append(slice(first * line.stride + offset, stop * line.stride + offset, line.stride))
    cotangent = np.zeros((*y_bar.shape[:2], *spread, *y_bar.shape[2 + windows.rank :]), dtype)
    cotangent[:, :, *target] = y_bar[:, :, *source]
    return cotangent, full
