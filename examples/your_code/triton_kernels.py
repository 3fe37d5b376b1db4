"""Kernels in Triton with backwards written by hand: a convolution and a max pool of one dimension.

    bpcheck check conv1d examples/your_code/triton_kernels.py:conv --style torch --interpret
    bpcheck check max_pool1d examples/your_code/triton_kernels.py:pool --style torch --interpret

No GPU is needed: Triton's interpreter runs them. `pool_wrong` stores where windows that share a
cell must add; `conv_wrong` sends the gradient of the weights to the mirrored tap.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _conv(x, w, y, c, width, taps, stride, out, dx, dw, BACK: tl.constexpr, MIRROR: tl.constexpr):
    """One output: its sum, or what its error gives to the inputs and weights that it read."""
    i, o, t = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    channels = tl.num_programs(1)
    place = (i * channels + o) * out + t
    total = tl.zeros((), y.dtype.element_ty)
    error = tl.load(y + place) if BACK else total
    for k in range(c):
        for j in range(taps):
            cell = x + (i * c + k) * width + t * stride + j
            weight = w + (o * c + k) * taps + j
            if BACK:
                tl.atomic_add(dx + (i * c + k) * width + t * stride + j, error * tl.load(weight))
                tap = taps - 1 - j if MIRROR else j
                tl.atomic_add(dw + (o * c + k) * taps + tap, error * tl.load(cell))
            else:
                total += tl.load(cell) * tl.load(weight)
    if not BACK:
        tl.store(y + place, total)


class _Convolve(torch.autograd.Function):
    mirror = False

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, stride: int = 1) -> Tensor:
        x, w = x.contiguous(), w.contiguous()
        out = (x.shape[2] - w.shape[2]) // stride + 1
        y = torch.empty(x.shape[0], w.shape[0], out, dtype=x.dtype)
        if y.numel():
            sizes = (x.shape[1], x.shape[2], w.shape[2], stride, out)
            _conv[tuple(y.shape)](x, w, y, *sizes, x, w, False, False)
        ctx.save_for_backward(x, w)
        ctx.stride = stride
        return y

    @classmethod
    def send_back(cls, ctx: Any, dy: Tensor) -> Any:
        x, w = ctx.saved_tensors
        dy, dx, dw = dy.contiguous(), torch.zeros_like(x), torch.zeros_like(w)
        if dy.numel():
            sizes = (x.shape[1], x.shape[2], w.shape[2], ctx.stride, dy.shape[2])
            _conv[tuple(dy.shape)](x, w, dy, *sizes, dx, dw, True, cls.mirror)
        return dx, dw, None

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return _Convolve.send_back(ctx, *grad_outputs)


class _Mirrored(_Convolve):
    mirror = True

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return _Mirrored.send_back(ctx, *grad_outputs)


def conv(x: Tensor, w: Tensor, stride: int = 1) -> Tensor:
    return _Convolve.apply(x, w, stride)


def conv_wrong(x: Tensor, w: Tensor, stride: int = 1) -> Tensor:
    return _Mirrored.apply(x, w, stride)


@triton.jit
def _pool(x, y, winners, width, size, stride, out):
    row, t = tl.program_id(0), tl.program_id(1)
    best = tl.load(x + row * width + t * stride)
    winner = t * stride
    for j in range(1, size):
        value = tl.load(x + row * width + t * stride + j)
        # A NaN wins, and the last one does.
        wins = (value > best) | (value != value)
        best = tl.where(wins, value, best)
        winner = tl.where(wins, t * stride + j, winner)
    tl.store(y + row * out + t, best)
    tl.store(winners + row * out + t, winner)


@triton.jit
def _unpool(dy, winners, dx, width, out, ADDS: tl.constexpr):
    row, t = tl.program_id(0), tl.program_id(1)
    error = tl.load(dy + row * out + t)
    cell = dx + row * width + tl.load(winners + row * out + t)
    if ADDS:
        tl.atomic_add(cell, error)
    else:
        tl.store(cell, error)


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, stride: int, adds: bool) -> Tensor:
        x = x.contiguous()
        n, c, width = x.shape
        y = torch.empty(n, c, (width - size) // stride + 1, dtype=x.dtype)
        winners = torch.empty(y.shape, dtype=torch.int32)
        if y.numel():
            _pool[(n * c, y.shape[2])](x, y, winners, width, size, stride, y.shape[2])
        ctx.save_for_backward(winners)
        ctx.width, ctx.adds = width, adds
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (winners,), dy = ctx.saved_tensors, grad_outputs[0].contiguous()
        n, c, out = dy.shape
        dx = torch.zeros(n, c, ctx.width, dtype=dy.dtype)
        if dy.numel():
            _unpool[(n * c, out)](dy, winners, dx, ctx.width, out, ctx.adds)
        return dx, None, None, None


def pool(x: Tensor, kernel_size: int, stride: int) -> Tensor:
    return _Pool.apply(x, kernel_size, stride, True)


def pool_wrong(x: Tensor, kernel_size: int, stride: int) -> Tensor:
    return _Pool.apply(x, kernel_size, stride, False)
