"""Group normalization of (n, c, *size)."""

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


def reference(x: Any, weight: Any, bias: Any, *, groups: int, eps: float) -> Any:
    return torch.nn.functional.group_norm(x, groups, weight, bias, eps)


def examples() -> tuple[Example, ...]:
    rng = draws(4)
    x = rng.uniform(-2, 2, (2, 6, 4)) + np.arange(6)[:, None]
    weight, bias = rng.uniform(0.5, 2, 6), rng.uniform(-1, 1, 6)
    return (
        ((x, weight, bias), {"groups": 2, "eps": 1e-5}),
        ((x, weight, bias), {"groups": 6, "eps": 1e-5}),
        ((x, weight, bias), {"groups": 1, "eps": 1e-3}),
    )


def _per_channel(values: Array, x: Array) -> Array:
    return values.reshape(1, -1, *(1,) * (x.ndim - 2))


def _by_group(x: Array, groups: int) -> Array:
    return x.reshape(len(x), groups, prod(x.shape[1:]) // groups)


def _moments(x: Array, groups: int) -> tuple[Array, Array]:
    """Mean and variance of each group, (n, groups, 1)."""
    rows = _by_group(x, groups)
    return rows.mean(axis=-1, keepdims=True), rows.var(axis=-1, keepdims=True)


def _forward_of(moments: Any) -> Any:
    def forward(x: Array, weight: Array, bias: Array, *, groups: int, eps: float) -> Any:
        mean, variance = moments(x, groups)
        rstd = 1 / np.sqrt(variance + eps)
        normal = (_by_group(x, groups) - mean) * rstd
        y = normal.reshape(x.shape) * _per_channel(weight, x) + _per_channel(bias, x)
        return y, (x, normal, mean, rstd, weight)

    return forward


def _vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    _, normal, _, rstd, weight = residuals
    axes = (0, *range(2, y_bar.ndim))
    weight_bar = (y_bar * normal.reshape(y_bar.shape)).sum(axis=axes)
    delta = (y_bar * _per_channel(weight, y_bar)).reshape(normal.shape)
    stretch = (delta * normal).mean(axis=-1, keepdims=True)
    x_bar = rstd * (delta - delta.mean(axis=-1, keepdims=True) - normal * stretch)
    return x_bar.reshape(y_bar.shape), weight_bar, y_bar.sum(axis=axes)


forward, vjp = widened(_forward_of(_moments), _vjp)

OPERATION = Operation("group_norm", reference, forward, vjp, examples)


def _interleaved(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x, _, mean, rstd, _ = residuals
    x_bar, _, bias_bar = _vjp(residuals, y_bar)
    group = np.arange(x.shape[1]) % mean.shape[1]
    rows = x.reshape(*x.shape[:2], prod(x.shape[2:]))
    of_channels = (rows - mean[:, group]) * rstd[:, group]
    axes = (0, *range(2, y_bar.ndim))
    return x_bar, (y_bar * of_channels.reshape(x.shape)).sum(axis=axes), bias_bar


def _lanes_of_the_next(x: Array, groups: int) -> tuple[Array, Array]:
    size = x.shape[1] // groups
    lanes = 1 << (size - 1).bit_length()
    parts = [x[:, g * size : g * size + lanes] for g in range(groups)]
    n = size * prod(x.shape[2:])
    axes = tuple(range(1, x.ndim))
    mean = np.stack([part.sum(axis=axes) / n for part in parts], axis=1)[..., None]
    shape = (-1, *(1,) * (x.ndim - 1))
    variance = np.stack(
        [
            np.square(part - mean[:, g, 0].reshape(shape)).sum(axis=axes) / n
            for g, part in enumerate(parts)
        ],
        axis=1,
    )[..., None]
    return mean, variance


def _without_affine(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x_bar, weight_bar, bias_bar = _vjp(residuals, y_bar)
    return x_bar, np.zeros_like(weight_bar), np.zeros_like(bias_bar)


_ = Catalogue(OPERATION)

FAULTS = (
    _.fault(
        "group-norm-groups-interleaved-in-weight-gradient",
        "tenstorrent/tt-metal!56202",
        "weight_bar takes channel c for one of group c % groups, where it is c // (c / groups)",
        forward=_forward_of(_moments),
        vjp=_interleaved,
    ),
    _.fault(
        "group-norm-lanes-of-the-next-group",
        "flagos-ai/FlagGems!4985",
        "a group whose size is no power of two counts channels of the next one",
        forward=_forward_of(_lanes_of_the_next),
        vjp=_vjp,
    ),
    _.fault(
        "group-norm-no-gradient-of-weight-and-bias",
        "paiml/aprender!2200",
        "weight_bar and bias_bar are 0",
        forward=_forward_of(_moments),
        vjp=_without_affine,
    ),
)
