"""What is kept between forward and backward, out of sight of the version counters."""

from __future__ import annotations

from typing import Any

from benchmarks.contract_material.base import Plain, Violation, conv, gradients


class InTheContext(Plain):
    """The input is an attribute of the context."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(w)
        ctx.x, ctx.params = x, params
        return conv(x, w, b, params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (w,) = ctx.saved_tensors
        return gradients(ctx, ctx.x, w, grads[0])


class DataOfTheWeights(Plain):
    """The weights are saved by ``.data``, which counts no versions."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x, w.data)
        ctx.params = params
        return conv(x, w, b, params)


class NumpyView(Plain):
    """The weights are kept as the array that lies in their memory."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.array, ctx.params = w.detach().numpy(), params
        return conv(x, w, b, params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return gradients(ctx, x, x.new_tensor(ctx.array), grads[0])


ROW = "saved tensors"

VIOLATIONS = (
    Violation(
        "an operand in the context", ROW, "https://github.com/pyro-ppl/pyro/pull/1049", InTheContext
    ),
    Violation(
        "data of an operand",
        ROW,
        "https://github.com/pytorch/pytorch/issues/4189",
        DataOfTheWeights,
    ),
    Violation(
        "an array of an operand", ROW, "https://github.com/asappresearch/sru/pull/171", NumpyView
    ),
)
