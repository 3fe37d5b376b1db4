"""Rotary embeddings: pairs of cells, half a row apart, are turned by an angle for each position."""

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


def reference(x: Any, cos: Any, sin: Any) -> Any:
    """Return ``x cos + turned(x) sin``, where both tables have a number for each cell of a row."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


def examples() -> tuple[Example, ...]:
    rng = draws(11)
    angles = np.arange(5)[:, None] / 10.0 ** np.arange(3)
    same = np.concatenate([angles, angles], axis=-1)
    planes = np.concatenate([angles, angles[::-1]], axis=-1)
    x = rng.uniform(-2, 2, (2, 5, 6))
    return (((x, np.cos(same), np.sin(same)), {}), ((x, np.cos(planes), np.sin(planes)), {}))


def _turned(x: Array) -> Array:
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([-second, first], axis=-1)


def _turned_back(x: Array) -> Array:
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([second, -first], axis=-1)


def _forward(x: Array, cos: Array, sin: Array) -> tuple[Array, Any]:
    return x * cos + _turned(x) * sin, (cos, sin)


def _vjp(tables: Any, y_bar: Array) -> tuple[Array]:
    cos, sin = tables
    return (y_bar * cos + _turned_back(y_bar * sin),)


OPERATION = Operation(
    "rotary", reference, *widened(_forward, _vjp), examples, constant=("cos", "sin")
)


def _same_direction(tables: Any, y_bar: Array) -> tuple[Array]:
    cos, sin = tables
    return (y_bar * cos + _turned(y_bar * sin),)


def _turned_before(tables: Any, y_bar: Array) -> tuple[Array]:
    cos, sin = tables
    return (y_bar * cos + _turned_back(y_bar) * sin,)


def _neighbours(x: Array) -> Array:
    turned = np.empty_like(x)
    turned[..., 0::2], turned[..., 1::2] = -x[..., 1::2], x[..., 0::2]
    return turned


def _interleaved(x: Array, cos: Array, sin: Array) -> tuple[Array, Any]:
    return x * cos + _neighbours(x) * sin, (cos, sin)


def _interleaved_vjp(tables: Any, y_bar: Array) -> tuple[Array]:
    cos, sin = tables
    return (y_bar * cos - _neighbours(y_bar * sin),)


def _first_half_of_tables(x: Array, cos: Array, sin: Array) -> tuple[Array, Any]:
    half = x.shape[-1] // 2
    tables = tuple(np.concatenate([each[..., :half]] * 2, axis=-1) for each in (cos, sin))
    return _forward(x, *tables)


_ = Catalogue(OPERATION)

FAULTS = (
    _.fault(
        "rotary-turned-the-same-way-back",
        "ngxson/llama.cpp!59",
        "the backward turns as the forward did: the sine keeps its sign",
        forward=_forward,
        vjp=_same_direction,
    ),
    _.fault(
        "rotary-sine-after-the-turn",
        "huggingface/candle!3612",
        "the backward is the forward with the sine negated: right where both halves of the table "
        "are equal",
        forward=_forward,
        vjp=_turned_before,
    ),
    _.fault(
        "rotary-neighbours-for-halves",
        "raiyanyahya/how-to-train-your-gpt#6",
        "neighbours are turned together, not cells half a row apart",
        forward=_interleaved,
        vjp=_interleaved_vjp,
    ),
    _.fault(
        "rotary-second-half-of-the-table-dropped",
        "Tencent/ncnn#6833",
        "the first half of the tables serves both halves of a row",
        forward=_first_half_of_tables,
        vjp=_vjp,
    ),
)
