"""Layer normalization over the last axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.operations_material.base import Array, Catalogue, Example, Operation, draws
from reference import layer_norm


def reference(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return torch.nn.functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


def examples() -> tuple[Example, ...]:
    rng = draws(1)
    x, weight, bias = rng.uniform(-2, 2, (3, 2, 6)), rng.uniform(0.5, 2, 6), rng.uniform(-1, 1, 6)
    near = np.linspace(-1, 1, 8) * 0.01
    return (
        ((x, weight, bias), {"eps": 1e-5}),
        ((x, None, None), {"eps": 1e-5}),
        ((1000 + x[:, :, :5], weight[:5], bias[:5]), {"eps": 1e-5}),
        ((near[None], None, None), {"eps": 1e-3}),
        ((np.tile([-1.0, 0.0, 1.0], (600, 1)), np.ones(3), np.zeros(3)), {"eps": 1e-5}),
    )


OPERATION = Operation("layer_norm", reference, layer_norm.forward, layer_norm.vjp, examples)


def _gradients(
    normal: Array, rstd: Array, weight: Array | None, y_bar: Array, terms: str = "shift stretch"
) -> tuple[Array, Array | None]:
    """The gradients of x and weight, from some of the terms."""
    rows = tuple(range(y_bar.ndim - 1))
    delta = y_bar if weight is None else y_bar * weight
    x_bar = delta
    if "shift" in terms:
        x_bar = x_bar - delta.mean(axis=-1, keepdims=True)
    if "stretch" in terms:
        x_bar = x_bar - normal * (delta * normal).mean(axis=-1, keepdims=True)
    return rstd * x_bar, None if weight is None else (y_bar * normal).sum(axis=rows)


def _with(bars: tuple[Array, Array | None], residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    bias_bar = y_bar.sum(axis=tuple(range(y_bar.ndim - 1))) if residuals[3] else None
    return (*bars, bias_bar)


def _forward_of(statistics: Any) -> Any:
    """A forward with other statistics: ``(x, eps) -> (what is subtracted, rstd)``."""

    def forward(x: Array, weight: Any, bias: Any, *, eps: float) -> tuple[Array, Any]:
        mean, rstd = statistics(x, eps)
        normal = (x - mean) * rstd
        y = normal if weight is None else normal * weight
        residuals = (normal, rstd, weight, bias is not None)
        return (y if bias is None else y + bias), residuals

    return forward


def _vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    normal, rstd, weight, _ = residuals
    return _with(_gradients(normal, rstd, weight, y_bar), residuals, y_bar)


def _vjp_of_some(terms: str) -> Any:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        normal, rstd, weight, _ = residuals
        return _with(_gradients(normal, rstd, weight, y_bar, terms), residuals, y_bar)

    return vjp


def _moments(x: Array, divisor: int | None = None) -> tuple[Array, Array]:
    mean = x.mean(axis=-1, keepdims=True)
    squares = np.square(x - mean).sum(axis=-1, keepdims=True)
    return mean, squares / (divisor or x.shape[-1])


def _right(x: Array, eps: float) -> Any:
    mean, variance = _moments(x)
    return mean, 1 / np.sqrt(variance + eps)


def _mean_stays(x: Array, eps: float) -> Any:
    return 0, 1 / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + eps)


def _n_minus_1(x: Array, eps: float) -> Any:
    mean, variance = _moments(x, x.shape[-1] - 1)
    return mean, 1 / np.sqrt(variance + eps)


def _eps_outside(x: Array, eps: float) -> Any:
    mean, variance = _moments(x)
    return mean, 1 / (np.sqrt(variance) + eps)


def _eps_on_the_length(x: Array, eps: float) -> Any:
    mean, variance = _moments(x)
    return mean, 1 / np.sqrt(variance * x.shape[-1] / (x.shape[-1] + eps))


def _squared(x: Array, eps: float) -> Any:
    mean, variance = _moments(x)
    return mean, 1 / np.square(variance + eps)


def _padded_lanes(x: Array, eps: float) -> Any:
    mean, variance = _moments(x)
    lanes = 1 << (x.shape[-1] - 1).bit_length()
    return mean, 1 / np.sqrt(variance + (lanes / x.shape[-1] - 1) * np.square(mean) + eps)


def _difference_of_squares(x: Array, eps: float) -> Any:
    mean = x.mean(axis=-1, keepdims=True)
    variance = np.square(x).mean(axis=-1, keepdims=True) - np.square(mean)
    with np.errstate(invalid="ignore"):
        return mean, 1 / np.sqrt(variance + x.dtype.type(eps))


def _exchanged(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x_bar, weight_bar, bias_bar = layer_norm.vjp(residuals, y_bar)
    if weight_bar is None or bias_bar is None:
        return x_bar, weight_bar, bias_bar
    return x_bar, bias_bar, weight_bar


def _first_axis_only(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x_bar, weight_bar, bias_bar = layer_norm.vjp(residuals, y_bar)
    rows = y_bar.ndim - 1
    part = (slice(None), *(0,) * (rows - 1)) if rows else ()
    if weight_bar is not None and rows:
        weight_bar = (y_bar * residuals.normal)[part].sum(axis=0)
    return x_bar, weight_bar, bias_bar


def _narrow_sums(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
    x_bar, weight_bar, bias_bar = layer_norm.vjp(residuals, y_bar)
    if weight_bar is None:
        return x_bar, weight_bar, bias_bar
    terms = (y_bar.astype(np.float32) * residuals.normal).astype(y_bar.dtype)
    total = np.zeros_like(weight_bar)
    for row in terms.reshape(-1, len(weight_bar)):
        total = (total + row).astype(y_bar.dtype)
    return x_bar, total, bias_bar


_ = Catalogue(OPERATION)
_backward = _forward_of(_right)

FAULTS = (
    _.fault(
        "layer-norm-mean-not-subtracted",
        "mit-han-lab/omniserve#32",
        "the row is divided by its root mean square, and the mean stays: another norm altogether",
        forward=_forward_of(_mean_stays),
        vjp=_vjp_of_some("stretch"),
    ),
    _.fault(
        "layer-norm-n-minus-1",
        "harvardnlp/annotated-transformer!119",
        "the variance is divided by c - 1, as std does by default; NaN for one channel",
        forward=_forward_of(_n_minus_1),
        vjp=_vjp,
    ),
    _.fault(
        "layer-norm-eps-outside-the-root",
        "codertimo/BERT-pytorch#30",
        "eps is added to the standard deviation: shows where the variance is near eps",
        forward=_forward_of(_eps_outside),
        vjp=_vjp,
    ),
    _.fault(
        "layer-norm-eps-on-the-length",
        "xlite-dev/LeetCUDA#309",
        "eps is added to the number of channels, not to the variance",
        forward=_forward_of(_eps_on_the_length),
        vjp=_vjp,
    ),
    _.fault(
        "layer-norm-squared-for-root",
        "131250208/TPlinker-joint-extraction#37",
        "(variance + eps) ** 2 stands where the root should",
        forward=_forward_of(_squared),
        vjp=_vjp,
    ),
    _.fault(
        "layer-norm-padded-lanes-counted",
        "triton-lang/triton#9838",
        "lanes past the row, up to a power of two, hold -mean and are counted in the variance",
        forward=_forward_of(_padded_lanes),
        vjp=_vjp,
    ),
    _.fault(
        "layer-norm-difference-of-squares",
        "tracel-ai/burn#5607",
        "mean(x ** 2) - mean ** 2 cancels where the mean is large beside the spread",
        forward=_forward_of(_difference_of_squares),
        vjp=_vjp,
        dtype="float32",
    ),
    _.fault(
        "layer-norm-no-shift-term",
        "BVLC/caffe!1891",
        "x_bar lacks the part that comes back through the mean",
        forward=_backward,
        vjp=_vjp_of_some("stretch"),
    ),
    _.fault(
        "layer-norm-no-stretch-term",
        "ooples/AiDotNet!695",
        "x_bar lacks the part that comes back through the variance",
        forward=_backward,
        vjp=_vjp_of_some("shift"),
    ),
    _.fault(
        "layer-norm-constant-statistics",
        "BVLC/caffe#3878",
        "mean and variance are taken for constants in the backward",
        forward=_backward,
        vjp=_vjp_of_some(""),
    ),
    _.fault(
        "layer-norm-gradients-exchanged",
        "Oneflow-Inc/oneflow!6149",
        "weight_bar is returned for bias_bar, and the other way round",
        vjp=_exchanged,
    ),
    _.fault(
        "layer-norm-weight-gradient-of-one-row",
        "Oneflow-Inc/oneflow!10561",
        "weight_bar is summed over the first axis only: right for two axes, wrong for three",
        vjp=_first_axis_only,
    ),
    _.fault(
        "layer-norm-weight-gradient-in-bfloat16",
        "linkedin/Liger-Kernel!950",
        "weight_bar is added up in bfloat16, whose sums of ones end at 256",
        vjp=_narrow_sums,
        dtype="bfloat16",
        wide=False,
    ),
)
