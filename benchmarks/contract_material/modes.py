"""Functions that depend on a mode of torch that is set around them."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.contract_material.base import Plain, Violation, applied, conv, gradients


class HalfInAutocast(Plain):
    """Under autocast the forward rounds to float16, whatever the mode asks for."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x, w)
        ctx.params = params
        y = conv(x, w, b, params)
        return y.to(torch.float16) if torch.is_autocast_enabled("cpu") else y


class MixedInAutocast(Plain):
    """The backward meets a cotangent of autocast's dtype and weights of another."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x, w)
        ctx.params = params
        return conv(x, w, b, params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        return gradients(ctx, x, w, grads[0])


class DefaultZeros(Plain):
    """The result is added up in zeros of the default dtype."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x, w)
        ctx.params = params
        y = conv(x, w, b, params)
        return torch.zeros(y.shape) + y


def grad_mode_decides(
    x: Any, w: Any, b: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1
) -> Any:
    """Where no gradient is recorded, a fast path is taken, which leaves out the bias."""
    params = stride, padding, dilation, groups
    if torch.is_grad_enabled():
        return applied(Plain, x, w, b, *params)
    return conv(x, w, None, params)


class NoInference(Plain):
    """Nothing is computed where no gradient can be recorded."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        if torch.is_inference_mode_enabled():
            raise ValueError("the context holds nothing")
        ctx.save_for_backward(x, w)
        ctx.params = params
        return conv(x, w, b, params)


ROW = "modes"

VIOLATIONS = (
    Violation(
        "float16 where bfloat16 is asked",
        ROW,
        "https://github.com/pytorch/pytorch/issues/87979",
        HalfInAutocast,
    ),
    Violation(
        "mixed dtypes in the backward",
        ROW,
        "https://github.com/fla-org/flash-linear-attention/issues/70",
        MixedInAutocast,
        is_missing=True,
    ),
    Violation(
        "zeros of the default dtype",
        ROW,
        "https://github.com/bqth29/simulated-bifurcation-algorithm/issues/36",
        DefaultZeros,
    ),
    Violation(
        "another result without gradients",
        ROW,
        "https://github.com/NVlabs/LongLive/pull/61",
        grad_mode_decides,
    ),
    Violation(
        "no inference mode",
        ROW,
        "https://github.com/pytorch/pytorch/issues/32625",
        NoInference,
        is_missing=True,
    ),
)
