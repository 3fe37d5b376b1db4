"""Adaptive average and max pooling of one dimension."""

from __future__ import annotations

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


def avg_of_torch(x: Any, *, output_size: int) -> Any:
    return torch.nn.functional.adaptive_avg_pool1d(x, output_size)


def max_of_torch(x: Any, *, output_size: int) -> Any:
    return torch.nn.functional.adaptive_max_pool1d(x, output_size)


def examples() -> tuple[Example, ...]:
    rng = draws(16)
    sizes = ((6, 3), (7, 3), (5, 4), (4, 1), (7, 4))
    return tuple(((rng.uniform(-2, 2, (2, 3, n)),), {"output_size": out}) for n, out in sizes)


def _bounds(size: int, output_size: int) -> list[tuple[int, int]]:
    """From floor(i n / out) to ceil((i + 1) n / out)."""
    return [
        (i * size // output_size, -(-(i + 1) * size // output_size)) for i in range(output_size)
    ]


def _floored(size: int, output_size: int) -> list[tuple[int, int]]:
    return [(i * size // output_size, (i + 1) * size // output_size) for i in range(output_size)]


def _averages(bounds: Any) -> Any:
    def forward(x: Array, *, output_size: int) -> tuple[Array, Any]:
        windows = bounds(x.shape[-1], output_size)
        y = np.stack([x[..., a:b].mean(axis=-1) for a, b in windows], axis=-1)
        return y, (x.shape, windows)

    return forward


def _shared(residuals: Any, y_bar: Array) -> tuple[Array]:
    shape, windows = residuals
    x_bar = np.zeros(shape, y_bar.dtype)
    for i, (a, b) in enumerate(windows):
        x_bar[..., a:b] += y_bar[..., i, None] / (b - a)
    return (x_bar,)


def _maxima(x: Array, *, output_size: int) -> tuple[Array, Any]:
    windows = _bounds(x.shape[-1], output_size)
    winners = np.stack([x[..., a:b].argmax(axis=-1) for a, b in windows], axis=-1)
    places = winners + np.array([a for a, _ in windows])
    return np.take_along_axis(x, places, axis=-1), (x.shape, winners, places)


def _to_winners(residuals: Any, y_bar: Array) -> tuple[Array]:
    shape, _, places = residuals
    return (_sent(shape, places, y_bar),)


def _sent(shape: Any, places: Array, y_bar: Array) -> Array:
    x_bar = np.zeros(shape, y_bar.dtype)
    np.add.at(x_bar, (*np.indices(places.shape)[:-1], places), y_bar)
    return x_bar


AVG = Operation(
    "adaptive_avg_pool1d", avg_of_torch, *widened(_averages(_bounds), _shared), examples
)
MAX = Operation("adaptive_max_pool1d", max_of_torch, *widened(_maxima, _to_winners), examples)


def _constant_divisor(residuals: Any, y_bar: Array) -> tuple[Array]:
    shape, windows = residuals
    divisor = -(-shape[-1] // len(windows))
    x_bar = np.zeros(shape, y_bar.dtype)
    for i, (a, b) in enumerate(windows):
        x_bar[..., a:b] += y_bar[..., i, None] / divisor
    return (x_bar,)


def _overwritten_shares(residuals: Any, y_bar: Array) -> tuple[Array]:
    shape, windows = residuals
    x_bar = np.zeros(shape, y_bar.dtype)
    for i, (a, b) in enumerate(windows):
        x_bar[..., a:b] = y_bar[..., i, None] / (b - a)
    return (x_bar,)


def _strided(x: Array, *, output_size: int) -> tuple[Array, Any]:
    if x.shape[-1] % output_size:
        return _averages(_bounds)(x, output_size=output_size)
    columns = x.reshape(*x.shape[:-1], x.shape[-1] // output_size, output_size)
    return columns.mean(axis=-2), (x.shape, _bounds(x.shape[-1], output_size))


def _last_write_wins(residuals: Any, y_bar: Array) -> tuple[Array]:
    shape, _, places = residuals
    x_bar = np.zeros(shape, y_bar.dtype)
    np.put_along_axis(x_bar, places, y_bar, axis=-1)
    return (x_bar,)


def _places_in_the_window(residuals: Any, y_bar: Array) -> tuple[Array]:
    shape, winners, _ = residuals
    return (_sent(shape, winners, y_bar),)


_avgs, _maxs = Catalogue(AVG), Catalogue(MAX)

FAULTS = (
    _avgs.fault(
        "adaptive-avg-pool-end-rounded-down",
        "flagos-ai/FlagGems#4915",
        "windows end at floor((i + 1) n / out): right where the sizes divide",
        forward=_averages(_floored),
        vjp=_shared,
    ),
    _avgs.fault(
        "adaptive-avg-pool-constant-divisor",
        "PaddlePaddle/Paddle!74077",
        "the backward divides by ceil(n / out) in every window",
        forward=_averages(_bounds),
        vjp=_constant_divisor,
    ),
    _avgs.fault(
        "adaptive-avg-pool-overlap-overwritten",
        "ahrefs/ocannl#512",
        "a cell of two windows gets the share of the last one only",
        forward=_averages(_bounds),
        vjp=_overwritten_shares,
    ),
    _avgs.fault(
        "adaptive-avg-pool-strided",
        "riccardomusmeci/mlx-image#16",
        "cells n / out apart are averaged, not neighbours: right for an output of 1",
        forward=_strided,
        vjp=_shared,
    ),
    _maxs.fault(
        "adaptive-max-pool-last-write-wins",
        "ahrefs/ocannl#512",
        "a cell that wins two windows gets the cotangent of the last one only",
        forward=_maxima,
        vjp=_last_write_wins,
    ),
    _maxs.fault(
        "adaptive-max-pool-places-in-the-window",
        "pytorch/pytorch!2722",
        "indices relative to the window are taken for places of the input",
        forward=_maxima,
        vjp=_places_in_the_window,
    ),
)
