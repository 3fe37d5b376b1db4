"""Facts about floating-point formats, and the rounding bounds that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Format:
    """A binary floating-point format.

    Parameters
    ----------
    name, short
        NumPy's name, and the one of case texts: ``"float32"``, ``"f32"``.
    bits
        Significand bits `p`, the hidden one counted: all integers up to ``2**p`` are exact.
    largest, tiniest
        Largest finite and smallest positive (subnormal) number.
    """

    name: str
    short: str
    bits: int
    largest: float
    tiniest: float

    @property
    def unit_roundoff(self) -> float:
        """``u = 2**-p``: rounding to nearest changes a number by at most ``u`` times itself."""
        return 2.0**-self.bits

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype; that of bfloat16 comes from ml_dtypes."""
        return _dtype(self.name)


@cache
def _dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


FORMATS = {
    each.name: each
    for each in (
        Format("float64", "f64", 53, float(np.finfo(np.float64).max), 2.0**-1074),
        Format("float32", "f32", 24, float(np.finfo(np.float32).max), 2.0**-149),
        Format("float16", "f16", 11, 65504.0, 2.0**-24),
        Format("bfloat16", "bf16", 8, float(2.0**127 * (2 - 2.0**-7)), 2.0**-133),
    )
}


def gamma(terms: int, unit_roundoff: float) -> float:
    """``n u / (1 - n u)``: bound on the growth of `n` roundings; infinite past ``n u = 1``.

    Source: N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., lemma 3.1.

    >>> gamma(4, 0.125)
    1.0
    """
    product = terms * unit_roundoff
    return product / (1 - product) if product < 1 else float("inf")


def probable_growth(terms: int, unit_roundoff: float) -> float:
    """``6 sqrt(n) u``: what `n` roundings stay under unless some precision was lost.

    Source: N. Higham and T. Mary, A new approach to probabilistic rounding error analysis, SIAM
    J. Sci. Comput. 41 (2019), theorem 2.4, with lambda = 6 (failure probability below 1e-7 a sum).
    """
    return 6 * float(np.sqrt(terms)) * unit_roundoff


def exact_dot(a: Array, b: Array) -> int | float:
    """``sum(a * b)``, exactly when both hold integers, else in float64.

    >>> exact_dot(np.array([2.0**60, 1.0]), np.array([2.0**60, -1.0])) == 2**120 - 1
    True
    """
    a, b = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    # By Cauchy and Schwarz no partial sum is larger; the slack is for the rounding of the norms.
    # What a wrong kernel returns may be as large as it likes.
    with np.errstate(over="ignore", invalid="ignore"):
        bound = float(np.sqrt(np.dot(a, a)) * np.sqrt(np.dot(b, b))) * (1 + 1e-6)
        # Below 2**53 every partial sum of integers is exact in float64 as well.
        if not 2.0**53 <= bound < 2.0**1000 or not (is_integral(a) and is_integral(b)):
            return float(np.dot(a, b))
    if bound < 2.0**62:
        return int(np.dot(a.astype(np.int64), b.astype(np.int64)))
    return sum(int(p) * int(q) for p, q in zip(a.tolist(), b.tolist(), strict=True))


def as_float(value: float) -> float:
    """The nearest number, or the infinity of its sign.

    >>> as_float(-(10**400))
    -inf
    """
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def distance(one: float, other: float) -> float:
    """``|one - other|``, exactly between integers of any size; NaN if neither is finite.

    >>> distance(10**400, 10**400 + 1), distance(10**400, 0.5)
    (1, inf)
    """
    if isinstance(one, int) and isinstance(other, int):
        return abs(one - other)
    return abs(as_float(one) - as_float(other))


def is_integral(a: Array) -> bool:
    """Whether every value is a finite integer."""
    return bool(np.isfinite(a).all() and (np.rint(a) == a).all())
