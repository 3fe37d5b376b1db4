"""Batch normalization of (n, c, *size), with the running statistics as results of their own."""

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


def reference(
    x: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    *,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """Return y, and the statistics as they are afterwards, which have no gradient."""
    mean, var = running_mean.clone(), running_var.clone()
    y = torch.nn.functional.batch_norm(x, mean, var, weight, bias, training, momentum, eps)
    return y, mean, var


def examples() -> tuple[Example, ...]:
    rng = draws(3)
    x = rng.uniform(-2, 2, (4, 3, 5))
    weight, bias = rng.uniform(0.5, 2, 3), rng.uniform(-1, 1, 3)
    mean, var = rng.uniform(-1, 1, 3), rng.uniform(0.5, 2, 3)
    params = {"momentum": 0.1, "eps": 1e-5}
    return (
        ((x, weight, bias, mean, var), {"training": True, **params}),
        ((x, weight, bias, mean, var), {"training": False, **params}),
        ((x[:, :, 0], weight, bias, mean, var), {"training": True, **params, "momentum": 0.3}),
        ((1000 + x, weight, bias, mean, var), {"training": True, **params}),
    )


def _per_channel(values: Array, x: Array) -> Array:
    return values.reshape(1, -1, *(1,) * (x.ndim - 2))


def _axes(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _variance(x: Array) -> Array:
    return x.var(axis=_axes(x))


def _forward_of(**changes: Any) -> Any:
    """A forward with another ``variance``, ``blend`` of statistics, ``unbiased`` or ``updates``."""
    variance = changes.get("variance", _variance)
    blend = changes.get("blend", lambda old, new, momentum: (1 - momentum) * old + momentum * new)

    def forward(
        x: Array,
        weight: Array,
        bias: Array,
        running_mean: Array,
        running_var: Array,
        *,
        training: bool,
        momentum: float,
        eps: float,
    ) -> tuple[Any, Any]:
        mean, var = (
            (x.mean(axis=_axes(x)), variance(x)) if training else (running_mean, running_var)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            rstd = 1 / np.sqrt(var + x.dtype.type(eps))
        normal = (x - _per_channel(mean, x)) * _per_channel(rstd, x)
        y = normal * _per_channel(weight, x) + _per_channel(bias, x)
        if training:
            n = x.size // x.shape[1]
            unbiased = var * n / (n - 1) if changes.get("unbiased", True) else var
            for _ in range(changes.get("updates", 1)):
                running_mean = blend(running_mean, mean, momentum)
                running_var = blend(running_var, unbiased, momentum)
        return (y, running_mean, running_var), (normal, rstd, weight, training)

    return forward


def _vjp_of(terms: str = "shift stretch", *, always: bool = False) -> Any:
    def vjp(residuals: Any, y_bar: Any) -> tuple[Any, ...]:
        normal, rstd, weight, training = residuals
        delta = y_bar[0]
        axes = _axes(delta)
        weight_bar, bias_bar = (delta * normal).sum(axis=axes), delta.sum(axis=axes)
        delta = delta * _per_channel(weight, delta)
        x_bar = delta
        if training or always:
            if "shift" in terms:
                x_bar = x_bar - delta.mean(axis=axes, keepdims=True)
            if "stretch" in terms:
                x_bar = x_bar - normal * (delta * normal).mean(axis=axes, keepdims=True)
        return x_bar * _per_channel(rstd, delta), weight_bar, bias_bar

    return vjp


forward, vjp = widened(_forward_of(), _vjp_of())

OPERATION = Operation(
    "batch_norm",
    reference,
    forward,
    vjp,
    examples,
    constant=("running_mean", "running_var"),
)


def _n_minus_1(x: Array) -> Array:
    return x.var(axis=_axes(x), ddof=1)


def _difference_of_squares(x: Array) -> Array:
    return np.square(x).mean(axis=_axes(x)) - np.square(x.mean(axis=_axes(x)))


_ = Catalogue(OPERATION)

FAULTS = (
    _.fault(
        "batch-norm-statistics-updated-twice",
        "pytorch/pytorch#96136",
        "the running statistics take the batch in twice, as a recomputed forward does",
        forward=_forward_of(updates=2),
        vjp=_vjp_of(),
    ),
    _.fault(
        "batch-norm-running-variance-biased",
        "ml-explore/mlx!3817",
        "the running variance takes in the biased one: shows in small batches",
        forward=_forward_of(unbiased=False),
        vjp=_vjp_of(),
    ),
    _.fault(
        "batch-norm-momentum-inverted",
        "PaddlePaddle/Paddle!51120",
        "momentum and 1 - momentum are exchanged in the running statistics",
        forward=_forward_of(blend=lambda old, new, momentum: momentum * old + (1 - momentum) * new),
        vjp=_vjp_of(),
    ),
    _.fault(
        "batch-norm-n-minus-1",
        "pytorch/pytorch#60528",
        "the batch is normalized by the unbiased variance",
        forward=_forward_of(variance=_n_minus_1),
        vjp=_vjp_of(),
    ),
    _.fault(
        "batch-norm-difference-of-squares",
        "tenstorrent/tt-metal#45968",
        "mean(x ** 2) - mean ** 2 cancels where the mean is large beside the spread",
        forward=_forward_of(variance=_difference_of_squares),
        vjp=_vjp_of(),
        dtype="float32",
    ),
    _.fault(
        "batch-norm-eval-backward-of-training",
        "pytorch/xla#913",
        "in evaluation x_bar still takes account of statistics that do not depend on x",
        forward=_forward_of(),
        vjp=_vjp_of(always=True),
    ),
    _.fault(
        "batch-norm-no-shift-term",
        "BVLC/caffe!1891",
        "x_bar lacks the part that comes back through the mean",
        forward=_forward_of(),
        vjp=_vjp_of("stretch"),
    ),
    _.fault(
        "batch-norm-no-stretch-term",
        "BVLC/caffe#6522",
        "x_bar lacks the part that comes back through the variance",
        forward=_forward_of(),
        vjp=_vjp_of("shift"),
    ),
)
