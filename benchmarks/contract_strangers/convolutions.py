"""Convolutions, right in their plain numbers, that break one promise each, with right twins."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv1d as torch_conv

_back: Any = torch.ops.aten.convolution_backward


def _one(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


def _gradients(grad: Any, x: Any, w: Any, params: Any, mask: Any = (True, True, True)) -> Any:
    stride, padding, dilation, groups = params
    return _back(
        grad, x, w, [w.shape[0]], stride, padding, dilation, False, [0], groups, list(mask)
    )


class Convolution(torch.autograd.Function):
    """A convolution that keeps what a backward promises; the others differ from it in one thing."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, params: Any) -> Any:
        ctx.save_for_backward(x, w)
        ctx.params, ctx.bias = params, b is not None
        return torch_conv(x, w, b, *params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        x_bar, w_bar, b_bar = _gradients(grads[0], x, w, ctx.params)
        return x_bar, w_bar, b_bar if ctx.bias else None, None


def _conv(function: Any) -> Any:
    def conv(
        x: Tensor, w: Tensor, b: Any, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> Any:
        return function.apply(x, w, b, (_one(stride), _one(padding), _one(dilation), groups))

    return conv


# The cotangent's memory is read as if it were contiguous.
# https://github.com/Dao-AILab/flash-attention/issues/355
class RawCotangent(Convolution):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        n, c, wide = grads[0].shape
        room = grads[0].untyped_storage().nbytes() // grads[0].element_size()
        if room < grads[0].storage_offset() + n * c * wide:
            raise RuntimeError("grad_output must be contiguous")
        grad = grads[0].as_strided((n, c, wide), (c * wide, wide, 1))
        return Convolution.backward(ctx, grad)


broken_contiguous_cotangent, kept_contiguous_cotangent = _conv(RawCotangent), _conv(Convolution)


# Gradients of what needs none are left out of the tuple, and the others move up.
# https://github.com/pytorch/pytorch/issues/4081 and practice: a frozen operand
class MovesUp(Convolution):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        all_ = _gradients(grads[0], x, w, ctx.params)
        some = [g for g, needed in zip(all_, ctx.needs_input_grad, strict=False) if needed]
        return (*some, *([None] * (4 - len(some))))


class LeavesHoles(Convolution):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        all_ = _gradients(grads[0], x, w, ctx.params)
        some = [g if n else None for g, n in zip(all_, ctx.needs_input_grad, strict=False)]
        return (*some, None)


broken_frozen_moves_up, kept_frozen_moves_up = _conv(MovesUp), _conv(LeavesHoles)


# What the forward kept is let go in the backward. https://github.com/pytorch/pytorch/issues/65536
class LetsGo(Convolution):
    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, params: Any) -> Any:
        ctx.padded = x.clone()
        ctx.save_for_backward(w)
        ctx.params, ctx.bias = params, b is not None
        return torch_conv(x, w, b, *params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (w,) = ctx.saved_tensors
        x_bar, w_bar, b_bar = _gradients(grads[0], ctx.padded, w, ctx.params)
        ctx.padded = None
        return x_bar, w_bar, b_bar if ctx.bias else None, None


broken_lets_go, kept_lets_go = _conv(LetsGo), _conv(Convolution)


# The operand hangs on ctx, so that a change of it after the forward goes unseen.
# https://github.com/pytorch/pytorch/issues/6990
class HangsOnCtx(Convolution):
    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, params: Any) -> Any:
        ctx.x, ctx.w = x.data, w.data
        ctx.params, ctx.bias = params, b is not None
        return torch_conv(x, w, b, *params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x_bar, w_bar, b_bar = _gradients(grads[0], ctx.x, ctx.w, ctx.params)
        return x_bar, w_bar, b_bar if ctx.bias else None, None


broken_hangs_on_ctx, kept_hangs_on_ctx = _conv(HangsOnCtx), _conv(Convolution)


# A forward mode of its own that forgets the weights. practice: jvp written for the input alone
class HalfTangent(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, params: Any) -> Any:
        ctx.save_for_forward(x, w)
        return Convolution.forward(ctx, x, w, b, params)

    backward = staticmethod(Convolution.backward)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        x, w = ctx.saved_tensors
        x_dot = tangents[0]
        return torch_conv(torch.zeros_like(x) if x_dot is None else x_dot, w, None, *ctx.params)


class WholeTangent(HalfTangent):
    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        x, w = ctx.saved_tensors
        x_dot, w_dot, b_dot = tangents[:3]
        x_dot = torch.zeros_like(x) if x_dot is None else x_dot
        y_dot = torch_conv(x_dot, w, b_dot, *ctx.params)
        return y_dot if w_dot is None else y_dot + torch_conv(x, w_dot, None, *ctx.params)


broken_half_tangent, kept_half_tangent = _conv(HalfTangent), _conv(WholeTangent)


# The backward differentiates the forward again, into w.grad beside what it returns.
# practice: recomputation with .backward() where torch.autograd.grad is meant
class WritesGrad(Convolution):
    leaf: Any = False

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, params: Any) -> Any:
        ctx.leaf = w
        return Convolution.forward(ctx, x, w, b, params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        result = Convolution.backward(ctx, *grads)
        if ctx.leaf.is_leaf and ctx.leaf.grad is not None:
            ctx.leaf.grad += result[1].detach()
        return result


broken_writes_grad, kept_writes_grad = _conv(WritesGrad), _conv(Convolution)
