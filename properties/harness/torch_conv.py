"""A right convolution as an `autograd.Function`, and small arrays whose gradients are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.nn import grad as untyped_grad

from bpcheck import adapters
from bpcheck.subject import Subject

# Torch gives these no types.
grad: Any = untyped_grad

CONV = {"stride": (1,), "padding": (0,), "dilation": (1,), "groups": 1}
POOL = {"kernel_size": (2,), "stride": (2,), "padding": (0,)}

X = np.array([[[1.0, 2.0, 3.0, 4.0]]])
W = np.array([[[1.0, -1.0]]])
B = np.array([0.5])
Y_BAR = np.array([[[1.0, 10.0, 100.0]]])
X_BAR = [[[1.0, 9.0, 90.0, -100.0]]]
W_BAR = [[[321.0, 432.0]]]


class Conv(torch.autograd.Function):
    """A right one, with every parameter in the order of torch."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Any,
        w: Any,
        b: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: Any = 1,
    ) -> Any:
        ctx.save_for_backward(x, w)
        ctx.params = stride, padding, dilation, groups
        return functional.conv1d(x, w, b, *ctx.params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (y_bar,) = grads
        x, w = ctx.saved_tensors
        return (
            grad.conv1d_input(x.shape, w, y_bar, *ctx.params),
            grad.conv1d_weight(x, w.shape, y_bar, *ctx.params),
            y_bar.sum((0, 2)),
            None,
            None,
            None,
            None,
        )


def apply(function: Any, *arguments: Any) -> Any:
    return function.apply(*arguments)


def conv(fn: Any) -> Subject:
    return adapters.torch(fn, operation="conv1d")


def run(subject: Subject, *operands: Any, **params: Any) -> tuple[Any, tuple[Any, ...]]:
    y, residuals = subject.forward(*operands, **params)
    return y, subject.vjp(residuals, Y_BAR.astype(np.asarray(operands[0]).dtype))


def assert_is_the_convolution(fn: Any) -> None:
    y, (x_bar, w_bar, b_bar) = run(conv(fn), X, W, B, **CONV)
    assert y.tolist() == [[[-0.5, -0.5, -0.5]]]
    assert x_bar.tolist() == X_BAR
    assert w_bar.tolist() == W_BAR
    assert b_bar.tolist() == [111.0]
