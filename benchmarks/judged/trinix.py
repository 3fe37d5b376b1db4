"""Kernels of trinix."""

from __future__ import annotations

from typing import Any

from trinix.kernels.geglu_kernel import TritonGeGLUFunction
from trinix.kernels.layernorm_kernel import TritonLayerNormFunction
from trinix.kernels.mish_kernel import TritonMishFunction
from trinix.kernels.quickgelu_kernel import TritonQuickGELUFunction
from trinix.kernels.reglu_kernel import TritonReGLUFunction
from trinix.kernels.rmsnorm_kernel import TritonRMSNormFunction
from trinix.kernels.rope_kernel import TritonRoPEFunction
from trinix.kernels.squared_relu_kernel import TritonSquaredReLUFunction
from trinix.kernels.swigelu_kernel import TritonSwiGLUFunction


def rms_norm(x: Any, weight: Any, eps: float) -> Any:
    return TritonRMSNormFunction.apply(x, weight, eps)


def layer_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    return TritonLayerNormFunction.apply(x, weight, bias, eps)


def halves_swiglu(x: Any) -> Any:
    return TritonSwiGLUFunction.apply(x)


def halves_geglu(x: Any) -> Any:
    return TritonGeGLUFunction.apply(x)


def halves_reglu(x: Any) -> Any:
    return TritonReGLUFunction.apply(x)


def mish(x: Any) -> Any:
    return TritonMishFunction.apply(x)


def quick_gelu(x: Any) -> Any:
    return TritonQuickGELUFunction.apply(x)


def relu_squared(x: Any) -> Any:
    return TritonSquaredReLUFunction.apply(x)


def rotary(x: Any, cos: Any, sin: Any) -> Any:
    return TritonRoPEFunction.apply(x, x.detach().contiguous(), cos, sin)[0]
