"""Windows that hold NaN: what a maximum makes of them is a convention, and all else is not."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array
from bpcheck.operations.windowed.subgradients import Rounding, conserves, plane_cells
from bpcheck.operations.windowed.window import Window

#: What a plane's windows read, ``(planes, out, k)``, and the cells where they do, ``(out, k)``.
Read = tuple[Array, NDArray[np.int64]]


def read_by(windows: Sequence[Window], x: Array) -> Read:
    """What each window reads of ``x``, ``(n, c, *image)``; padding is -inf."""
    cells = plane_cells(windows)
    planes = x.reshape(prod(x.shape[:2]), prod(x.shape[2:]))
    return np.where(cells >= 0, planes[:, cells], -np.inf), cells


def are_maxima(read: Read, y: Array) -> bool:
    """Whether each window has its maximum, where NaN wins or is passed over.

    C's ``fmax`` passes it over, and so does a loop that asks ``value > best``.
    """
    values, _ = read
    got = y.reshape(values.shape[:2])
    numbers = np.where(np.isnan(values), -np.inf, values).max(axis=-1)
    wins = np.isnan(values).any(axis=-1) & np.isnan(got)
    return bool((wins | (got == numbers)).all())


def are_shares(
    read: Read,
    y_bar: Array,
    x_bar: Array,
    *,
    slack: float,
    floor: float,
    y: Array | None = None,
) -> bool:
    """Whether every cell has what windows without NaN send it, and no more than others may.

    Of a window with NaN the cotangent may go to any of its cells, or nowhere: no cell equals the
    maximum where that is NaN. Who shares it out among those that do divides 0 by 0: then all its
    cells are NaN, if none equals what `y` has for it. Equals of a window without NaN share out what
    it holds, and lose none of it, unless nothing in it is above -inf. Where no window has NaN,
    nothing is a matter of that convention. `slack` and `floor` are what rounding may do, as for
    `bpcheck.operations.windowed.subgradients.is_subgradient`.
    """
    values, cells = read
    planes, size = len(values), prod(x_bar.shape[2:])
    got, sent = x_bar.ravel(), y_bar.reshape(values.shape[:2])
    spoilt = np.isnan(values.max(axis=-1))
    if not spoilt.any():
        return False
    largest = values.max(axis=-1, keepdims=True)
    equals = values == largest
    wins, free = (cells >= 0) & equals, (cells >= 0) & spoilt[..., None]
    loses = (largest == -np.inf).all(axis=-1)
    alone = wins & (wins.sum(axis=-1, keepdims=True) == 1) & ~loses[..., None]
    flat = np.arange(planes)[:, None, None] * size + np.maximum(cells, 0)

    def total(shares: Array, where: Array) -> Array:
        picked = np.broadcast_to(shares, where.shape)[where]
        return np.bincount(flat[where], weights=picked, minlength=got.size)

    share = np.broadcast_to(sent[..., None], wins.shape)
    tied = (wins & ~alone) | free
    least = total(share, alone) + total(np.minimum(share, 0), tied)
    most = total(share, alone) + total(np.maximum(share, 0), tied)
    reached = alone | tied
    bound = slack * total(np.abs(share), reached) + floor * total(np.ones_like(share), reached)
    divided = np.zeros(got.shape, dtype=bool)
    if y is not None:
        nobody = ~(values == y.reshape(*spoilt.shape, 1)).any(axis=-1, keepdims=True)
        divided[flat[free & nobody]] = True
    between = (got >= least - bound) & (got <= most + bound)
    if not (between | (divided & np.isnan(got))).all():
        return False
    linked = wins | free
    window = np.broadcast_to(np.arange(spoilt.size).reshape(*spoilt.shape, 1), linked.shape)
    return conserves(
        flat[linked],
        window[linked],
        sent.ravel(),
        got,
        Rounding(slack, floor),
        free=(spoilt | loses).ravel(),
    )
