"""Average pools, right in their plain numbers, that break one promise each, with right twins."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad


def _one(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


class Average(torch.autograd.Function):
    """An average pool without padding, written with sums of strided slices."""

    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        ctx.shape, ctx.k, ctx.s = x.shape, k, s
        return x.unfold(2, k, s).sum(3) / k

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _spread(grads[0] / ctx.k, ctx.shape, ctx.k, ctx.s), None, None


def _spread(share: Any, shape: Any, k: int, s: int) -> Any:
    x_bar = share.new_zeros(shape)
    outs = share.shape[2]
    for j in range(k):
        x_bar[:, :, j : j + s * (outs - 1) + 1 : s] += share
    return x_bar


def _avg(function: Any) -> Any:
    def avg(x: Tensor, kernel_size: Any, stride: Any) -> Any:
        return function.apply(x, _one(kernel_size)[0], _one(stride)[0])

    return avg


def _spread_any(share: Any, shape: Any, k: int, s: int) -> Any:
    outs = share.shape[-1]
    total: Any = 0
    for j in range(k):
        apart = share.unsqueeze(-1)
        apart = pad(apart, (0, s - 1)).flatten(-2)[..., : s * (outs - 1) + 1]
        total = total + pad(apart, (j, shape[-1] - j - apart.shape[-1]))
    return total


# The cotangent is scaled in place. https://github.com/linkedin/Liger-Kernel/issues/254
class ScalesCotangent(Average):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        share = grads[0] if grads[0].is_contiguous() else grads[0].clone()
        return _spread(share.div_(ctx.k), ctx.shape, ctx.k, ctx.s), None, None


broken_scales_cotangent, kept_scales_cotangent = _avg(ScalesCotangent), _avg(Average)


# The backward leaves torch's graph, and a second derivative is silently nothing.
# https://github.com/pytorch/pytorch/issues/76185
class LeavesGraph(Average):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _spread(grads[0].detach() / ctx.k, ctx.shape, ctx.k, ctx.s), None, None


class Once(Average):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        return _spread(grads[0].detach() / ctx.k, ctx.shape, ctx.k, ctx.s), None, None


broken_leaves_graph, kept_leaves_graph = _avg(LeavesGraph), _avg(Once)


# A window of one returns the operand itself. https://github.com/pytorch/pytorch/issues/5871
class ReturnsOperand(Average):
    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        ctx.shape, ctx.k, ctx.s = x.shape, k, s
        return x.detach() if k == s == 1 else x.unfold(2, k, s).sum(3) / k


broken_returns_operand, kept_returns_operand = _avg(ReturnsOperand), _avg(Average)


# A window of one returns the cotangent itself. https://github.com/pytorch/pytorch/issues/34082
class ReturnsCotangent(Average):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if ctx.k == ctx.s == 1:
            return grads[0].view_as(grads[0]), None, None
        return Average.backward(ctx, *grads)


broken_returns_cotangent, kept_returns_cotangent = _avg(ReturnsCotangent), _avg(Average)


# A vmap of its own that takes the mapped axis to be the first.
# https://github.com/pytorch/pytorch/pull/92023
class MapsFirst(torch.autograd.Function):
    @staticmethod
    def forward(x: Any, k: int, s: int) -> Any:
        return x.unfold(-1, k, s).sum(-1) / k

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, ctx.k, ctx.s = inputs
        ctx.shape = x.shape

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _spread_any(grads[0] / ctx.k, ctx.shape, ctx.k, ctx.s), None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, k: int, s: int) -> Any:
        apply: Any = MapsFirst.apply
        return apply(x, k, s), 0


class MapsAny(MapsFirst):
    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, k: int, s: int) -> Any:
        apply: Any = MapsAny.apply
        return apply(x.movedim(in_dims[0], 0), k, s), 0


broken_vmap_axis, kept_vmap_axis = _avg(MapsFirst), _avg(MapsAny)


# A gradient whose cells share one number in memory. https://github.com/pytorch/pytorch/issues/34082
class Expands(Average):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if ctx.k == ctx.shape[2]:
            return (grads[0] / ctx.k).expand(ctx.shape), None, None
        return Average.backward(ctx, *grads)


broken_expands, kept_expands = _avg(Expands), _avg(Average)
