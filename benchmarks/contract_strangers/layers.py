"""Layers and functions that take another path, or keep weights, with right twins."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d as torch_conv

from benchmarks.contract_strangers.convolutions import Convolution, _one

_convolve: Any = Convolution.apply


# The weights are turned once for each tensor, and never again after an optimizer's step.
# https://github.com/uxlfoundation/oneDNN/issues/1113
class WeightLayer(nn.Module):
    function: Any = None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, _one(kernel_size)[0]))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.params = (_one(stride), _one(padding), [1], 1)


class PacksWeights(WeightLayer):
    """The module packs its weights at the first call and keeps them."""

    packed: Any = None

    def forward(self, x: Tensor) -> Any:
        if self.packed is None:
            self.packed = self.weight.detach().clone()
        y = _convolve(x, self.weight, self.bias, self.params)
        return y + (torch_conv(x, self.packed - self.weight.detach(), None, *self.params)).detach()


class Layer(WeightLayer):
    def forward(self, x: Tensor) -> Any:
        return _convolve(x, self.weight, self.bias, self.params)


# In evaluation the layer lets go of the graph. https://github.com/pytorch/pytorch/issues/586
class LetsGoInEvaluation(WeightLayer):
    def forward(self, x: Tensor) -> Any:
        y = _convolve(x, self.weight, self.bias, self.params)
        return y if self.training else y.detach()


# The operand is made to require a gradient by the call. practice: frozen weights thaw
def broken_thaws(x: Tensor, w: Tensor, b: Any, stride: Any, padding: Any) -> Any:
    if w.is_leaf:
        w.requires_grad_()
    return _convolve(x, w, b, (_one(stride), _one(padding), [1], 1))


def kept_thaws(x: Tensor, w: Tensor, b: Any, stride: Any, padding: Any) -> Any:
    return _convolve(x, w, b, (_one(stride), _one(padding), [1], 1))


# Without a graph another kernel runs, of half the precision. practice: inference path
def broken_inference_path(x: Tensor, w: Tensor, b: Any, stride: Any, padding: Any) -> Any:
    params = (_one(stride), _one(padding), [1], 1)
    if torch.is_grad_enabled():
        return _convolve(x, w, b, params)
    return torch_conv(x.bfloat16(), w.bfloat16(), None if b is None else b.bfloat16(), *params).to(
        x.dtype
    )


kept_inference_path = kept_thaws

broken_packed_weights, kept_packed_weights = PacksWeights, Layer
broken_evaluation, kept_evaluation = LetsGoInEvaluation, Layer
