"""Root mean square normalization over the last axis."""

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


def reference(x: Any, weight: Any, *, eps: float) -> Any:
    return torch.nn.functional.rms_norm(x, x.shape[-1:], weight, eps)


def examples() -> tuple[Example, ...]:
    rng = draws(2)
    x, weight = 0.5 + rng.uniform(-2, 2, (3, 2, 6)), rng.uniform(0.5, 2, 6)
    return (
        ((x, weight), {"eps": 1e-5}),
        ((x, None), {"eps": 1e-5}),
        ((x[0] * 0.01, weight), {"eps": 1e-3}),
        ((rng.uniform(1, 2, (1, 900)), np.ones(900)), {"eps": 1e-5}),
    )


def _forward_of(scale: Any) -> Any:
    """A forward that multiplies rows by ``scale(x, eps)``."""

    def forward(x: Array, weight: Any, *, eps: float) -> tuple[Array, Any]:
        rrms = scale(x, eps)
        y = x * rrms
        return (y if weight is None else y * weight), (x, weight, rrms)

    return forward


def _rrms(x: Array, eps: float) -> Array:
    return 1 / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + eps)


def _x_bar(x: Array, rrms: Array, delta: Array, sent: Array | None = None) -> Array:
    """``rrms (delta - n mean(sent n))`` with ``n = x rrms``."""
    normal = x * rrms
    stretch = ((delta if sent is None else sent) * normal).mean(axis=-1, keepdims=True)
    return rrms * (delta - normal * stretch)


def _weight_bar(residuals: Any, y_bar: Array) -> Array | None:
    x, weight, rrms = residuals
    rows = tuple(range(y_bar.ndim - 1))
    return None if weight is None else (y_bar * x * rrms).sum(axis=rows)


def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x, weight, rrms = residuals
    delta = y_bar if weight is None else y_bar * weight
    return _x_bar(x, rrms, delta), _weight_bar(residuals, y_bar)


OPERATION = Operation("rms_norm", reference, *widened(_forward_of(_rrms), vjp), examples)


def _variance(x: Array, eps: float) -> Array:
    return 1 / np.sqrt(x.var(axis=-1, keepdims=True) + eps)


def _eps_outside(x: Array, eps: float) -> Array:
    return 1 / (np.sqrt(np.square(x).mean(axis=-1, keepdims=True)) + eps)


def _by_the_inverse(x: Array, eps: float) -> Array:
    return np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + eps)


def _narrow_squares(x: Array, eps: float) -> Array:
    # In the dtype of x, term by term.
    total = np.zeros(x.shape[:-1], x.dtype)
    for cell in np.moveaxis(x, -1, 0):
        total = (total + cell * cell).astype(x.dtype)
    mean = total.astype(np.float32)[..., None] / x.shape[-1]
    return 1 / np.sqrt(mean + np.float32(eps))


def _narrow_forward(x: Array, weight: Any, *, eps: float) -> tuple[Array, Any]:
    rrms, wide = _narrow_squares(x, eps), x.astype(np.float32)
    y = wide * rrms if weight is None else wide * rrms * weight.astype(np.float32)
    residuals = (wide, None if weight is None else weight.astype(np.float32), rrms)
    return y.astype(x.dtype), (residuals, x.dtype)


def _narrow_vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    inner, dtype = residuals
    bars = vjp(inner, y_bar.astype(np.float32))
    return tuple(None if each is None else each.astype(dtype) for each in bars)


def _constant_rms(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    _, weight, rrms = residuals
    delta = y_bar if weight is None else y_bar * weight
    return rrms * delta, _weight_bar(residuals, y_bar)


def _weight_forgotten(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x, _, rrms = residuals
    return _x_bar(x, rrms, y_bar), _weight_bar(residuals, y_bar)


def _weight_twice(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x, weight, rrms = residuals
    if weight is None:
        return vjp(residuals, y_bar)
    delta, normal = y_bar * weight, x * rrms
    stretch = (delta * normal).mean(axis=-1, keepdims=True)
    return rrms * (delta - weight * normal * stretch), _weight_bar(residuals, y_bar)


def _no_weight_gradient(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x_bar, weight_bar = vjp(residuals, y_bar)
    return x_bar, None if weight_bar is None else np.zeros_like(weight_bar)


_ = Catalogue(OPERATION)
_right = _forward_of(_rrms)

FAULTS = (
    _.fault(
        "rms-norm-variance-for-mean-square",
        "keras-team/keras!22393",
        "the scale is that of the variance: wrong wherever the row's mean is not 0",
        forward=_forward_of(_variance),
        vjp=vjp,
    ),
    _.fault(
        "rms-norm-eps-outside-the-root",
        "allenai/OLMo#281",
        "eps is added to the root mean square: shows where that is near eps",
        forward=_forward_of(_eps_outside),
        vjp=vjp,
    ),
    _.fault(
        "rms-norm-divided-by-the-inverse",
        "mosaicml/llm-foundry#371",
        "x is divided by rsqrt, so multiplied by the root mean square",
        forward=_forward_of(_by_the_inverse),
        vjp=vjp,
    ),
    _.fault(
        "rms-norm-squares-in-bfloat16",
        "Xilinx/mlir-air!1679",
        "the squares are added up in bfloat16: shows in long rows",
        forward=_narrow_forward,
        vjp=_narrow_vjp,
        dtype="bfloat16",
        wide=False,
    ),
    _.fault(
        "rms-norm-constant-scale",
        "ooples/AiDotNet!695",
        "the root mean square is taken for a constant in the backward",
        forward=_right,
        vjp=_constant_rms,
    ),
    _.fault(
        "rms-norm-weight-forgotten",
        "karpathy/llm.c!763",
        "x_bar is that of a norm without a weight",
        forward=_right,
        vjp=_weight_forgotten,
    ),
    _.fault(
        "rms-norm-weight-twice",
        "NVIDIA/Megatron-LM!6859",
        "the second term of x_bar is multiplied by the weight once more: right for weights of 1",
        forward=_right,
        vjp=_weight_twice,
    ),
    _.fault(
        "rms-norm-no-weight-gradient",
        "paiml/trueno!178",
        "weight_bar is never written: all zeros",
        forward=_right,
        vjp=_no_weight_gradient,
    ),
)
