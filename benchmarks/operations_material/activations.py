"""GELU, SiLU, sigmoid, tanh, and SwiGLU."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
import torch
from scipy.special import erf

from benchmarks.operations_material.base import (
    Array,
    Catalogue,
    Example,
    Operation,
    draws,
    widened,
)
from reference import sigmoid, tanh

_ROOT, _CUBE = sqrt(2 / pi), 0.044715


def silu_of_torch(x: Any) -> Any:
    return torch.nn.functional.silu(x)


def sigmoid_of_torch(x: Any) -> Any:
    return torch.sigmoid(x)


def tanh_of_torch(x: Any) -> Any:
    return torch.tanh(x)


def gelu_of_torch(x: Any, *, approximate: str) -> Any:
    return torch.nn.functional.gelu(x, approximate=approximate)


def swiglu_of_torch(gate: Any, up: Any) -> Any:
    return torch.nn.functional.silu(gate) * up


def plain() -> tuple[Example, ...]:
    rng = draws(9)
    return (
        ((rng.uniform(-3, 3, (3, 4)),), {}),
        ((np.array([-1000.0, -200.0, -1.0, 0.0, 1.0, 1000.0]),), {}),
    )


def _gelu_examples() -> tuple[Example, ...]:
    return tuple((x, {"approximate": word}) for word in ("none", "tanh") for x, _ in plain())


def _swiglu_examples() -> tuple[Example, ...]:
    rng = draws(10)
    return (((rng.uniform(-3, 3, (3, 4)), rng.uniform(-2, 2, (3, 4))), {}),)


def _sigmoid(x: Array) -> Array:
    return sigmoid.forward(x)[0]


def _inner(x: Array) -> Array:
    return np.tanh(_ROOT * (x + _CUBE * x**3))


def _gelu(x: Array, *, approximate: str) -> tuple[Array, Any]:
    half = erf(x / sqrt(2)) if approximate == "none" else _inner(x)
    return 0.5 * x * (1 + half), (x, approximate)


def _exact_slope(x: Array) -> Array:
    return 0.5 * (1 + erf(x / sqrt(2))) + x * np.exp(-np.square(x) / 2) / sqrt(2 * pi)


def _tanh_slope(x: Array, factor: float = 3) -> Array:
    t = _inner(x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * _ROOT * (1 + factor * _CUBE * x**2)


def _gelu_vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
    x, approximate = residuals
    return ((_exact_slope(x) if approximate == "none" else _tanh_slope(x)) * y_bar,)


def _silu(x: Array) -> tuple[Array, Array]:
    return x * _sigmoid(x), x


def _silu_vjp(x: Array, y_bar: Array) -> tuple[Array]:
    s = _sigmoid(x)
    return (s * (1 + x * (1 - s)) * y_bar,)


def _swiglu(gate: Array, up: Array) -> tuple[Array, Any]:
    return gate * _sigmoid(gate) * up, (gate, up)


def _swiglu_vjp(residuals: Any, y_bar: Array) -> tuple[Array, Array]:
    gate, up = residuals
    (gate_bar,) = _silu_vjp(gate, y_bar * up)
    return gate_bar, y_bar * gate * _sigmoid(gate)


GELU = Operation("gelu", gelu_of_torch, *widened(_gelu, _gelu_vjp), _gelu_examples)
SILU = Operation("silu", silu_of_torch, *widened(_silu, _silu_vjp), plain)
SIGMOID = Operation("sigmoid", sigmoid_of_torch, *widened(sigmoid.forward, sigmoid.vjp), plain)
TANH = Operation("tanh", tanh_of_torch, *widened(tanh.forward, tanh.vjp), plain)
SWIGLU = Operation("swiglu", swiglu_of_torch, *widened(_swiglu, _swiglu_vjp), _swiglu_examples)


def _exact_for_both(residuals: Any, y_bar: Array) -> tuple[Array]:
    return (_exact_slope(residuals[0]) * y_bar,)


def _cube_like_a_square(residuals: Any, y_bar: Array) -> tuple[Array]:
    x, approximate = residuals
    return ((_exact_slope(x) if approximate == "none" else _tanh_slope(x, 1)) * y_bar,)


def _distribution_alone(residuals: Any, y_bar: Array) -> tuple[Array]:
    x, approximate = residuals
    half = erf(x / sqrt(2)) if approximate == "none" else _inner(x)
    return (0.5 * (1 + half) * y_bar,)


def _sigmoid_approximation(x: Array, *, approximate: str) -> tuple[Array, Any]:
    y, residuals = _gelu(x, approximate=approximate)
    return (x * _sigmoid(1.702 * x) if approximate == "tanh" else y), residuals


def _sigmoid_by_division(x: Array, y_bar: Array) -> tuple[Array]:
    with np.errstate(invalid="ignore"):
        s = x * _sigmoid(x) / x
    return (s * (1 + x * (1 - s)) * y_bar,)


@np.errstate(over="ignore", invalid="ignore")
def _silu_overflow(x: Array, y_bar: Array) -> tuple[Array]:
    e = np.exp(-x)
    return ((1 + e + x * e) / (1 + e) ** 2 * y_bar,)


@np.errstate(over="ignore", invalid="ignore")
def _sigmoid_overflow(residuals: Any, y_bar: Array) -> tuple[Array]:
    e = np.exp(-residuals[1])
    return (e / (1 + e) ** 2 * y_bar,)


def _with_input(x: Array) -> tuple[Array, Any]:
    y, residuals = sigmoid.forward(x)
    return y, (residuals, x)


def _of_input(residuals: Any, y_bar: Array) -> tuple[Array]:
    x = residuals[1]
    return (x * (1 - x) * y_bar,)


def _difference(residuals: Any, y_bar: Array) -> tuple[Array]:
    return ((residuals.y - (1 - residuals.y)) * y_bar,)


def _tanh_twice(residuals: Any, y_bar: Array) -> tuple[Array]:
    return ((1 - np.tanh(residuals.y) ** 2) * y_bar,)


def _one_forgotten(residuals: Any, y_bar: Array) -> tuple[Array]:
    return (-(residuals.y**2) * y_bar,)


def _exchanged(residuals: Any, y_bar: Array) -> tuple[Array, Array]:
    gate_bar, up_bar = _swiglu_vjp(residuals, y_bar)
    return up_bar, gate_bar


def _first_row(residuals: Any, y_bar: Array) -> tuple[Array, Array]:
    bars = _swiglu_vjp(residuals, y_bar)
    stored = tuple(np.zeros_like(each) for each in bars)
    for memory, each in zip(stored, bars, strict=True):
        # The row pointer of the output never moves: the last row that is written stays.
        memory[0] = each[-1]
    return stored[0], stored[1]


_gelus, _silus, _swiglus = Catalogue(GELU), Catalogue(SILU), Catalogue(SWIGLU)
_sigmoids, _tanhs = Catalogue(SIGMOID), Catalogue(TANH)

FAULTS = (
    _gelus.fault(
        "gelu-exact-backward-of-both",
        "kulinseth/pytorch!284",
        "the backward of the tanh approximation is that of the exact function",
        forward=_gelu,
        vjp=_exact_for_both,
    ),
    _gelus.fault(
        "gelu-factor-of-the-cube-missing",
        "huggingface/candle!1160",
        "the slope of 0.044715 x ** 3 is taken for 0.044715 x ** 2",
        forward=_gelu,
        vjp=_cube_like_a_square,
    ),
    _gelus.fault(
        "gelu-density-term-missing",
        "csarofeen/pytorch#1511",
        "the slope is the distribution function alone",
        forward=_gelu,
        vjp=_distribution_alone,
    ),
    _gelus.fault(
        "gelu-sigmoid-for-tanh",
        "ROCm/AMDMIGraphX#2542",
        "the tanh approximation is computed as x sigmoid(1.702 x)",
        forward=_sigmoid_approximation,
        vjp=_gelu_vjp,
    ),
    _silus.fault(
        "silu-zero-by-zero",
        "huggingface/candle#2082",
        "the sigmoid is got back as y / x: NaN where x is 0",
        forward=_silu,
        vjp=_sigmoid_by_division,
    ),
    _silus.fault(
        "silu-backward-overflows",
        "trymirai/lalamo!328",
        "exp(-x) overflows in the backward: NaN for large negative x",
        forward=_silu,
        vjp=_silu_overflow,
    ),
    _sigmoids.fault(
        "sigmoid-backward-overflows",
        "jeshraghian/snntorch#427",
        "exp(-x) / (1 + exp(-x)) ** 2 is inf / inf for large negative x",
        forward=_with_input,
        vjp=_sigmoid_overflow,
    ),
    _sigmoids.fault(
        "sigmoid-slope-of-the-input",
        "BoltzmannEntropy/interviews.ai#15",
        "x (1 - x) stands where y (1 - y) should",
        forward=_with_input,
        vjp=_of_input,
    ),
    _sigmoids.fault(
        "sigmoid-difference-for-product",
        "sausheong/gonn#8",
        "y - (1 - y) stands where y (1 - y) should",
        forward=sigmoid.forward,
        vjp=_difference,
    ),
    _tanhs.fault(
        "tanh-slope-of-the-output",
        "davidrmiller/neural2d#40",
        "1 - tanh(y) ** 2: the function is applied to what it gave",
        forward=tanh.forward,
        vjp=_tanh_twice,
    ),
    _tanhs.fault(
        "tanh-one-forgotten",
        "scutan90/DeepLearning-500-questions#544",
        "the slope is -y ** 2",
        forward=tanh.forward,
        vjp=_one_forgotten,
    ),
    _swiglus.fault(
        "swiglu-gradients-exchanged",
        "unslothai/unsloth#3314",
        "the gradients of gate and up are stored in each other's place",
        forward=_swiglu,
        vjp=_exchanged,
    ),
    _swiglus.fault(
        "swiglu-all-rows-into-the-first",
        "ByteDance-Seed/Triton-distributed#180",
        "every row's gradient is stored in row 0",
        forward=_swiglu,
        vjp=_first_row,
    ),
)
