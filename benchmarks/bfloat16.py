"""A right kernel in bfloat16: operands widened to float32, results rounded back, as such do."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.subject import Subject


def in_bfloat16(right: Subject) -> Subject:
    """`right`, whose kernel takes float32, as one of bfloat16 arrays (those of ml_dtypes)."""

    def forward(*operands: Array | None, **params: Any) -> tuple[Array, Any]:
        wide = (None if each is None else each.astype(np.float32) for each in operands)
        y, residuals = right.forward(*wide, **params)
        return _rounded(y), residuals

    def vjp(residuals: Any, y_bar: Array) -> tuple[Array | None, ...]:
        bars = right.vjp(residuals, y_bar.astype(np.float32))
        return tuple(None if each is None else _rounded(each) for each in bars)

    return Subject(forward, vjp, operation=right.operation, dtypes=("bfloat16",))


def _rounded(array: Array) -> Array:
    # NumPy tells of every number that becomes an infinity; the operation is defined for those.
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(ml_dtypes.bfloat16)
