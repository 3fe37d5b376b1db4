"""Unfold (windows as columns) and fold (columns added up where they came from)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch

from benchmarks.operations_material.base import (
    Array,
    Catalogue,
    Example,
    Operation,
    draws,
    widened,
)
from reference.windows import Windows

Pair = tuple[int, int]


def unfold_of_torch(
    x: Any, *, kernel_size: Pair, dilation: Pair, padding: Pair, stride: Pair
) -> Any:
    return torch.nn.functional.unfold(x, kernel_size, dilation, padding, stride)


def fold_of_torch(
    x: Any, *, output_size: Pair, kernel_size: Pair, dilation: Pair, padding: Pair, stride: Pair
) -> Any:
    return torch.nn.functional.fold(x, output_size, kernel_size, dilation, padding, stride)


_PARAMS: tuple[dict[str, Pair], ...] = (
    {"kernel_size": (2, 3), "dilation": (1, 1), "padding": (0, 0), "stride": (1, 1)},
    {"kernel_size": (3, 2), "dilation": (1, 2), "padding": (1, 1), "stride": (2, 1)},
    {"kernel_size": (2, 2), "dilation": (1, 1), "padding": (0, 0), "stride": (2, 2)},
)
_SIZE = (5, 6)


def _windows(size: Pair, kernel_size: Pair, dilation: Pair, padding: Pair, stride: Pair) -> Windows:
    height, width = (
        (s + 2 * p - d * (k - 1) - 1) // step + 1
        for s, k, d, p, step in zip(size, kernel_size, dilation, padding, stride, strict=True)
    )
    return Windows(size, kernel_size, stride, dilation, padding, (height, width))


def _unfold_examples() -> tuple[Example, ...]:
    x = draws(17).uniform(-2, 2, (2, 3, *_SIZE))
    return tuple(((x,), dict(params)) for params in _PARAMS)


def _fold_examples() -> tuple[Example, ...]:
    rng = draws(18)
    made = []
    for params in _PARAMS:
        windows = _windows(_SIZE, **params)
        shape = (2, 3 * prod(windows.kernel), prod(windows.output))
        made.append(((rng.uniform(-2, 2, shape),), {"output_size": _SIZE, **params}))
    return tuple(made)


def _columns(x: Array, windows: Windows) -> Array:
    plane = windows.pad(x, 0)
    taps = [plane[cells] for _, cells in windows.tapped()]
    return np.stack(taps, axis=2).reshape(len(x), x.shape[1] * len(taps), prod(windows.output))


def _added(columns: Array, windows: Windows, *, add: bool = True) -> Array:
    """The plane on which columns are added up, or written over one another."""
    n, taps = len(columns), prod(windows.kernel)
    cells = columns.reshape(n, columns.shape[1] // taps, taps, *windows.output)
    plane = np.zeros((n, cells.shape[1], *windows.padded), columns.dtype)
    for tap, (_, place) in enumerate(windows.tapped()):
        if add:
            plane[place] += cells[:, :, tap]
        else:
            plane[place] = cells[:, :, tap]
    return plane[windows.inside]


def _unfold(x: Array, **params: Pair) -> tuple[Array, Windows]:
    windows = _windows((x.shape[2], x.shape[3]), **params)
    return _columns(x, windows), windows


def _unfold_vjp(windows: Windows, y_bar: Array) -> tuple[Array]:
    return (_added(y_bar, windows),)


def _fold(x: Array, *, output_size: Pair, **params: Pair) -> tuple[Array, Windows]:
    windows = _windows(output_size, **params)
    return _added(x, windows), windows


def _fold_vjp(windows: Windows, y_bar: Array) -> tuple[Array]:
    return (_columns(y_bar, windows),)


UNFOLD = Operation("unfold", unfold_of_torch, *widened(_unfold, _unfold_vjp), _unfold_examples)
FOLD = Operation("fold", fold_of_torch, *widened(_fold, _fold_vjp), _fold_examples)


def _taps_first(x: Array, **params: Pair) -> tuple[Array, Windows]:
    columns, windows = _unfold(x, **params)
    taps = prod(windows.kernel)
    by_tap = columns.reshape(len(x), x.shape[1], taps, columns.shape[-1]).swapaxes(1, 2)
    return by_tap.reshape(columns.shape), windows


def _taps_first_vjp(windows: Windows, y_bar: Array) -> tuple[Array]:
    taps = prod(windows.kernel)
    by_tap = y_bar.reshape(len(y_bar), taps, y_bar.shape[1] // taps, y_bar.shape[-1])
    return (_added(by_tap.swapaxes(1, 2).reshape(y_bar.shape), windows),)


def _overwritten_vjp(windows: Windows, y_bar: Array) -> tuple[Array]:
    return (_added(y_bar, windows, add=False),)


def _overwritten(x: Array, *, output_size: Pair, **params: Pair) -> tuple[Array, Windows]:
    windows = _windows(output_size, **params)
    return _added(x, windows, add=False), windows


def _averaged(x: Array, *, output_size: Pair, **params: Pair) -> tuple[Array, Windows]:
    y, windows = _fold(x, output_size=output_size, **params)
    return y / np.maximum(_added(np.ones_like(x), windows), 1), windows


_unfolds, _folds = Catalogue(UNFOLD), Catalogue(FOLD)

FAULTS = (
    _unfolds.fault(
        "unfold-taps-before-channels",
        "pytorch/executorch!20708",
        "rows come by tap and then by channel: right for one channel",
        forward=_taps_first,
        vjp=_taps_first_vjp,
    ),
    _unfolds.fault(
        "unfold-gradient-overwritten",
        "oreilly-japan/deep-learning-from-scratch#27",
        "a cell of several windows gets the cotangent of the last one: '=' for '+='",
        forward=_unfold,
        vjp=_overwritten_vjp,
    ),
    _folds.fault(
        "fold-overwritten",
        "Mr-TalhaIlyas/EMPatches#2",
        "where columns overlap, the last one stays",
        forward=_overwritten,
        vjp=_fold_vjp,
    ),
    _folds.fault(
        "fold-averaged",
        "dovahcrow/patchify.py#11",
        "where columns overlap, their mean is taken, as the inverse of unfold does",
        forward=_averaged,
        vjp=_fold_vjp,
    ),
)
