"""Second derivatives that are wrong, or cut off."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from benchmarks.contract_material.base import (
    Plain,
    Violation,
    applied,
    asked,
    b_bar_of,
    conv,
    gradients,
    w_bar_of,
    x_bar_of,
)


class SavedIntermediate(Plain):
    """The padded input is kept in the context: the way back to the input is cut."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x, w)
        y = conv(x, w, b, params)
        ctx.params, ctx.padded = params, functional.pad(x, (params[1][0],) * 2)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        unpadded = (ctx.params[0], (0,), *ctx.params[2:])
        return asked(
            ctx,
            lambda: x_bar_of(x, w, grads[0], ctx.params),
            lambda: w_bar_of(ctx.padded, w, grads[0], unpadded),
            lambda: b_bar_of(grads[0]),
        )


class HalfIntermediate(Plain):
    """The weights' gradient needs the input and twice the input, which was saved on the way."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x, w)
        ctx.params, ctx.twice = params, 2 * x
        return conv(x, w, b, params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        return asked(
            ctx,
            lambda: x_bar_of(x, w, grads[0], ctx.params),
            lambda: (
                w_bar_of(ctx.twice, w, grads[0], ctx.params) - w_bar_of(x, w, grads[0], ctx.params)
            ),
            lambda: b_bar_of(grads[0]),
        )


class SavedTemporary(Plain):
    """Twice the weights are saved as a tensor for the backward, where they have no history."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x, w, 2 * w)
        ctx.params = params
        return conv(x, w, b, params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w, twice = ctx.saved_tensors
        return asked(
            ctx,
            lambda: x_bar_of(x, twice - w, grads[0], ctx.params),
            lambda: w_bar_of(x, w, grads[0], ctx.params),
            lambda: b_bar_of(grads[0]),
        )


class _InputGradient(torch.autograd.Function):
    """The input's gradient with a derivative of its own, which knows no dilation."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, y_bar: Any, params: Any) -> Any:
        ctx.save_for_backward(w, y_bar)
        ctx.params = params
        return x_bar_of(x, w, y_bar, params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        w, y_bar = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.params
        v = grads[0]
        reach = dilation[0] * (w.shape[2] - 1) + 1
        narrow = functional.pad(v, (padding[0],) * 2)
        # The taps are taken side by side.
        taps = narrow.unfold(2, reach, stride[0])[..., : w.shape[2]]
        n, _, steps, width = taps.shape
        grouped = taps.reshape(n, groups, -1, steps, width)
        weights = w.reshape(groups, -1, *w.shape[1:])
        y_dot = torch.einsum("ngcsk,gock->ngos", grouped, weights).reshape(n, -1, steps)
        w_dot = torch.einsum(
            "ngcsk,ngos->gock", grouped, y_bar.reshape(n, groups, -1, steps)
        ).reshape(w.shape)
        return None, w_dot, y_dot, None


class NoDilation(Plain):
    """The double backward knows no dilation."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        return asked(
            ctx,
            lambda: applied(_InputGradient, x, w, grads[0], ctx.params),
            lambda: w_bar_of(x, w, grads[0], ctx.params),
            lambda: b_bar_of(grads[0]),
        )


class Detached(Plain):
    """The whole backward is computed without a graph, and does not say so."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        with torch.no_grad():
            return gradients(ctx, x, w, grads[0])


ROW = "double backward"

VIOLATIONS = (
    Violation(
        "an intermediate in the context",
        ROW,
        "https://github.com/pytorch/pytorch/issues/58509",
        SavedIntermediate,
        is_missing=True,
    ),
    Violation(
        "half of the history",
        ROW,
        "https://github.com/pytorch/pytorch/issues/76185",
        HalfIntermediate,
    ),
    Violation(
        "a temporary is saved",
        ROW,
        "https://github.com/pytorch/pytorch/issues/104040",
        SavedTemporary,
    ),
    Violation(
        "no dilation in the second derivative",
        ROW,
        "https://github.com/caogang/wgan-gp/issues/16",
        NoDilation,
    ),
    Violation(
        "a backward without a graph",
        ROW,
        "https://github.com/caogang/wgan-gp/issues/4",
        Detached,
        is_missing=True,
    ),
)
