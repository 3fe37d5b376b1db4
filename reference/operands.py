"""What every kernel asks of its arrays, and the type it computes in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: The dtypes that every kernel of this folder takes.
DTYPES = ("float16", "float32", "float64")


def require_float(**operands: Array | None) -> None:
    """Raise unless every operand has one and the same of the `DTYPES`."""
    first: np.dtype[Any] | None = None
    for name, operand in operands.items():
        if operand is None or (first is not None and operand.dtype == first):
            continue
        if operand.dtype.name not in DTYPES:
            raise ValueError(
                f"{name}.dtype={operand.dtype}: must be one of {', '.join(DTYPES)}; "
                f"convert it with {name}.astype"
            )
        first = first or operand.dtype
        if operand.dtype != first:
            raise ValueError(
                f"{name}.dtype={operand.dtype}: all operands must have one dtype, and the first "
                f"has {first}; convert one of them with astype"
            )


def require_cotangent(y_bar: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise unless `y_bar` has the shape and the dtype of the output whose cotangent it is."""
    if y_bar.shape != shape:
        raise ValueError(f"y_bar.shape={y_bar.shape}: must be that of the output, {shape}")
    if y_bar.dtype != dtype:
        raise ValueError(f"y_bar.dtype={y_bar.dtype}: must be that of the output, {dtype}")


def accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which sums over `dtype` are kept: float32 for float16, else its own.

    A sum of float16 numbers kept in float16 stalls at 2048, where the spacing exceeds 1.
    """
    return np.promote_types(dtype, np.float32)
