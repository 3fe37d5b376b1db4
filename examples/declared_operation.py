"""Operations declared by functions on torch's tensors, and kernels that are judged by them.

In this directory:

    bpcheck check declared_operation:layer_norm declared_operation:LayerNorm
    bpcheck check declared_operation:layer_norm declared_operation:WithoutMean
    bpcheck check declared_operation:softmax_and_total declared_operation:SoftmaxAndTotal
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

import bpcheck
from bpcheck import between, each, labels, positive

Array = npt.NDArray[Any]


@bpcheck.operation(
    "x: *batch c, weight: c?, bias: c?",
    sizes={"c": range(1, 2049)},
    params={"eps": between(1e-6, 1e-2)},
)
def layer_norm(
    x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, *, eps: float
) -> torch.Tensor:
    """Each row less its mean, in units of its spread."""
    return functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


@bpcheck.operation(
    "x: n (g*ci) h w, weight: (g*ci) co kh kw, bias: (g*co)?",
    sizes={
        "g": range(1, 5),
        "ci": range(1, 9),
        "co": range(1, 9),
        "kh": range(1, 6),
        "kw": range(1, 6),
    },
    params={
        "stride": each(range(1, 4), 2),
        "padding": each(range(3), 2),
        "output_padding": each(range(3), 2),
        "dilation": each(range(1, 4), 2),
        "groups": "g",
    },
    where=lambda stride, dilation, output_padding: all(
        o < max(s, d) for o, s, d in zip(output_padding, stride, dilation, strict=True)
    ),
)
def conv_transpose2d(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    *,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: int,
) -> torch.Tensor:
    """The transpose of a convolution."""
    return functional.conv_transpose2d(
        x, weight, bias, stride, padding, output_padding, groups, dilation
    )


@bpcheck.operation(
    "logits: n c, target: n, weight: c?",
    params={"ignore_index": [-100, 0], "reduction": ["mean", "sum", "none"]},
    draw={"target": labels, "weight": positive},
    constant=("target", "weight"),
)
def cross_entropy(
    logits: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None,
    *,
    ignore_index: int,
    reduction: str,
) -> torch.Tensor:
    """Minus the logarithm of the probability of each label."""
    return functional.cross_entropy(
        logits, target, weight, ignore_index=ignore_index, reduction=reduction
    )


@bpcheck.operation("x: *batch c")
def softmax_and_total(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Each row's softmax, and the logarithm of what it was divided by: two outputs."""
    return functional.softmax(x, -1), torch.logsumexp(x, -1)


class SoftmaxAndTotal:
    """A kernel of the last one, by hand: its vjp gets a cotangent for each output."""

    def forward(self, x: Array) -> tuple[tuple[Array, Array], Array]:
        """Both outputs in a tuple, and what the vjp needs."""
        top = x.max(-1, keepdims=True)
        parts = np.exp(x - top)
        total = parts.sum(-1, keepdims=True)
        y = parts / total
        return (y, (np.log(total) + top)[..., 0]), y

    def vjp(self, y: Array, y_bar: tuple[Array, Array]) -> tuple[Array]:
        """Both shares of the gradient, added up."""
        of_softmax, of_total = y_bar
        x_bar = y * (of_softmax - (of_softmax * y).sum(-1, keepdims=True))
        return (x_bar + of_total[..., None] * y,)


class LayerNorm:
    """A kernel of the first one, by hand."""

    def forward(
        self, x: Array, weight: Array | None, bias: Array | None, *, eps: float
    ) -> tuple[Array, Any]:
        """``y``, and what the vjp needs."""
        middle = x.mean(-1, keepdims=True)
        scale = 1 / np.sqrt(((x - middle) ** 2).mean(-1, keepdims=True) + x.dtype.type(eps))
        normal = (x - middle) * scale
        y = normal if weight is None else normal * weight
        return (y if bias is None else y + bias), (normal, scale, weight, bias)

    def vjp(self, residuals: Any, y_bar: Array) -> tuple[Array | None, ...]:
        """One gradient for each operand."""
        normal, scale, weight, bias = residuals
        rows = tuple(range(y_bar.ndim - 1))
        of_normal = y_bar if weight is None else y_bar * weight
        return (
            self.of_rows(normal, scale, of_normal),
            None if weight is None else (y_bar * normal).sum(rows),
            None if bias is None else y_bar.sum(rows),
        )

    def of_rows(self, normal: Array, scale: Array, of_normal: Array) -> Array:
        """The gradient of ``x``: what the mean and the spread pass on is taken off."""
        mean = of_normal.mean(-1, keepdims=True)
        spread: Array = normal * (of_normal * normal).mean(-1, keepdims=True)
        return scale * (of_normal - mean - spread)


class WithoutMean(LayerNorm):
    """It forgets that the mean of a row depends on every number of it."""

    def of_rows(self, normal: Array, scale: Array, of_normal: Array) -> Array:
        spread: Array = normal * (of_normal * normal).mean(-1, keepdims=True)
        return scale * (of_normal - spread)
