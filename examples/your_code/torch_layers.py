"""Torch code with a backward of its own: a module, and a problem file of KernelBench's shape.

    bpcheck check conv2d examples/your_code/torch_layers.py:Conv --style torch
    bpcheck check conv2d examples/your_code/torch_layers.py:ConvWrong --style torch
    bpcheck check conv2d examples/your_code/torch_layers.py --style torch

The last command finds `ModelNew`. `ConvWrong` forgets the dilation in the gradient of its weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import grad as formulas
from torch.nn.functional import conv2d

conv2d_input: Any = formulas.conv2d_input
conv2d_weight: Any = formulas.conv2d_weight


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, stride: Any, padding: Any, dilation: Any) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.params = (stride, padding, dilation)
        return conv2d(x, w, None, *ctx.params)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (x, w), (grad,) = ctx.saved_tensors, grad_outputs
        return (
            conv2d_input(x.shape, w, grad, *ctx.params),
            conv2d_weight(x, w.shape, grad, *ctx.params),
            None,
            None,
            None,
        )


class _Wrong(_Convolve):
    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (x, w), (grad,) = ctx.saved_tensors, grad_outputs
        stride, padding, dilation = ctx.params
        reach = [d * (k - 1) - (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
        shape = (*w.shape[:2], *(k + r for k, r in zip(w.shape[2:], reach, strict=True)))
        dw = conv2d_weight(x, shape, grad, stride, padding, 1)[..., : w.shape[2], : w.shape[3]]
        return conv2d_input(x.shape, w, grad, *ctx.params), dw, None, None, None


class Conv(nn.Module):
    function: Any = _Convolve

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, *kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.params = (stride, padding, dilation)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.function.apply(x, self.weight, *self.params)
        return y + self.bias[:, None, None]


class ConvWrong(Conv):
    function = _Wrong


class Model(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1):
        super().__init__()
        self.conv2d = nn.Conv2d(in_channels, out_channels, kernel_size, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2d(x)
        return y


class ModelNew(Model):
    function: Any = _Convolve

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.function.apply(x, self.conv2d.weight, self.conv2d.stride, (0, 0), (1, 1))
        return y


def get_inputs() -> list[Tensor]:
    return [torch.randn(8, 3, 32, 32)]


def get_init_inputs() -> list[int]:
    return [3, 16, 3]
