"""Softmax and its logarithm over the last axis."""

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


def softmax_of_torch(x: Any) -> Any:
    return torch.softmax(x, -1)


def log_softmax_of_torch(x: Any) -> Any:
    return torch.log_softmax(x, -1)


def examples() -> tuple[Example, ...]:
    rng = draws(5)
    x = rng.uniform(-3, 3, (2, 3, 4))
    return (
        ((x,), {}),
        ((np.array([[800.0, 1.0, 1.0], [-2000.0, -2001.0, -2000.0]]),), {}),
        ((np.zeros((1, 600)),), {}),
    )


def _exponentials(x: Array) -> Array:
    return np.exp(x - x.max(axis=-1, keepdims=True))


def _shares(exponentials: Array) -> tuple[Array, Array]:
    with np.errstate(invalid="ignore", divide="ignore"):
        y = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return y, y


def _softmax(x: Array) -> tuple[Array, Array]:
    return _shares(_exponentials(x))


def _softmax_vjp(y: Array, y_bar: Array) -> tuple[Array]:
    return (y * (y_bar - (y * y_bar).sum(axis=-1, keepdims=True)),)


def _log_softmax(x: Array) -> tuple[Array, Array]:
    z = x - x.max(axis=-1, keepdims=True)
    y = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return y, y


def _log_softmax_vjp(y: Array, y_bar: Array) -> tuple[Array]:
    return (y_bar - np.exp(y) * y_bar.sum(axis=-1, keepdims=True),)


SOFTMAX = Operation("softmax", softmax_of_torch, *widened(_softmax, _softmax_vjp), examples)
LOG_SOFTMAX = Operation(
    "log_softmax", log_softmax_of_torch, *widened(_log_softmax, _log_softmax_vjp), examples
)


def _diagonal(y: Array, y_bar: Array) -> tuple[Array]:
    return (y * (1 - y) * y_bar,)


def _no_correction(y: Array, y_bar: Array) -> tuple[Array]:
    return (y * y_bar,)


def _copied(y: Array, y_bar: Array) -> tuple[Array]:
    return (y_bar.copy(),)


@np.errstate(over="ignore")
def _no_maximum(x: Array) -> tuple[Array, Array]:
    return _shares(np.exp(x))


@np.errstate(over="ignore")
def _maximum_or_zero(x: Array) -> tuple[Array, Array]:
    return _shares(np.exp(x - np.maximum(x.max(axis=-1, keepdims=True), 0)))


def _first_axis(x: Array) -> tuple[Array, Array]:
    y = np.exp(x - x.max(axis=0, keepdims=True))
    y = y / y.sum(axis=0, keepdims=True)
    return y, y


def _first_axis_vjp(y: Array, y_bar: Array) -> tuple[Array]:
    return (y * (y_bar - (y * y_bar).sum(axis=0, keepdims=True)),)


def _narrow_sum(x: Array) -> tuple[Array, Any]:
    exponentials = _exponentials(x.astype(np.float32))
    total = np.zeros(x.shape[:-1], x.dtype)
    for cell in np.moveaxis(exponentials, -1, 0):
        total = (total + cell.astype(x.dtype)).astype(x.dtype)
    y = exponentials / total.astype(np.float32)[..., None]
    return y.astype(x.dtype), y


def _narrow_sum_vjp(y: Array, y_bar: Array) -> tuple[Array]:
    (x_bar,) = _softmax_vjp(y, y_bar.astype(np.float32))
    return (x_bar.astype(y_bar.dtype),)


def _dot_with_output(y: Array, y_bar: Array) -> tuple[Array]:
    return (y_bar - (y * y_bar).sum(axis=-1, keepdims=True),)


def _added(y: Array, y_bar: Array) -> tuple[Array]:
    return (y_bar + np.exp(y),)


@np.errstate(invalid="ignore", divide="ignore")
def _weighted_error(y: Array, y_bar: Array) -> tuple[Array]:
    total = (np.exp(y) * y_bar / np.exp(y)).sum(axis=-1, keepdims=True)
    return (y_bar - np.exp(y) * total,)


_, _log = Catalogue(SOFTMAX), Catalogue(LOG_SOFTMAX)

FAULTS = (
    _.fault(
        "softmax-diagonal-only",
        "deeplearning4j/libnd4j#440",
        "x_bar is y (1 - y) y_bar: the diagonal of the Jacobian",
        forward=_softmax,
        vjp=_diagonal,
    ),
    _.fault(
        "softmax-no-correction-term",
        "HomericIntelligence/Odyssey#2134",
        "x_bar is y y_bar: the sum over the row is not taken away",
        forward=_softmax,
        vjp=_no_correction,
    ),
    _.fault(
        "softmax-cotangent-copied",
        "pjreddie/darknet!96",
        "x_bar is y_bar",
        forward=_softmax,
        vjp=_copied,
    ),
    _.fault(
        "softmax-maximum-not-subtracted",
        "dwavesystems/dwave-optimization#555",
        "exp overflows where a logit is large, and inf / inf is NaN",
        forward=_no_maximum,
        vjp=_softmax_vjp,
    ),
    _.fault(
        "softmax-maximum-at-least-zero",
        "FluxML/NNlib.jl!43",
        "max(0, max) is subtracted: rows of large negative logits are 0 / 0",
        forward=_maximum_or_zero,
        vjp=_softmax_vjp,
    ),
    _.fault(
        "softmax-first-axis",
        "labmlai/annotated_deep_learning_paper_implementations#146",
        "the first axis is normalized, not the last",
        forward=_first_axis,
        vjp=_first_axis_vjp,
    ),
    _.fault(
        "softmax-sum-in-bfloat16",
        "pytorch/executorch!20089",
        "the exponentials are added up in bfloat16, whose sums of ones end at 256",
        forward=_narrow_sum,
        vjp=_narrow_sum_vjp,
        dtype="bfloat16",
        wide=False,
    ),
    _log.fault(
        "log-softmax-dot-with-the-output",
        "uxlfoundation/oneDNN#616",
        "x_bar is y_bar - sum(y y_bar): neither the softmax nor the plain sum",
        forward=_log_softmax,
        vjp=_dot_with_output,
    ),
    _log.fault(
        "log-softmax-cotangent-added",
        "mlpack/mlpack#2360",
        "x_bar is y_bar + softmax",
        forward=_log_softmax,
        vjp=_added,
    ),
    _log.fault(
        "log-softmax-zero-by-zero",
        "clab/dynet#218",
        "exp(y) y_bar / exp(y) is NaN where exp(y) is 0: rows with one dominant logit",
        forward=_log_softmax,
        vjp=_weighted_error,
    ),
)
