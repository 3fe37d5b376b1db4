"""Comparing arrays: shape first, then every element; whatever is not a number disagrees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpcheck.arithmetic import Array

#: Up to so many elements, bytes are copied and compared in a fraction of the time of values.
_FEW = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two arrays disagree most, and how many elements disagree."""

    index: tuple[int, ...]
    got: float
    expected: float
    error: float
    bound: float
    wrong: int
    total: int


def difference(got: Array, expected: Array, bound: Array | None = None) -> Difference | None:
    """``None`` where ``|got - expected| <= bound`` everywhere (``bound=None``: where equal).

    Equal infinities agree, and so do NaNs in the same place.
    """
    if got.shape != expected.shape:
        raise ValueError(f"{got.shape} and {expected.shape}: compare shapes before values")
    # Nearly all comparisons end here, before anything is allocated for them.
    if _are_few_and_alike(got, expected) or np.array_equal(got, expected):
        return None
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        error = np.abs(got - expected)
    limit = np.zeros(got.shape) if bound is None else bound
    agrees = same | (error <= limit)
    if agrees.all():
        return None
    # What is not a number is further off than any number.
    distance = np.where(agrees, -1.0, np.nan_to_num(error, nan=np.inf, posinf=np.inf))
    index = tuple(int(i) for i in np.unravel_index(int(distance.argmax()), got.shape))
    return Difference(
        index=index,
        got=float(got[index]),
        expected=float(expected[index]),
        error=float(error[index]),
        bound=float(limit[index]),
        wrong=int(agrees.size - np.count_nonzero(agrees)),
        total=int(agrees.size),
    )


def _are_few_and_alike(one: Array, other: Array) -> bool:
    """Whether two small arrays of one shape have the same bytes: that is soon known."""
    return one.size <= _FEW and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def same_bits(one: Array, other: Array) -> bool:
    """Whether two arrays hold the same numbers; a NaN only equals the same NaN."""
    if one.shape != other.shape:
        return False
    if _are_few_and_alike(one, other):
        return True
    # Bytes decide about NaN alone; comparing values first spares two copies of everything else.
    return np.array_equal(one, other) or one.tobytes() == other.tobytes()
