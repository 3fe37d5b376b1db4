"""Torch's autograd in float64, and how far from it a kernel of a narrower dtype may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[Any]

# It gives these no types.
finfo: Any = ml_dtypes.finfo

#: By name, as NumPy knows bfloat16 only as the type itself.
DTYPES = {name: np.dtype(name) for name in ("float16", "float32", "float64")} | {
    "bfloat16": np.dtype(ml_dtypes.bfloat16)
}


def by_torch(
    function: Callable[..., Any], operands: list[Array], y_bar: Array
) -> tuple[Array, list[Array]]:
    """Output and gradients in float64."""
    tensors = [torch.tensor(array.astype(np.float64), requires_grad=True) for array in operands]
    y = function(*tensors)
    bars = torch.autograd.grad(y, tensors, torch.tensor(y_bar.astype(np.float64)))
    return y.detach().numpy(), [bar.numpy() for bar in bars]


def unit(dtype: np.dtype[Any]) -> float:
    """The unit roundoff of the arithmetic in which a kernel of this dtype computes.

    Torch in float64 is held to the same bound as the kernel: twice, where that is the dtype.
    """
    wide = np.promote_types(dtype, np.float32)
    return float(np.finfo(wide).eps) / 2 * (2 if wide == np.float64 else 1)


def assert_within(got: Array, expected: Array, error: Any, dtype: np.dtype[Any]) -> None:
    """`got` has the dtype, and is `expected`, off by `error`, rounded to it; NaN is nowhere."""
    assert got.dtype == dtype
    assert got.shape == expected.shape
    limits = finfo(dtype)
    rounding = float(limits.eps) / 2 * np.abs(expected) + float(limits.smallest_subnormal)
    off = np.abs(got.astype(np.float64) - expected)
    assert (off <= error + rounding).all()
