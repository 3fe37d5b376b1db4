"""Scaled dot-product attention."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import torch

from benchmarks.operations_material.base import Array, Catalogue, Example, Operation, draws
from reference import attention

# Torch declares other types for it.
_by_torch: Any = torch.nn.functional.scaled_dot_product_attention


def reference(query: Any, key: Any, value: Any, mask: Any, *, is_causal: bool) -> Any:
    return _by_torch(query, key, value, mask, is_causal=is_causal)


def examples() -> tuple[Example, ...]:
    rng = draws(7)
    query, key, value = (rng.uniform(-2, 2, (2, length, 3)) for length in (4, 4, 4))
    short, three = query[:, :2], (key[:, :3], value[:, :3])
    allowed = np.array([[True, False, True, True], [False] * 4])
    return (
        ((query, key, value, None), {"is_causal": False}),
        ((query, key, value, None), {"is_causal": True}),
        ((short, key, value, None), {"is_causal": True}),
        ((short, key, value, allowed), {"is_causal": False}),
        ((query, *three, None), {"is_causal": False}),
    )


def forward(query: Array, key: Array, value: Array, mask: Any, *, is_causal: bool) -> Any:
    return attention.forward(query, key, value, mask, is_causal=is_causal)


OPERATION = Operation("attention", reference, forward, attention.vjp, examples, ("mask",))


def _masked(causal: Any) -> Any:
    """A forward whose causal mask is ``causal(l, s)``."""

    def forward(query: Array, key: Array, value: Array, mask: Any, *, is_causal: bool) -> Any:
        if is_causal:
            mask = causal(query.shape[-2], key.shape[-2])
        return attention.forward(query, key, value, mask)

    return forward


def _inverted(query: Array, key: Array, value: Array, mask: Any, *, is_causal: bool) -> Any:
    mask = None if mask is None else ~mask
    return attention.forward(query, key, value, mask, is_causal=is_causal)


def _scaled(scale: Any) -> Any:
    """A forward with ``scale(e)`` for the scale."""

    def forward(query: Array, key: Array, value: Array, mask: Any, *, is_causal: bool) -> Any:
        return attention.forward(
            query, key, value, mask, is_causal=is_causal, scale=scale(query.shape[-1])
        )

    return forward


def _over_queries(query: Array, key: Array, value: Array, mask: Any, *, is_causal: bool) -> Any:
    _, residuals = attention.forward(query, key, value, mask, is_causal=is_causal)
    scores = np.matmul(query, key.swapaxes(-1, -2)) * residuals.scale
    scores = np.where(residuals.weights > 0, scores, -np.inf)
    largest = scores.max(axis=-2, keepdims=True)
    weights = np.exp(scores - np.where(np.isneginf(largest), 0, largest))
    total = weights.sum(axis=-2, keepdims=True)
    weights = (weights / np.where(total == 0, 1, total)).astype(query.dtype)
    return np.matmul(weights, value), replace(residuals, weights=weights)


def _zero_by_zero(query: Array, key: Array, value: Array, mask: Any, *, is_causal: bool) -> Any:
    y, residuals = attention.forward(query, key, value, mask, is_causal=is_causal)
    total = residuals.weights.sum(axis=-1, keepdims=True)
    weights = np.where(total == 0, np.nan, residuals.weights).astype(y.dtype)
    return np.matmul(weights, residuals.value), replace(residuals, weights=weights)


def _vjp_of(scores_bar: Any, *, scaled: str = "query key") -> Any:
    """A vjp with ``scores_bar(weights, weights_bar)``, and the scale in some gradients."""

    def vjp(residuals: Any, y_bar: Array) -> tuple[Array, ...]:
        weights = residuals.weights
        value_bar = np.matmul(weights.swapaxes(-1, -2), y_bar)
        of_scores = scores_bar(weights, np.matmul(y_bar, residuals.value.swapaxes(-1, -2)))
        query_bar = np.matmul(of_scores, residuals.key)
        key_bar = np.matmul(of_scores.swapaxes(-1, -2), residuals.query)
        if "query" in scaled:
            query_bar = query_bar * residuals.scale
        if "key" in scaled:
            key_bar = key_bar * residuals.scale
        return query_bar, key_bar, value_bar

    return vjp


def _right(weights: Array, weights_bar: Array) -> Array:
    return weights * (weights_bar - (weights * weights_bar).sum(axis=-1, keepdims=True))


def _no_correction(weights: Array, weights_bar: Array) -> Array:
    return weights * weights_bar


def _over_keys(weights: Array, weights_bar: Array) -> Array:
    return weights * (weights_bar - (weights * weights_bar).sum(axis=-2, keepdims=True))


def _lanes_past_the_head(residuals: Any, y_bar: Array) -> tuple[Array, ...]:
    query_bar, key_bar, value_bar = attention.vjp(residuals, y_bar)
    keys = value_bar.shape[-2]
    heads = value_bar.reshape(-1, keys, value_bar.shape[-1]).copy()
    # Blocks of four keys: what is past the last one of a head lies in the next head.
    heads[1:, : min(keys, -keys % 4)] = 0
    return query_bar, key_bar, heads.reshape(value_bar.shape)


_ = Catalogue(OPERATION)

FAULTS = (
    _.fault(
        "attention-causal-mask-off-by-one",
        "RVC-Boss/GPT-SoVITS#965",
        "query i sees key i + 1: the diagonal of the mask is one too high",
        forward=_masked(lambda length, keys: np.tri(length, keys, 1, dtype=bool)),
    ),
    _.fault(
        "attention-causal-mask-without-itself",
        "RVC-Boss/GPT-SoVITS#965",
        "query i sees the keys before i only: the diagonal of the mask is one too low",
        forward=_masked(lambda length, keys: np.tri(length, keys, -1, dtype=bool)),
    ),
    _.fault(
        "attention-causal-from-the-last",
        "pytorch/executorch!22443",
        "the last query is aligned with the last key: shows where the lengths differ",
        forward=_masked(lambda length, keys: np.tri(length, keys, keys - length, dtype=bool)),
    ),
    _.fault(
        "attention-causal-mask-dropped",
        "facebookresearch/xformers#103",
        "without another mask the causal one is skipped",
        forward=_masked(lambda length, keys: np.ones((length, keys), dtype=bool)),
    ),
    _.fault(
        "attention-mask-inverted",
        "lucidrains/x-transformers#164",
        "True is taken for 'may not look'",
        forward=_inverted,
    ),
    _.fault(
        "attention-divided-by-the-inverse",
        "esceptico/perceiver-io#9",
        "the scores are divided by e ** -0.5, so multiplied by the root",
        forward=_scaled(sqrt),
    ),
    _.fault(
        "attention-scale-without-root",
        "thegregyang/NTK4A#3",
        "the scores are divided by e, not by its root",
        forward=_scaled(lambda width: 1 / width),
    ),
    _.fault(
        "attention-softmax-over-queries",
        "PetrochukM/PyTorch-NLP#2",
        "the weights of a key add up to 1, not those of a query",
        forward=_over_queries,
    ),
    _.fault(
        "attention-nothing-by-nothing",
        "tracel-ai/burn!4697",
        "a query that may not look at any key gets NaN, and NaN goes back to all keys",
        forward=_zero_by_zero,
    ),
    _.fault(
        "attention-no-correction-term",
        "HKUSTDial/flash-sparse-attention!109",
        "the cotangent of the scores lacks the sum over the row",
        vjp=_vjp_of(_no_correction),
    ),
    _.fault(
        "attention-correction-over-keys",
        "PetrochukM/PyTorch-NLP#2",
        "in the backward the sum runs over queries: the forward is right",
        vjp=_vjp_of(_over_keys),
    ),
    _.fault(
        "attention-key-gradient-unscaled",
        "Dao-AILab/flash-attention!2657",
        "key_bar is not multiplied by the scale",
        vjp=_vjp_of(_right, scaled="query"),
    ),
    _.fault(
        "attention-lanes-past-the-head",
        "flagos-ai/FlagGems!898",
        "where the keys fill no whole block, a head's last block overwrites the first rows of the "
        "next head's value_bar",
        vjp=_lanes_past_the_head,
    ),
)
