"""A right convolution as an `autograd.Function`, and what a violation of its contract is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from torch.nn import grad as untyped_grad

# Torch gives these no types.
grad: Any = untyped_grad


@dataclass(frozen=True)
class Violation:
    """One mistake of a public report, made in a convolution.

    Parameters
    ----------
    name
        What it is, in a few words.
    row
        The row of the report that is there for it.
    report
        Where it was reported.
    function
        The convolution that makes it: an `autograd.Function`, a callable or a registered operator.
    is_missing
        Whether a feature is missing, or an error is raised, where others are silently wrong.
    """

    name: str
    row: str
    report: str
    function: Any
    is_missing: bool = False


def conv(x: Any, w: Any, b: Any, params: Any) -> Any:
    """The forward, on numbers alone: a padding that is a word is refused."""
    if isinstance(params[1], str):
        raise NotImplementedError("a padding that is a word")
    return functional.conv1d(x, w, b, *params)


def x_bar_of(x: Any, w: Any, y_bar: Any, params: Any) -> Any:
    """The gradient of the input."""
    return grad.conv1d_input(x.shape, w, y_bar, *params)


def w_bar_of(x: Any, w: Any, y_bar: Any, params: Any) -> Any:
    """The gradient of the weights."""
    return grad.conv1d_weight(x, w.shape, y_bar, *params)


def b_bar_of(y_bar: Any) -> Any:
    """The gradient of the bias."""
    return y_bar.sum((0, 2))


def asked(ctx: Any, *makers: Callable[[], Any]) -> tuple[Any, ...]:
    """The gradients that are asked for, and ``None`` for the others and the four params."""
    needs = ctx.needs_input_grad
    return (*(make() if need else None for make, need in zip(makers, needs, strict=False)),
            None, None, None, None)  # fmt: skip


def gradients(ctx: Any, x: Any, w: Any, y_bar: Any) -> tuple[Any, ...]:
    """What a right backward returns."""
    return asked(
        ctx,
        lambda: x_bar_of(x, w, y_bar, ctx.params),
        lambda: w_bar_of(x, w, y_bar, ctx.params),
        lambda: b_bar_of(y_bar),
    )


def applied(function: Any, *arguments: Any) -> Any:
    """``function.apply``, which torch gives no types."""
    return function.apply(*arguments)


class Right(torch.autograd.Function):
    """The right one: in both modes, under every transform, twice."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Any,
        w: Any,
        b: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: Any = 1,
    ) -> Any:
        return conv(x, w, b, (stride, padding, dilation, groups))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's signature
        ctx.save_for_backward(*inputs[:2])
        ctx.save_for_forward(*inputs[:2])
        ctx.params = inputs[3:]

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        return gradients(ctx, x, w, grads[0])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        x, w = ctx.saved_tensors
        x_dot, w_dot, b_dot, *_ = tangents
        y_dot = conv(x_dot, w, None, ctx.params) + conv(x, w_dot, None, ctx.params)
        return y_dot if b_dot is None else y_dot + b_dot[:, None]


class Plain(torch.autograd.Function):
    """The right one as most people write it: one forward with a context, no transform."""

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
        return conv(x, w, b, ctx.params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        return gradients(ctx, x, w, grads[0])
