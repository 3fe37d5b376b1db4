"""Kernels of flash-linear-attention (its package `fla-core`)."""

from __future__ import annotations

from typing import Any

from fla.modules.activations import logsigmoid as _logsigmoid
from fla.modules.activations.ops import (
    SigmoidFunction,
    SigmoidGLUFunction,
    SwiGLUFunction,
    SwishFunction,
)
from fla.modules.causal_conv1d import causal_conv1d
from fla.modules.fused_cross_entropy.ops import cross_entropy_loss
from fla.modules.fused_linear_cross_entropy.ops import fused_linear_cross_entropy_loss
from fla.modules.norm import layernorm
from fla.modules.norm.fused_norm_gate import rms_norm_gated
from fla.modules.norm.l2norm import l2norm
from fla.modules.rotary.ops import rotary_embedding
from fla.modules.token_shift import token_shift as _token_shift
from fla.ops.utils.pooling import mean_pooling as _mean_pooling


def rms_norm(x: Any, weight: Any, eps: float) -> Any:
    return layernorm.rms_norm(x, weight, None, eps=eps)


def layer_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    return layernorm.layer_norm(x, weight, bias, eps=eps)


def added_rms_norm_and_sum(x: Any, residual: Any, weight: Any, eps: float) -> Any:
    import torch

    return torch.cat(layernorm.rms_norm(x, weight, None, residual, eps, prenorm=True), -1)


def gated_rms_norm(x: Any, gate: Any, weight: Any, eps: float) -> Any:
    return rms_norm_gated(x, gate, weight, None, eps=eps)


def l2_norm(x: Any, eps: float) -> Any:
    return l2norm(x, eps)


def sigmoid(x: Any) -> Any:
    return SigmoidFunction.apply(x)


def silu(x: Any) -> Any:
    return SwishFunction.apply(x)


def logsigmoid(x: Any, temperature: float) -> Any:
    return _logsigmoid(x, temperature)


def swiglu(gate: Any, x: Any) -> Any:
    return SwiGLUFunction.apply(gate, x)


def sigmoid_glu(gate: Any, x: Any) -> Any:
    return SigmoidGLUFunction.apply(gate, x)


def cross_entropy(
    logits: Any, target: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    loss = cross_entropy_loss(logits, target, label_smoothing, ignore_index=ignore_index)[0]
    if reduction == "none":
        return loss
    counted = (target != ignore_index).sum() if reduction == "mean" else 1
    return loss.sum() / counted


def linear_cross_entropy(x: Any, weight: Any, target: Any, reduction: str) -> Any:
    return fused_linear_cross_entropy_loss(x, target, weight, reduction=reduction)


def rotary(x: Any, cos: Any, sin: Any) -> Any:
    return rotary_embedding(x, cos, sin)


def short_convolution(x: Any, weight: Any, bias: Any, activation: str | None) -> Any:
    return causal_conv1d(x, weight, bias, activation=activation)[0]


def token_shift(x: Any) -> Any:
    return _token_shift(x)


def mean_pooling(x: Any, chunk_size: int) -> Any:
    return _mean_pooling(x, chunk_size)
