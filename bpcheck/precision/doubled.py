"""Double-double sums: pairs of float64 arrays whose sum holds about 106 significand bits."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Splits a float64 into two halves of 26 bits: ``2**27 + 1``.
_SPLITTER = 134_217_729.0


def two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """``s + e == a + b`` exactly, with ``s`` the rounded sum.

    Source: D. Knuth, The Art of Computer Programming, vol. 2, section 4.2.2, theorem B.
    """
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_product(a: Floats, b: float) -> tuple[Floats, Floats]:
    """``p + e == a * b`` exactly, with ``p`` the rounded product.

    Source: T. Dekker, A floating-point technique for extending the available precision, Numer.
    Math. 18 (1971), section 5.
    """
    p = a * b
    high, b_high = _high(a), float(_high(np.array(b)))
    low, b_low = a - high, b - b_high
    return p, ((high * b_high - p) + high * b_low + low * b_high) + low * b_low


def _high(a: Floats) -> Floats:
    t = _SPLITTER * a
    return t - (t - a)


def total(parts: Iterable[Floats]) -> tuple[Floats, Floats]:
    """The sum of arrays of one shape as ``(high, low)``, ``high`` being the sum rounded once.

    The relative error is of the order of ``2**-100`` of the sum of magnitudes.

    Source: T. Ogita, S. Rump, S. Oishi, Accurate sum and dot product, SIAM J. Sci. Comput. 26
    (2005), algorithm 4.4 (Sum2), with the errors themselves summed by `two_sum`.

    Examples
    --------
    >>> high, low = total([np.array([1.0]), np.array([2.0**-60]), np.array([-1.0])])
    >>> float(high[0]) == 2.0**-60
    True
    """
    high = low = tail = np.zeros(())
    for part in parts:
        high, error = two_sum(high, part)
        low, second = two_sum(low, error)
        tail = tail + second
    high, error = two_sum(high, low)
    return two_sum(high, error + tail)
