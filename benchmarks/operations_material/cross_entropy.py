"""Softmax cross-entropy against labels, some ignored, with weights and smoothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.operations_material.base import Array, Catalogue, Example, Operation, draws
from reference import cross_entropy


def reference(
    logits: Any,
    target: Any,
    weight: Any,
    *,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    return torch.nn.functional.cross_entropy(
        logits,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def examples() -> tuple[Example, ...]:
    rng = draws(6)
    logits, weight = rng.uniform(-3, 3, (5, 4)), rng.uniform(0.5, 2, 4)
    target = np.array([1, 3, -100, 2, 1])
    plain = {"ignore_index": -100, "label_smoothing": 0.0}
    return (
        ((logits, target, None), {"reduction": "mean", **plain}),
        ((logits, target, weight), {"reduction": "mean", **plain}),
        ((logits, target, weight), {"reduction": "sum", **plain}),
        ((logits, target, None), {"reduction": "none", **plain}),
        ((logits, target, None), {"reduction": "sum", **plain, "label_smoothing": 0.25}),
        ((np.array([[40.0, 37, 37, 37]]), np.array([0]), None), {"reduction": "none", **plain}),
    )


OPERATION = Operation(
    "cross_entropy",
    reference,
    cross_entropy.forward,
    cross_entropy.vjp,
    examples,
    constant=("target", "weight"),
)

right, right_vjp = cross_entropy.forward, cross_entropy.vjp


def _divided_by(rows: Any) -> Any:
    """A forward whose mean divides by ``rows(target, ignore_index)``."""

    def forward(logits: Array, target: Array, weight: Any, **params: Any) -> tuple[Array, Any]:
        loss, residuals = right(logits, target, weight, **params)
        if params["reduction"] != "mean":
            return loss, residuals
        divisor = logits.dtype.type(rows(target, params["ignore_index"]))
        return loss * residuals.divisor / divisor, replace(residuals, divisor=np.asarray(divisor))

    return forward


def _only_other_indices(logits: Array, target: Array, weight: Any, **params: Any) -> Any:
    if params["ignore_index"] == -100:
        # A label of -100 is taken for a class, which no logit has.
        params = {**params, "ignore_index": -101}
        target = np.where(target == -100, 0, target)
    return right(logits, target, weight, **params)


def _ignored_rows(logits: Array, target: Array, weight: Any, **params: Any) -> Any:
    loss, residuals = right(logits, target, weight, **params)
    return loss, (residuals, target != params["ignore_index"])


def _ignored_rows_vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
    inner, counts = residuals
    (x_bar,) = right_vjp(inner, y_bar)
    of_rows = y_bar if inner.divisor is None else np.full(len(counts), y_bar / inner.divisor)
    softmax = np.exp(inner.log_softmax) * of_rows[:, None]
    return (np.where(counts[:, None], x_bar, softmax),)


def _unweighted(residuals: Any, y_bar: Array) -> tuple[Array]:
    one = residuals.wanted.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        wanted = np.where(one > 0, residuals.wanted / one, 0)
    return right_vjp(replace(residuals, wanted=wanted), y_bar)


def _first_cotangent(residuals: Any, y_bar: Array) -> tuple[Array]:
    return right_vjp(residuals, np.full_like(y_bar, y_bar.flat[0]) if y_bar.ndim else y_bar)


def _nothing_without_reduction(residuals: Any, y_bar: Array) -> tuple[Array]:
    return right_vjp(residuals, np.zeros_like(y_bar) if y_bar.ndim else y_bar)


def _cotangent_taken_for_one(residuals: Any, y_bar: Array) -> tuple[Array]:
    return right_vjp(residuals, np.ones_like(y_bar))


def _smoothed_by(mass: Any) -> Any:
    """A forward that gives every class ``mass(smoothing, classes)`` besides the label's share."""

    def forward(logits: Array, target: Array, weight: Any, **params: Any) -> tuple[Array, Any]:
        loss, residuals = right(logits, target, weight, **params)
        smoothing, classes = params["label_smoothing"], logits.shape[1]
        if not smoothing:
            return loss, residuals
        counts = (target != params["ignore_index"])[:, None]
        more = mass(smoothing, classes) - smoothing / classes
        extra = np.where(counts, more, 0) * (1 if weight is None else weight)
        wanted = (residuals.wanted + extra).astype(logits.dtype)
        losses = -(wanted * residuals.log_softmax).sum(axis=1)
        if residuals.divisor is not None:
            losses = losses.sum() / residuals.divisor
        return np.asarray(losses), replace(residuals, wanted=wanted)

    return forward


def _narrow_log_sum(logits: Array, target: Array, weight: Any, **params: Any) -> tuple[Array, Any]:
    """The logarithm of the sum is rounded to the logits' dtype, and then subtracted."""
    _, residuals = right(logits, target, weight, **params)
    wide = logits.astype(np.float32)
    largest = wide.max(axis=1, keepdims=True)
    total = np.log(np.exp(wide - largest).sum(axis=1, keepdims=True)) + largest
    log_softmax = (logits - total.astype(logits.dtype)).astype(np.float32)
    losses = -(residuals.wanted * log_softmax).sum(axis=1)
    if residuals.divisor is not None:
        losses = losses.sum() / residuals.divisor
    residuals = replace(residuals, log_softmax=log_softmax)
    return np.asarray(losses).astype(logits.dtype), residuals


_ = Catalogue(OPERATION)

FAULTS = (
    _.fault(
        "cross-entropy-mean-over-ignored-rows",
        "PaddlePaddle/Paddle#23708",
        "the mean divides by all rows, those that are ignored among them",
        forward=_divided_by(lambda target, _: target.size),
    ),
    _.fault(
        "cross-entropy-mean-over-rows-not-weights",
        "pytorch/pytorch#61309",
        "the weighted mean divides by the number of rows that count, not by their weights",
        forward=_divided_by(lambda target, ignored: (target != ignored).sum()),
    ),
    _.fault(
        "cross-entropy-ignores-other-indices-only",
        "flagos-ai/FlagGems!73",
        "-100 is taken for 'nothing is ignored': such rows count as class 0",
        forward=_only_other_indices,
    ),
    _.fault(
        "cross-entropy-gradient-of-ignored-rows",
        "PaddlePaddle/Paddle!28622",
        "ignored rows get the softmax for a gradient; the loss is right",
        forward=_ignored_rows,
        vjp=_ignored_rows_vjp,
    ),
    _.fault(
        "cross-entropy-gradient-without-weights",
        "kvark/meganeura!102",
        "x_bar is softmax - onehot whatever the label's weight is",
        vjp=_unweighted,
    ),
    _.fault(
        "cross-entropy-first-cotangent-for-all",
        "linkedin/Liger-Kernel!1298",
        "without a reduction every row is multiplied by the cotangent of the first",
        vjp=_first_cotangent,
    ),
    _.fault(
        "cross-entropy-nothing-without-reduction",
        "microsoft/DirectML#740",
        "without a reduction x_bar is 0",
        vjp=_nothing_without_reduction,
    ),
    _.fault(
        "cross-entropy-cotangent-taken-for-one",
        "unslothai/unsloth#569",
        "the cotangent is not read: right where the loss is the end, wrong where it is scaled",
        vjp=_cotangent_taken_for_one,
    ),
    _.fault(
        "cross-entropy-smoothing-by-one",
        "TimDettmers/ConvE#55",
        "every class gets 1 / classes, not smoothing / classes",
        forward=_smoothed_by(lambda _, classes: 1 / classes),
    ),
    _.fault(
        "cross-entropy-smoothing-by-the-rest",
        "paiml/aprender!2199",
        "every class gets (1 - smoothing) / classes",
        forward=_smoothed_by(lambda smoothing, classes: (1 - smoothing) / classes),
    ),
    _.fault(
        "cross-entropy-log-sum-in-bfloat16",
        "google-deepmind/optax#1020",
        "the logarithm of the sum is rounded to bfloat16 before the logit is taken from it",
        forward=_narrow_log_sum,
        dtype="bfloat16",
        wide=False,
    ),
)
