"""Max pools that are right in their plain numbers and break one promise, each with a right twin."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.contract_strangers.pools import _avg


class Maximum(torch.autograd.Function):
    """A max pool without padding."""

    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        y, index = x.unfold(2, k, s).max(3)
        index = index + s * torch.arange(y.shape[2])
        ctx.save_for_backward(index)
        ctx.shape = x.shape
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (index,) = ctx.saved_tensors
        return grads[0].new_zeros(ctx.shape).scatter_add(2, index, grads[0]), None, None


# The backward writes over what it kept. https://github.com/axolotl-ai-cloud/axolotl/pull/3892
class WritesOver(Maximum):
    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        y = Maximum.forward(ctx, x, k, s)
        ctx.room = x.new_zeros(x.shape)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (index,) = ctx.saved_tensors
        return ctx.room.scatter_add_(2, index, grads[0]), None, None


broken_writes_over, kept_writes_over = _avg(WritesOver), _avg(Maximum)


# The output hangs on ctx: a circle that is never freed.
# https://github.com/pytorch/pytorch/issues/25340
class Circle(Maximum):
    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        ctx.y = Maximum.forward(ctx, x, k, s)
        return ctx.y


broken_circle, kept_circle = _avg(Circle), _avg(Maximum)


# The output is kept without its version, and a change of it in place goes unseen.
# https://github.com/pytorch/pytorch/issues/24413
class KeepsOutput(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        y = x.unfold(2, k, s).amax(3)
        ctx.save_for_backward(x)
        ctx.y, ctx.k, ctx.s = y.data, k, s
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        y = ctx.y
        won = x.unfold(2, ctx.k, ctx.s) == y.unsqueeze(3)
        nan = x.unfold(2, ctx.k, ctx.s).isnan() & y.isnan().unsqueeze(3)
        index = (won | nan).to(torch.uint8).argmax(3) + ctx.s * torch.arange(y.shape[2])
        return grads[0].new_zeros(x.shape).scatter_add(2, index, grads[0]), None, None


broken_keeps_output, kept_keeps_output = _avg(KeepsOutput), _avg(Maximum)
