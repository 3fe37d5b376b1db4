"""Functions that are wrong under `torch.func.vmap`, or do not support it."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.contract_material.base import Right, Violation, applied, gradients


class FirstIsFalse(Right):
    """Axis 0 is taken for no axis, as in ``if x_bdim``."""

    generate_vmap_rule = False

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        x, w, b, *params = inputs
        size = info.batch_size

        def of(each: Any, axis: Any, which: int) -> Any:
            return each.select(axis, which) if axis else each

        dims = in_dims[:3]
        if dims[0] == 0:
            # Every sample gets the first one's input.
            x, dims = x[0], (None, *dims[1:])
        ys = [
            applied(Right, *(of(e, d, k) for e, d in zip((x, w, b), dims, strict=True)), *params)
            for k in range(size)
        ]
        return torch.stack(ys), 0


class SumsTheBatch(Right):
    """The backward adds up over the first axis that it finds, which is that of the vmap."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w = ctx.saved_tensors
        found = gradients(ctx, x, w, grads[0])
        if torch._C._functorch.maybe_get_level(grads[0]) > 0:  # noqa: SLF001 - no public way
            zeros = [None if each is None else torch.zeros_like(each) for each in found]
            return tuple(zeros)
        return found


class Items(Right):
    """A number of the input is read on the way."""

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
        scale = 1.0 if x.numel() == 0 or x.flatten()[0].item() == x.flatten()[0].item() else 2.0
        return Right.forward(x, w, b, stride, padding, dilation, groups) * scale


class BiasOverAll(Right):
    """A rule of its own adds the bias up over samples and over the vmap."""

    generate_vmap_rule = False

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        x, w, b, *params = inputs
        size = info.batch_size
        first, second, third = in_dims[:3]
        ys = [
            applied(
                Right,
                x if first is None else x.select(first, k),
                w if second is None else w.select(second, k),
                None if b is None else b if third is None else b.sum(third),
                *params,
            )
            for k in range(size)
        ]
        return torch.stack(ys), 0


ROW = "vmap"

VIOLATIONS = (
    Violation(
        "axis 0 is no axis", ROW, "https://github.com/pytorch/pytorch/pull/90037", FirstIsFalse
    ),
    Violation(
        "zeros within a vmap",
        ROW,
        "https://github.com/pytorch/functorch/issues/922",
        SumsTheBatch,
    ),
    Violation(
        "a bias for all", ROW, "https://github.com/pytorch/functorch/issues/207", BiasOverAll
    ),
    Violation(
        "an item is read",
        ROW,
        "https://github.com/pytorch/functorch/issues/1024",
        Items,
        is_missing=True,
    ),
)
