"""Rows of a table, by index."""

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


def reference(index: Any, weight: Any, *, padding_idx: int | None) -> Any:
    return torch.nn.functional.embedding(index, weight, padding_idx)


def examples() -> tuple[Example, ...]:
    weight = draws(14).uniform(-2, 2, (5, 3))
    index = np.array([[1, 3, 1], [0, 4, 1]])
    return (((index, weight), {"padding_idx": None}), ((index, weight), {"padding_idx": 4}))


def _forward(index: Array, weight: Array, *, padding_idx: int | None) -> tuple[Array, Any]:
    return weight[index], (index, weight.shape, padding_idx)


def _cleared(weight_bar: Array, padding_idx: int | None) -> tuple[Array]:
    if padding_idx is not None:
        weight_bar[padding_idx] = 0
    return (weight_bar,)


def _scattered(index: Array, shape: Any, y_bar: Array) -> Array:
    weight_bar = np.zeros(shape, y_bar.dtype)
    np.add.at(weight_bar, index, y_bar)
    return weight_bar


def _vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
    index, shape, padding_idx = residuals
    return _cleared(_scattered(index, shape, y_bar), padding_idx)


OPERATION = Operation(
    "embedding", reference, *widened(_forward, _vjp), examples, constant=("index",)
)


def _overwritten(residuals: Any, y_bar: Array) -> tuple[Array]:
    index, shape, padding_idx = residuals
    weight_bar = np.zeros(shape, y_bar.dtype)
    weight_bar[index] = y_bar
    return _cleared(weight_bar, padding_idx)


def _buffered(residuals: Any, y_bar: Array) -> tuple[Array]:
    index, shape, padding_idx = residuals
    weight_bar = np.zeros(shape, y_bar.dtype)
    # Each index is read once, added to, and written: the copies do not see one another.
    weight_bar[index] += y_bar
    return _cleared(weight_bar, padding_idx)


def _padding_counts(residuals: Any, y_bar: Array) -> tuple[Array]:
    index, shape, _ = residuals
    return (_scattered(index, shape, y_bar),)


def _averaged(residuals: Any, y_bar: Array) -> tuple[Array]:
    index, shape, padding_idx = residuals
    counts = np.maximum(np.bincount(index.ravel(), minlength=shape[0]), 1)
    weight_bar = _scattered(index, shape, y_bar) / counts[:, None].astype(y_bar.dtype)
    return _cleared(weight_bar, padding_idx)


def _first_row(residuals: Any, y_bar: Array) -> tuple[Array]:
    _, shape, padding_idx = residuals
    weight_bar = np.zeros(shape, y_bar.dtype)
    weight_bar[0] = y_bar.reshape(-1, shape[1]).sum(axis=0)
    return _cleared(weight_bar, padding_idx)


_ = Catalogue(OPERATION)

FAULTS = (
    _.fault(
        "embedding-repeated-indices-overwritten",
        "pytorch/pytorch#1528",
        "a row that was read more than once gets the last cotangent only",
        forward=_forward,
        vjp=_overwritten,
    ),
    _.fault(
        "embedding-repeated-indices-buffered",
        "ooples/AiDotNet.Tensors!894",
        "weight_bar[index] += y_bar adds once for each index, however often it comes",
        forward=_forward,
        vjp=_buffered,
    ),
    _.fault(
        "embedding-gradient-of-padding",
        "pytorch/pytorch#26302",
        "the row of padding_idx gets a gradient",
        forward=_forward,
        vjp=_padding_counts,
    ),
    _.fault(
        "embedding-gradient-averaged",
        "pytorch/pytorch#190063",
        "a row is divided by how often it was read, as nobody asked for",
        forward=_forward,
        vjp=_averaged,
    ),
    _.fault(
        "embedding-all-into-the-first-row",
        "tsotchke/eshkol!392",
        "all cotangents are added to row 0",
        forward=_forward,
        vjp=_first_row,
    ),
)
