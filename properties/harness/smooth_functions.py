"""Smooth functions on tensors with a backward and a tangent of their own, right and wrong."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import torch
from torch.nn import functional


def _applied(function: Any, *given: Any) -> Any:
    return function.apply(*given)


class Gelu(torch.autograd.Function):
    """A GELU that can be differentiated in every way."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        return x * (1 + torch.erf(x / sqrt(2))) / 2

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @classmethod
    def slope(cls, x: Any) -> Any:
        return (1 + torch.erf(x / sqrt(2))) / 2 + x * torch.exp(-x * x / 2) / sqrt(2 * pi)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grads[0] * Gelu.slope(x)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (x,) = ctx.saved_tensors
        return tangents[0] * Gelu.slope(x)


class HalfDetached(Gelu):
    """One of two terms of the slope is of a number without history."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        bell = torch.exp(-x * x / 2) / sqrt(2 * pi)
        return grads[0] * ((1 + torch.erf(x / sqrt(2))) / 2 + x.detach() * bell)


class Detached(Gelu):
    """All of the slope is."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grads[0] * Gelu.slope(x.detach())


class Once(Gelu):
    """It says that it is differentiated once."""

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grads[0] * Gelu.slope(x)


class TangentOfTanh(Gelu):
    """The tangent is that of the other GELU."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (x,) = ctx.saved_tensors
        # By the sigmoid, as some call it too.
        gate = torch.sigmoid(1.702 * x)
        return tangents[0] * (gate + 1.702 * x * gate * (1 - gate))


class OneSample(Gelu):
    """In a batch the first sample is everybody's."""

    generate_vmap_rule = False

    @staticmethod
    def vmap(_: Any, in_dims: Any, x: Any) -> Any:
        samples = x.movedim(in_dims[0], 0)
        return _applied(OneSample, samples[:1].expand_as(samples)), 0


class Taken(Gelu):
    """An undefined cotangent is taken for ones."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        Gelu.setup_context(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return Gelu.slope(x) if grads[0] is None else grads[0] * Gelu.slope(x)


class Hanging(Gelu):
    """The operand hangs on the context, where no version is counted."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _: Any) -> None:
        ctx.x = inputs[0].detach()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0] * Gelu.slope(ctx.x)


class UsedUp(Gelu):
    """What was kept is scaled in the backward, and the second one has it so."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _: Any) -> None:
        ctx.slope = Gelu.slope(inputs[0].detach())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        return ctx.slope.mul_(grads[0]).clone()


def otherwise_without_a_graph(x: Any) -> Any:
    """A fast path where nothing is recorded."""
    return _applied(Gelu, x) if torch.is_grad_enabled() else functional.gelu(x, approximate="tanh")


def normed(x: Any, eps: float) -> Any:
    """Rows without their mean, in units of their spread."""
    centred = x - x.mean(-1, keepdim=True)
    return centred * torch.rsqrt((centred * centred).mean(-1, keepdim=True) + eps)


class LayerNorm(torch.autograd.Function):
    """A layer norm that can be differentiated in every way."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any, weight: Any, bias: Any, eps: float) -> Any:
        return normed(x, eps) * weight + bias

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _: Any) -> None:
        x, weight, _, ctx.eps = inputs
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, weight = ctx.saved_tensors
        return LayerNorm.gradients(x, weight, ctx.eps, grads[0])

    @staticmethod
    def gradients(x: Any, weight: Any, eps: float, y_bar: Any, *, history: bool = True) -> Any:
        centred = x - x.mean(-1, keepdim=True)
        scale = torch.rsqrt((centred * centred).mean(-1, keepdim=True) + eps)
        x_hat, bar = centred * scale, y_bar * weight
        along = (bar * x_hat).mean(-1, keepdim=True)
        of_rows = x_hat if history else x_hat.detach()
        x_bar = scale * (bar - bar.mean(-1, keepdim=True) - of_rows * along)
        rows = tuple(range(x.ndim - 1))
        return x_bar, (y_bar * x_hat).sum(rows), y_bar.sum(rows), None

    @staticmethod
    def tangent(ctx: Any, tangents: Any, *, mean: bool = True) -> Any:
        x, weight = ctx.saved_tensors
        x_dot, weight_dot, bias_dot = (0.0 if each is None else each for each in tangents[:3])
        centred = x - x.mean(-1, keepdim=True)
        scale = torch.rsqrt((centred * centred).mean(-1, keepdim=True) + ctx.eps)
        x_hat = centred * scale
        moved = torch.as_tensor(x_dot, dtype=x.dtype).expand(x.shape)
        if mean:
            moved = moved - moved.mean(-1, keepdim=True)
        x_hat_dot = scale * (moved - x_hat * (moved * x_hat).mean(-1, keepdim=True))
        return x_hat_dot * weight + x_hat * weight_dot + bias_dot

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return LayerNorm.tangent(ctx, tangents)


class TangentWithoutMean(LayerNorm):
    """The mean of a row is taken to stay where it is."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return LayerNorm.tangent(ctx, tangents, mean=False)


class HalfOfHistory(LayerNorm):
    """The rows in the last term of the backward have none."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, weight = ctx.saved_tensors
        return LayerNorm.gradients(x, weight, ctx.eps, grads[0], history=False)


class FrozenWeight(LayerNorm):
    """Without a gradient of the weight, the cotangent goes past it."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, weight = ctx.saved_tensors
        own = weight if ctx.needs_input_grad[1] else torch.ones_like(weight)
        x_bar, *_ = LayerNorm.gradients(x, own, ctx.eps, grads[0])
        return (x_bar, *LayerNorm.gradients(x, weight, ctx.eps, grads[0])[1:])


def layer_norm_of(function: Any) -> Any:
    """It as a function with the params of torch's."""

    def layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
        return _applied(function, x, weight, bias, eps)

    return layer_norm
