"""Gradients that are wrong where only some operands need one."""

from __future__ import annotations

from typing import Any

from benchmarks.contract_material.base import (
    Plain,
    Violation,
    asked,
    b_bar_of,
    gradients,
    w_bar_of,
    x_bar_of,
)


class FrozenInput(Plain):
    """Nothing is computed where the input is frozen."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if not ctx.needs_input_grad[0]:
            return (None,) * 7
        x, w = ctx.saved_tensors
        return gradients(ctx, x, w, grads[0])


class BiasWithWeights(Plain):
    """The bias has a gradient only where the weights need one."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        (y_bar,) = grads
        use_bias = ctx.needs_input_grad[1]
        return asked(
            ctx,
            lambda: x_bar_of(x, w, y_bar, ctx.params),
            lambda: w_bar_of(x, w, y_bar, ctx.params),
            lambda: b_bar_of(y_bar) if use_bias else None,
        )


class PrunedInputs(Plain):
    """What is saved depends on the weights, and the input's gradient is lost with them."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        (y_bar,) = grads
        return asked(
            ctx,
            lambda: x_bar_of(x, w, y_bar, ctx.params) * bool(ctx.needs_input_grad[1]),
            lambda: w_bar_of(x, w, y_bar, ctx.params),
            lambda: b_bar_of(y_bar),
        )


class CompactedGradients(Plain):
    """Gradients are returned without gaps, so that they reach the wrong operand."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        found = gradients(ctx, x, w, grads[0])
        wanted = [each for each in found if each is not None]
        return (*wanted, *(None,) * (7 - len(wanted)))


class EveryGradient(Plain):
    """All gradients are computed, whoever asks."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        (y_bar,) = grads
        bars = x_bar_of(x, w, y_bar, ctx.params), w_bar_of(x, w, y_bar, ctx.params)
        b_bar = b_bar_of(y_bar) if ctx.needs_input_grad[2] else None
        return (*bars, b_bar, None, None, None, None)


ROW = "needs grad"

VIOLATIONS = (
    Violation(
        "a frozen input ends all gradients",
        ROW,
        "https://github.com/pytorch/pytorch/issues/159299",
        FrozenInput,
    ),
    Violation(
        "the bias depends on the weights' flag",
        ROW,
        "https://github.com/NVIDIA/apex/pull/1517",
        BiasWithWeights,
    ),
    Violation(
        "a frozen layer loses the gradient of its input",
        ROW,
        "https://github.com/tenstorrent/tt-forge-onnx/issues/548",
        PrunedInputs,
    ),
    Violation(
        "gradients without gaps",
        ROW,
        "https://github.com/fangwei123456/spikingjelly/pull/659",
        CompactedGradients,
    ),
    Violation(
        "gradients that nobody asked for",
        ROW,
        "https://github.com/pytorch/pytorch/issues/174017",
        EveryGradient,
        is_missing=True,
    ),
)
