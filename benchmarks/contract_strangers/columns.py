"""Convolutions that keep their columns, where the columns do harm, with right twins."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv1d as torch_conv

from benchmarks.contract_strangers.convolutions import _gradients, _one


# Columns made in the forward are kept, and the second derivative does not see them.
# https://github.com/pytorch/pytorch/issues/58509
class KeepsColumns(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, s: int) -> Any:
        columns = x.unfold(2, w.shape[2], s)
        ctx.save_for_backward(columns.clone(), x, w)
        ctx.s, ctx.bias = s, b is not None
        return torch_conv(x, w, b, s)

    columns = staticmethod(lambda ctx, columns, x, w: columns)

    @classmethod
    def _backward(cls, ctx: Any, grad: Any) -> Any:
        columns, x, w = ctx.saved_tensors
        columns = cls.columns(ctx, columns, x, w)
        x_bar = _gradients(grad, x, w, ([ctx.s], [0], [1], 1), (True, False, False))[0]
        w_bar = torch.einsum("nol,nclk->ock", grad, columns)
        return x_bar, w_bar, grad.sum((0, 2)) if ctx.bias else None, None

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return KeepsColumns._backward(ctx, grads[0])


class MakesColumns(KeepsColumns):
    columns = staticmethod(lambda ctx, columns, x, w: x.unfold(2, w.shape[2], ctx.s))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return MakesColumns._backward(ctx, grads[0])


def _plain_conv(function: Any) -> Any:
    def conv(x: Tensor, w: Tensor, b: Any, stride: Any) -> Any:
        return function.apply(x, w, b, _one(stride)[0])

    return conv


broken_kept_columns, kept_kept_columns = _plain_conv(KeepsColumns), _plain_conv(MakesColumns)


# One room for the columns of all calls. https://github.com/BVLC/caffe/pull/2016
class SharedRoom(KeepsColumns):
    room: Any = None

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, s: int) -> Any:
        SharedRoom.room = x.unfold(2, w.shape[2], s).clone()
        return KeepsColumns.forward(ctx, x, w, b, s)

    columns = staticmethod(lambda ctx, columns, x, w: SharedRoom.room)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return SharedRoom._backward(ctx, grads[0])


broken_shared_room, kept_shared_room = _plain_conv(SharedRoom), _plain_conv(MakesColumns)
