"""Kernels of Liger-Kernel."""

from __future__ import annotations

from typing import Any

from liger_kernel.ops.cross_entropy import LigerCrossEntropyFunction
from liger_kernel.ops.fused_add_rms_norm import LigerFusedAddRMSNormFunction
from liger_kernel.ops.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyFunction
from liger_kernel.ops.geglu import LigerGELUMulFunction
from liger_kernel.ops.group_norm import LigerGroupNormFunction
from liger_kernel.ops.jsd import LigerJSDFunction
from liger_kernel.ops.kl_div import LigerKLDivLossFunction
from liger_kernel.ops.layer_norm import LigerLayerNormFunction
from liger_kernel.ops.poly_norm import LigerPolyNormFunction
from liger_kernel.ops.relu_squared import LigerReLUSquaredFunction
from liger_kernel.ops.rms_norm import LigerRMSNormFunction
from liger_kernel.ops.rope import LigerRopeFunction
from liger_kernel.ops.softmax import LigerSoftmaxFunction
from liger_kernel.ops.sparsemax import LigerSparsemaxFunction
from liger_kernel.ops.swiglu import LigerSiLUMulFunction
from liger_kernel.ops.tvd import LigerTVDLossFunction


def rms_norm(x: Any, weight: Any, eps: float) -> Any:
    return LigerRMSNormFunction.apply(x, weight, eps, 0.0, "llama", False)


def layer_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    return LigerLayerNormFunction.apply(x, weight, bias, eps)


def group_norm(x: Any, weight: Any, bias: Any, num_groups: int, eps: float) -> Any:
    return LigerGroupNormFunction.apply(x, weight, bias, x.shape[1], num_groups, eps)


def added_rms_norm_and_sum(x: Any, residual: Any, weight: Any, eps: float) -> Any:
    import torch

    function = LigerFusedAddRMSNormFunction
    return torch.cat(function.apply(x, residual, weight, eps, 0.0, "gemma", False), -1)


def poly_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    return LigerPolyNormFunction.apply(x, weight, bias[0], eps, False)


def softmax(x: Any) -> Any:
    return LigerSoftmaxFunction.apply(x)


def sparsemax(x: Any) -> Any:
    return LigerSparsemaxFunction.apply(x, -1)


def swiglu(gate: Any, x: Any) -> Any:
    return LigerSiLUMulFunction.apply(gate, x)


def geglu(gate: Any, x: Any) -> Any:
    return LigerGELUMulFunction.apply(gate, x)


def relu_squared(x: Any) -> Any:
    return LigerReLUSquaredFunction.apply(x)


def cross_entropy(
    logits: Any, target: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    # The kernel writes the gradient over its logits, as its module documents.
    return LigerCrossEntropyFunction.apply(
        logits.clone(), target, None, ignore_index, 0.0, label_smoothing, reduction
    )[0]


def linear_cross_entropy(x: Any, weight: Any, target: Any, reduction: str) -> Any:
    return LigerFusedLinearCrossEntropyFunction.apply(
        x, weight, target, None, None, -100, 0.0, 0.0, reduction
    )[0]


def kl_div(x: Any, target: Any, reduction: str) -> Any:
    return LigerKLDivLossFunction.apply(x, target, reduction)


def jsd(x: Any, target: Any, beta: float) -> Any:
    return LigerJSDFunction.apply(x, target, None, beta)


def total_variation(x: Any, target: Any, reduction: str) -> Any:
    return LigerTVDLossFunction.apply(x, target, None, reduction)


def rotary(x: Any, cos: Any, sin: Any) -> Any:
    # Queries and keys are turned alike: the keys here are a copy of no consequence.
    import torch

    heads = x.transpose(1, 2).clone()
    both = torch.cat((cos, cos), -1)[None], torch.cat((sin, sin), -1)[None]
    turned, _keys = LigerRopeFunction.apply(heads, heads.detach()[:, :1].clone(), *both)
    return turned.transpose(1, 2)
