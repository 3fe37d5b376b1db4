"""A norm in Triton that asks for all that its interpreter leaves out, right and wrong.

A bare float among the arguments, a function of libdevice, several configurations to choose from,
and the number of processors of a device.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from triton.language.extra.libdevice import rsqrt

#: Asked for on import, as packages do.
PROCESSORS = triton.runtime.driver.active.utils.get_device_properties(0)["multiprocessor_count"]
assert triton.runtime.driver.active.get_current_target().backend not in ("cuda", "hip")


@triton.autotune([triton.Config({"WIDTH": width}) for width in (2048, 4096)], key=["columns"])
@triton.jit
def _norm(x, weight, y, rows, columns, eps, INSIDE: tl.constexpr, WIDTH: tl.constexpr):
    cells = tl.arange(0, WIDTH)
    mask = cells < columns
    eps = eps.to(tl.float32)
    scale = tl.load(weight + cells, mask=mask)
    for row in range(tl.program_id(0), rows, tl.num_programs(0)):
        values = tl.load(x + row * columns + cells, mask=mask, other=0.0)
        mean = tl.sum(values * values, 0) / columns
        root = rsqrt(mean + eps) if INSIDE else rsqrt(mean) + eps
        tl.store(y + row * columns + cells, values * root * scale, mask=mask)


class _Norm(torch.autograd.Function):
    inside = True

    @classmethod
    def norm(cls, ctx: Any, x: Any, weight: Any, eps: float) -> Any:
        weight = torch.ones(x.shape[-1]) if weight is None else weight.contiguous()
        rows, y = x.contiguous().view(-1, x.shape[-1]), torch.empty(x.shape)
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        if y.numel():
            _norm[(PROCESSORS,)](rows, weight, y, *rows.shape, eps, INSIDE=cls.inside)
        return y

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, eps: float) -> Any:
        return _Norm.norm(ctx, x, weight, eps)

    @staticmethod
    def backward(ctx: Any, *bars: Any) -> Any:
        x, weight = ctx.saved_tensors
        root = torch.rsqrt(x.square().mean(-1, keepdim=True) + ctx.eps)
        scaled = bars[0] * weight
        along = (scaled * x * root).mean(-1, keepdim=True)
        x_bar = root * (scaled - x * root * along)
        weight_bar = (
            (bars[0] * x * root).flatten(0, -2).sum(0) if x.ndim > 1 else bars[0] * x * root
        )
        return x_bar, weight_bar if ctx.needs_input_grad[1] else None, None


class _Outside(_Norm):
    inside = False

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, eps: float) -> Any:
        return _Outside.norm(ctx, x, weight, eps)


def norm(x: Any, weight: Any, eps: float) -> Any:
    return _Norm.apply(x, weight, eps)


def eps_outside_the_root(x: Any, weight: Any, eps: float) -> Any:
    return _Outside.apply(x, weight, eps)


@triton.jit
def _exchange(a, b, c, d):
    first, second = tl.load(a), tl.load(b)
    tl.store(c, second)
    tl.store(d, first)


def exchanged(a: Any, b: Any, c: Any, d: Any) -> None:
    """Write what is at `a` to `d`, and what is at `b` to `c`."""
    _exchange[(1,)](a, b, c, d)


@triton.jit
def _rounded(x):
    tl.store(x, triton.language.extra.libdevice.round(tl.load(x)))


def rounded(x: Any) -> None:
    """Ask for a function that nothing stands in for."""
    _rounded[(1,)](x)
