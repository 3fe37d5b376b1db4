"""Kernels of torchnorm."""

from __future__ import annotations

from typing import Any

from torchnorm import _triton


def rms_norm(x: Any, weight: Any, eps: float) -> Any:
    return _triton.fused_rms_norm(x, weight, eps)


def layer_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    return _triton.fused_layer_norm(x, weight, bias, eps)


def added_rms_norm_and_sum(x: Any, residual: Any, weight: Any, eps: float) -> Any:
    import torch

    return torch.cat(_triton.fused_add_rms_norm(x, residual, weight, eps), -1)
