"""Average pools that keep something outside of the call, or change it, with right twins."""

from __future__ import annotations

import threading
from typing import Any

import torch

from benchmarks.contract_strangers.pools import Average, _avg, _spread


# The gradient lies in a buffer that the next call of that shape writes again.
# https://github.com/pytorch/pytorch/issues/96693
class SameBuffer(Average):
    buffers: Any = {}  # noqa: RUF012

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x_bar = _spread(grads[0] / ctx.k, ctx.shape, ctx.k, ctx.s)
        key = (ctx.shape, x_bar.dtype)
        if x_bar.requires_grad:
            return x_bar, None, None
        kept = SameBuffer.buffers.setdefault(key, torch.empty_like(x_bar))
        return kept.copy_(x_bar).view(ctx.shape), None, None


broken_same_buffer, kept_same_buffer = _avg(SameBuffer), _avg(Average)


# torch's default dtype is set and not put back. https://github.com/scikit-hep/pyhf/issues/921
class SetsDefault(Average):
    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        torch.set_default_dtype(x.dtype)
        return Average.forward(ctx, x, k, s)


broken_default_dtype, kept_default_dtype = _avg(SetsDefault), _avg(Average)


# torch's generator is seeded anew. practice: reproducibility helpers in a layer
class Seeds(Average):
    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        torch.manual_seed(0)
        return Average.forward(ctx, x, k, s)


broken_seeds, kept_seeds = _avg(Seeds), _avg(Average)


# What the backward needs is kept for the thread of the forward. practice
_here = threading.local()


class OneThread(Average):
    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        _here.known = {**getattr(_here, "known", {}), id(ctx): k}
        ctx.id = id(ctx)
        return Average.forward(ctx, x, k, s)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        k = _here.known[ctx.id]
        return _spread(grads[0] / k, ctx.shape, k, ctx.s), None, None


broken_one_thread, kept_one_thread = _avg(OneThread), _avg(Average)


# The stride of the last call is kept on the class. practice: params as class attributes
class LastStride(Average):
    last: Any = None

    @staticmethod
    def forward(ctx: Any, x: Any, k: int, s: int) -> Any:
        LastStride.last = (k, s)
        return Average.forward(ctx, x, k, s)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        k, s = LastStride.last
        return _spread(grads[0] / k, ctx.shape, k, s), None, None


broken_last_stride, kept_last_stride = _avg(LastStride), _avg(Average)
