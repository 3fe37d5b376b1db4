"""Nearest and linear interpolation of one dimension, to a given size."""

from __future__ import annotations

from math import ceil
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


def nearest_of_torch(x: Any, *, size: int) -> Any:
    return torch.nn.functional.interpolate(x, size, mode="nearest")


def linear_of_torch(x: Any, *, size: int, align_corners: bool) -> Any:
    return torch.nn.functional.interpolate(x, size, mode="linear", align_corners=align_corners)


_SIZES = ((3, 6), (2, 10), (5, 7), (6, 4), (8, 2))


def _nearest_examples() -> tuple[Example, ...]:
    rng = draws(19)
    return tuple(((rng.uniform(-2, 2, (2, 3, n)),), {"size": size}) for n, size in _SIZES)


def _linear_examples() -> tuple[Example, ...]:
    return tuple(
        (x, {**params, "align_corners": aligned})
        for aligned in (False, True)
        for x, params in _nearest_examples()
    )


def _matrix(places: Array, n: int, shares: Array | None = None) -> Array:
    """What each output takes of each input, (size, n)."""
    matrix = np.zeros((len(places), n))
    np.add.at(matrix, (np.arange(len(places)), places), 1 if shares is None else shares)
    return matrix


def _nearest(n: int, size: int) -> Array:
    return _matrix(np.arange(size) * n // size, n)


def _linear(n: int, size: int, *, align_corners: bool) -> Array:
    steps = np.arange(size)
    if align_corners:
        sources = steps * (n - 1) / max(size - 1, 1)
    else:
        sources = np.maximum((steps + 0.5) * n / size - 0.5, 0)
    left = np.minimum(sources.astype(int), n - 1)
    right, share = np.minimum(left + 1, n - 1), sources - left
    return _matrix(left, n, 1 - share) + _matrix(right, n, share)


def _by(matrix: Any, back: Any = None) -> tuple[Any, Any]:
    """A pair that multiplies by ``matrix(n, size, **params)``, and back by another one."""

    def forward(x: Array, *, size: int, **params: Any) -> tuple[Array, Any]:
        of_y = matrix(x.shape[-1], size, **params).astype(x.dtype)
        of_x = of_y if back is None else back(x.shape[-1], size, **params).astype(x.dtype)
        return x @ of_y.T, of_x

    def vjp(of_x: Array, y_bar: Array) -> tuple[Array]:
        return (y_bar @ of_x,)

    return forward, vjp


NEAREST = Operation(
    "upsample_nearest1d", nearest_of_torch, *widened(*_by(_nearest)), _nearest_examples
)
LINEAR = Operation("upsample_linear1d", linear_of_torch, *widened(*_by(_linear)), _linear_examples)


def _centres(n: int, size: int) -> Array:
    return _matrix(np.minimum(((np.arange(size) + 0.5) * n / size).astype(int), n - 1), n)


def _far_side(n: int, size: int) -> Array:
    # The last cell of the stretch that an output stands for, not the first.
    return _matrix(np.minimum(-(-(np.arange(size) + 1) * n // size) - 1, n - 1), n)


def _averaged(n: int, size: int) -> Array:
    matrix = _nearest(n, size)
    return matrix / np.maximum(matrix.sum(axis=0), 1)


def _never_aligned(n: int, size: int, *, align_corners: bool) -> Array:
    return _linear(n, size, align_corners=False)


def _from_the_corner(n: int, size: int, *, align_corners: bool) -> Array:
    if align_corners:
        return _linear(n, size, align_corners=True)
    sources = np.arange(size) * n / size
    left = np.minimum(sources.astype(int), n - 1)
    right, share = np.minimum(left + 1, n - 1), sources - left
    return _matrix(left, n, 1 - share) + _matrix(right, n, share)


def _narrow_window(n: int, size: int, *, align_corners: bool) -> Array:
    matrix = _linear(n, size, align_corners=align_corners)
    if align_corners and n > 1:
        # Outputs are scanned around each input as far as the stretch without aligned corners goes.
        centres = np.arange(n) * (size - 1) / (n - 1)
        near = np.abs(np.arange(size)[:, None] - centres) <= ceil(size / n)
        matrix = matrix * near
    return matrix


_nearests, _linears = Catalogue(NEAREST), Catalogue(LINEAR)


def _pair(*matrices: Any) -> dict[str, Any]:
    forward, vjp = _by(*matrices)
    return {"forward": forward, "vjp": vjp}


FAULTS = (
    _nearests.fault(
        "upsample-nearest-from-centres",
        "Oneflow-Inc/oneflow!5347",
        "the source is floor((i + 1/2) n / size): right for whole factors",
        **_pair(_centres),
    ),
    _nearests.fault(
        "upsample-nearest-gradient-to-the-far-side",
        "pytorch/pytorch#38985",
        "the cotangent goes to the last cell of a stretch, not to the first that was read: shows "
        "where the size shrinks",
        **_pair(_nearest, _far_side),
    ),
    _nearests.fault(
        "upsample-nearest-gradient-averaged",
        "davisking/dlib!336",
        "the backward takes the mean of the copies, not their sum",
        **_pair(_nearest, _averaged),
    ),
    _linears.fault(
        "upsample-linear-corners-never-aligned",
        "tenstorrent/tt-metal#27001",
        "align_corners is not read",
        **_pair(_never_aligned),
    ),
    _linears.fault(
        "upsample-linear-from-the-corner",
        "pytorch/pytorch!5927",
        "without aligned corners the half cell is forgotten",
        **_pair(_from_the_corner),
    ),
    _linears.fault(
        "upsample-linear-terms-dropped",
        "flagos-ai/FlagGems#5218",
        "with aligned corners the backward scans too few outputs: shows for large factors",
        **_pair(_linear, _narrow_window),
    ),
)
