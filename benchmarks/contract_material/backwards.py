"""A second backward through a kept graph, and cotangents that are undefined."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.contract_material.base import Plain, Violation, conv, gradients


class ClearedCache(Plain):
    """What the backward needs is cleared by it, whether the graph is kept or not."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x, w)
        ctx.params, ctx.cache = params, ("anything",)
        return conv(x, w, b, params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (_,) = ctx.cache
        ctx.cache = None
        x, w = ctx.saved_tensors
        return gradients(ctx, x, w, grads[0])


class AddingTape(Plain):
    """A tape adds up what each backward through the same graph has found."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        found = gradients(ctx, x, w, grads[0])
        before = getattr(ctx, "tape", (None,) * 7)
        ctx.tape = tuple(
            new if old is None or new is None else new + old
            for new, old in zip(found, before, strict=True)
        )
        return ctx.tape


class GradientInSaved(Plain):
    """The gradient is written where the saved input lies, past the version counter."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x.clone(), w)
        ctx.params = params
        return conv(x, w, b, params)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        found = gradients(ctx, x, w, grads[0])
        if found[0] is not None:
            x.data.copy_(found[0])
        return found


class InnerGraph(Plain):
    """An inner graph is freed by the first backward, although the outer one is kept."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        with torch.enable_grad():
            leaves = [
                None if each is None else each.detach().requires_grad_() for each in (x, w, b)
            ]
            y = conv(leaves[0], leaves[1], leaves[2], params)
        ctx.leaves, ctx.y = leaves, y
        ctx.save_for_backward(x, w)
        return y.detach()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        del x, w
        there = [each for each in ctx.leaves if each is not None]
        found = iter(torch.autograd.grad(ctx.y, there, grads[0]))
        bars = [None if each is None else next(found) for each in ctx.leaves]
        needed = [
            bar if need else None for bar, need in zip(bars, ctx.needs_input_grad, strict=False)
        ]
        return (*needed, None, None, None, None)


class Unmaterialized(Plain):
    """An undefined cotangent is computed with."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, w)
        ctx.params = params
        return conv(x, w, b, params)


class OneForUndefined(Unmaterialized):
    """An undefined cotangent is taken for ones."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        y_bar = grads[0]
        if y_bar is None:
            y_bar = torch.ones_like(conv(x, w, None, ctx.params))
        return gradients(ctx, x, w, y_bar)


TWICE, UNDEFINED = "second backward", "undefined cotangent"

VIOLATIONS = (
    Violation(
        "the context's cache is cleared",
        TWICE,
        "https://github.com/dmlc/dgl/pull/1060",
        ClearedCache,
        is_missing=True,
    ),
    Violation(
        "a tape that adds up",
        TWICE,
        "https://github.com/NVIDIA/nvalchemi-toolkit-ops/pull/64",
        AddingTape,
    ),
    Violation(
        "the gradient overwrites what is saved",
        TWICE,
        "https://github.com/triton-lang/triton/issues/4004",
        GradientInSaved,
    ),
    Violation(
        "an inner graph is freed",
        TWICE,
        "https://github.com/pytorch/pytorch/issues/65536",
        InnerGraph,
        is_missing=True,
    ),
    Violation(
        "None is computed with",
        UNDEFINED,
        "https://github.com/THUDM/slime/pull/2158",
        Unmaterialized,
    ),
    Violation(
        "None is taken for ones",
        UNDEFINED,
        "https://github.com/pytorch/pytorch/issues/3241",
        OneForUndefined,
    ),
)
