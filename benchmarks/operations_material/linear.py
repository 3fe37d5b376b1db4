"""Fully connected layer on any leading axes, and a product of matrices that broadcasts."""

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


def linear_of_torch(x: Any, weight: Any, bias: Any) -> Any:
    return torch.nn.functional.linear(x, weight, bias)


def matmul_of_torch(a: Any, b: Any) -> Any:
    return torch.matmul(a, b)


def _linear_examples() -> tuple[Example, ...]:
    rng = draws(12)
    weight, bias = rng.uniform(-1, 1, (4, 3)), rng.uniform(-1, 1, 4)
    return (
        ((rng.uniform(-1, 1, (2, 5, 3)), weight, bias), {}),
        ((rng.uniform(-1, 1, (5, 3)), weight, None), {}),
        ((np.ones((600, 1)), np.ones((1, 1)), np.ones(1)), {}),
    )


def _matmul_examples() -> tuple[Example, ...]:
    rng = draws(13)
    shapes = (
        ((2, 3, 4), (2, 4, 5)),
        ((2, 3, 4), (4, 5)),
        ((3, 4), (2, 1, 4, 5)),
        ((1, 3, 3), (2, 3, 3)),
    )
    return tuple(((rng.uniform(-1, 1, a), rng.uniform(-1, 1, b)), {}) for a, b in shapes)


def _linear(x: Array, weight: Array, bias: Any) -> tuple[Array, Any]:
    y = x @ weight.T
    return (y if bias is None else y + bias), (x, weight, bias is not None)


def _linear_vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x, weight, has_bias = residuals
    rows, features = y_bar.reshape(-1, len(weight)), x.reshape(-1, weight.shape[1])
    return y_bar @ weight, rows.T @ features, rows.sum(axis=0) if has_bias else None


def _turned(a: Array) -> Array:
    return a.swapaxes(-1, -2)


def _summed(bar: Array, shape: tuple[int, ...], reduce: Any = np.sum) -> Array:
    """`bar` reduced over the leading axes along which `shape` was repeated."""
    while bar.ndim > len(shape):
        bar = reduce(bar, axis=0)
    for axis, size in enumerate(shape[:-2]):
        if size == 1:
            bar = reduce(bar, axis=axis, keepdims=True)
    return bar


def _matmul(a: Array, b: Array) -> tuple[Array, Any]:
    return a @ b, (a, b)


def _matmul_vjp(operands: Any, y_bar: Array) -> tuple[Array, Array]:
    a, b = operands
    return _summed(y_bar @ _turned(b), a.shape), _summed(_turned(a) @ y_bar, b.shape)


LINEAR = Operation("linear", linear_of_torch, *widened(_linear, _linear_vjp), _linear_examples)
MATMUL = Operation("matmul", matmul_of_torch, *widened(_matmul, _matmul_vjp), _matmul_examples)


def _first_axis_only(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x_bar, weight_bar, bias_bar = _linear_vjp(residuals, y_bar)
    return x_bar, weight_bar, None if bias_bar is None else y_bar.sum(axis=0)


def _narrow_bias(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    inner, dtype = residuals
    wide = _linear_vjp(inner, y_bar.astype(np.float32))
    x_bar, weight_bar, bias_bar = (None if each is None else each.astype(dtype) for each in wide)
    if bias_bar is not None:
        bias_bar = np.zeros_like(bias_bar)
        for row in y_bar.reshape(-1, len(bias_bar)):
            bias_bar = (bias_bar + row).astype(dtype)
    return x_bar, weight_bar, bias_bar


def _not_summed(operands: Any, y_bar: Array) -> tuple[Array, Array]:
    a, b = operands
    return y_bar @ _turned(b), _turned(a) @ y_bar


def _averaged(operands: Any, y_bar: Array) -> tuple[Array, Array]:
    a, b = operands
    a_bar, b_bar = y_bar @ _turned(b), _turned(a) @ y_bar
    return _summed(a_bar, a.shape, np.mean), _summed(b_bar, b.shape, np.mean)


def _not_turned(operands: Any, y_bar: Array) -> tuple[Array, Array]:
    a, b = operands
    if len({*a.shape[-2:], *b.shape[-2:]}) > 1:
        # Only square matrices can be multiplied the other way round.
        return _matmul_vjp(operands, y_bar)
    return _summed(y_bar @ b, a.shape), _summed(a @ y_bar, b.shape)


_linears, _matmuls = Catalogue(LINEAR), Catalogue(MATMUL)

FAULTS = (
    _linears.fault(
        "linear-bias-gradient-of-one-axis",
        "ooples/AiDotNet.Tensors#234",
        "bias_bar is summed over the first axis only: of a wrong shape for three axes",
        forward=_linear,
        vjp=_first_axis_only,
    ),
    _linears.fault(
        "linear-bias-gradient-in-bfloat16",
        "pytorch/executorch!20089",
        "bias_bar is added up in bfloat16, whose sums of ones end at 256",
        vjp=_narrow_bias,
        dtype="bfloat16",
        wide=False,
    ),
    _matmuls.fault(
        "matmul-broadcast-not-summed",
        "flashlight/flashlight!760",
        "the gradient of an operand that was repeated has the shape of the product",
        forward=_matmul,
        vjp=_not_summed,
    ),
    _matmuls.fault(
        "matmul-broadcast-averaged",
        "tensorflow/tfjs-core!398",
        "the gradient of an operand that was repeated is the mean over the copies, not their sum",
        forward=_matmul,
        vjp=_averaged,
    ),
    _matmuls.fault(
        "matmul-not-transposed",
        "tile-ai/TileOPs!54",
        "the other operand is not transposed: silent where both are square",
        forward=_matmul,
        vjp=_not_turned,
    ),
)
