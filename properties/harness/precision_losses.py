"""Planted losses of precision: a right kernel, and the same one made a little less precise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import ml_dtypes
import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations import operation_named
from bpcheck.subject import Subject
from reference import avg_pool, conv

Forward = Callable[..., tuple[Array, Any]]


@dataclass(frozen=True, slots=True)
class Loss:
    """A kernel before and after a change that costs precision, and what shows it cheapest."""

    name: str
    before: Subject
    after: Subject
    dtype: str
    results: tuple[str, ...]
    longest: int = 1024


def _conv(forward: Forward = conv.forward, vjp: Callable[..., Any] = conv.vjp) -> Subject:
    return Subject(
        forward, vjp, operation="conv2d", name="conv", dtypes=("float64", "float32", "float16")
    )


def _pool(forward: Forward = avg_pool.forward, vjp: Callable[..., Any] = avg_pool.vjp) -> Subject:
    return replace(_conv(forward, vjp), operation=operation_named("avg_pool2d"), name="pool")


def in_float16_blocks(x: Array, w: Array, b: Array | None, **params: Any) -> tuple[Array, Any]:
    """Blocks of 16 channels whose sums are accumulated in float16."""
    y, residuals = conv.forward(x, w, b, **params)
    total = np.zeros(y.shape, np.float16)
    for start in range(0, x.shape[1], 16):
        block = slice(start, start + 16)
        part, _ = conv.forward(
            np.ascontiguousarray(x[:, block]), np.ascontiguousarray(w[:, block]), None, **params
        )
        total += part.astype(np.float16)
    bias = 0 if b is None else b.reshape(-1, 1, 1)
    return (total.astype(x.dtype) + bias).astype(x.dtype), residuals


def with_operands(rounded: Callable[[Array], Array]) -> Subject:
    """Every operand and the cotangent rounded before the kernel sees them."""

    def forward(x: Array, w: Array, b: Array | None, **params: Any) -> tuple[Array, Any]:
        y, residuals = conv.forward(
            rounded(x), rounded(w), b if b is None else rounded(b), **params
        )
        return y.astype(x.dtype), (residuals, x.dtype)

    def vjp(residuals: tuple[Any, Any], y_bar: Array) -> tuple[Array | None, ...]:
        inner, dtype = residuals
        gradients = conv.vjp(inner, rounded(y_bar))
        return tuple(each if each is None else each.astype(dtype) for each in gradients)

    return _conv(forward, vjp)


def to_tf32(values: Array) -> Array:
    """Rounded to 11 significand bits, as tensor cores read float32."""
    bits = values.view(np.uint32)
    odd = (bits >> np.uint32(13)) & np.uint32(1)
    return ((bits + np.uint32(0xFFF) + odd) & np.uint32(0xFFFFE000)).view(np.float32)


def coarse_cotangent(residuals: Any, y_bar: Array) -> tuple[Array, Array, Array | None]:
    """The cotangent rounded to bfloat16."""
    return conv.vjp(residuals, y_bar.astype(ml_dtypes.bfloat16).astype(y_bar.dtype))


def pairwise_bias(residuals: Any, y_bar: Array) -> tuple[Array, Array, Array | None]:
    """``b_bar`` by NumPy's pairwise summation over each plane."""
    x_bar, w_bar, _ = conv.vjp(residuals, y_bar)
    planes = np.ascontiguousarray(y_bar).reshape(*y_bar.shape[:2], -1)
    return x_bar, w_bar, planes.sum(axis=-1).sum(axis=0)


def naive_bias(residuals: Any, y_bar: Array) -> tuple[Array, Array, Array | None]:
    """``b_bar`` one term after the other."""
    x_bar, w_bar, _ = conv.vjp(residuals, y_bar)
    terms = y_bar.swapaxes(0, 1).reshape(y_bar.shape[1], -1)
    return x_bar, w_bar, np.add.accumulate(terms, axis=1, dtype=y_bar.dtype)[:, -1]


def by_reciprocal(x: Array, **params: Any) -> tuple[Array, Any]:
    """The window's sum times a float16 reciprocal of the divisor."""
    _, residuals = avg_pool.forward(x, **params)
    total, _ = avg_pool.forward(x.astype(np.float32), **{**params, "divisor_override": 1})
    reciprocal = np.float16(1) / np.float16(np.prod(params["kernel_size"]))
    return (total * np.float32(reciprocal)).astype(x.dtype), residuals


def fused_scaling(residuals: avg_pool.Residuals, y_bar: Array) -> tuple[Array]:
    """Every share rounded to the dtype before the shares are added."""
    share = (y_bar / residuals.divisor).astype(y_bar.dtype)
    return avg_pool.vjp(replace(residuals, divisor=np.ones_like(residuals.divisor)), share)


def stored_half_way(x: Array, w: Array, b: Array | None, **params: Any) -> tuple[Array, Any]:
    """In one element of a thousand, the sum is rounded to the dtype after half of its terms."""
    y, residuals = conv.forward(x, w, b, **params)
    half = x.shape[1] // 2
    wide = [each.astype(np.float32) for each in (x, w)]
    first, _ = conv.forward(wide[0][:, :half].copy(), wide[1][:, :half].copy(), None, **params)
    rest, _ = conv.forward(wide[0][:, half:].copy(), wide[1][:, half:].copy(), None, **params)
    bias = np.float32(0) if b is None else b.astype(np.float32).reshape(-1, 1, 1)
    twice = (first.astype(x.dtype).astype(np.float32) + (rest + bias)).astype(x.dtype)
    y = y.copy()
    y.flat[::1000] = twice.flat[::1000]
    return y, residuals


def through_bfloat16(x: Array, w: Array, b: Array | None, **params: Any) -> tuple[Array, Any]:
    """One element of a thousand is rounded to bfloat16 on its way out."""
    y, residuals = conv.forward(x, w, b, **params)
    y = y.copy()
    y.flat[::1000] = y.flat[::1000].astype(ml_dtypes.bfloat16)
    return y, residuals


# Transforms of F(4, 3): A. Lavin and S. Gray, Fast algorithms for convolutional neural networks,
# CVPR 2016, section 4.3.
_B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_A = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])


def winograd(x: Array, w: Array, b: Array | None, **params: Any) -> tuple[Array, Any]:
    """F(4x4, 3x3) where it applies, the direct sum elsewhere."""
    y, residuals = conv.forward(x, w, b, **params)
    plain = params["stride"] == (1, 1) == params["dilation"] and params["padding"] == (0, 0)
    if (
        w.shape[2:] != (3, 3)
        or not plain
        or params["groups"] != 1
        or any(s % 4 for s in y.shape[2:])
    ):
        return y, residuals
    to_tile, to_kernel, to_output = (each.astype(x.dtype) for each in (_B, _G, _A))
    tiles = np.lib.stride_tricks.sliding_window_view(x, (6, 6), axis=(2, 3))[:, :, ::4, ::4]
    data = np.einsum("ij,ncpqjk,lk->ilcnpq", to_tile, tiles, to_tile)
    kernel = np.einsum("ij,ocjk,lk->iloc", to_kernel, w, to_kernel)
    sums = kernel @ data.reshape(*data.shape[:3], -1)
    sums = sums.reshape(6, 6, len(w), *data.shape[3:])
    out = np.einsum("ij,jkonpq,lk->nopiql", to_output, sums, to_output).reshape(y.shape)
    bias = 0 if b is None else b.reshape(-1, 1, 1)
    return (out + bias).astype(x.dtype), residuals


LOSSES = (
    Loss("float16 accumulation for float32", _conv(), _conv(in_float16_blocks), "float32", ("y",)),
    Loss(
        "float32 inside a float64 kernel",
        _conv(),
        with_operands(lambda values: values.astype(np.float32)),
        "float64",
        ("w_bar",),
    ),
    Loss("TF32 inputs", _conv(), with_operands(to_tf32), "float32", ("y",)),
    Loss(
        "bf16 rounding of the cotangent",
        _conv(),
        _conv(vjp=coarse_cotangent),
        "float32",
        ("w_bar",),
    ),
    Loss(
        "naive for pairwise summation",
        _conv(vjp=pairwise_bias),
        _conv(vjp=naive_bias),
        "float32",
        ("b_bar",),
        65_536,
    ),
    Loss("float16 reciprocal of the divisor", _pool(), _pool(by_reciprocal), "float16", ("y",)),
    Loss("fused scaling in float16", _pool(), _pool(vjp=fused_scaling), "float16", ("x_bar",)),
    Loss(
        "one in a thousand rounded twice (float16, stored half way)",
        _conv(),
        _conv(stored_half_way),
        "float16",
        ("y",),
    ),
    Loss(
        "one in a thousand rounded twice (float32, through bfloat16)",
        _conv(),
        _conv(through_bfloat16),
        "float32",
        ("y",),
    ),
    Loss("Winograd F(4x4, 3x3) for direct", _conv(), _conv(winograd), "float32", ("y",)),
)


def permuted(subject: Subject, seed: int) -> Subject:
    """The same convolution with its input channels, so the terms of sums, in another order."""

    def order(count: int) -> Array:
        return np.random.default_rng((seed, count)).permutation(count)

    def forward(x: Array, w: Array, b: Array | None, **params: Any) -> tuple[Array, Any]:
        channels = order(x.shape[1])
        y, residuals = subject.forward(x[:, channels].copy(), w[:, channels].copy(), b, **params)
        return y, (residuals, channels)

    def vjp(residuals: tuple[Any, Array], y_bar: Array) -> tuple[Array | None, ...]:
        x_bar, w_bar, b_bar = subject.vjp(residuals[0], y_bar)
        back = np.argsort(residuals[1])
        return x_bar[:, back].copy(), w_bar[:, back].copy(), b_bar

    return replace(subject, forward=forward, vjp=vjp)
