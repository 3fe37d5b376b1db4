"""Gradients of layers that show none: what an update took away, without a bit lost.

A layer that updates itself leaves ``w - rate * w_bar``. With a rate that is a power of two, and so
large that the weight is less than half a unit in the last place of any update, that rounds to
``-rate * w_bar`` exactly, or to ``w`` where the gradient is 0: the difference over the rate is the
gradient, bit for bit, on real values too, and whether the weights are changed in place or anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.errors import Unsupported


class HiddenByUpdate(Unsupported):
    """Raised where no rate leaves all bits of the gradients: such a case is not claimed."""


def rate_for(weights: Iterable[Array], x: Array, y_bar: Array) -> float:
    """The learning rate for which an update shows the gradient exactly.

    Raises
    ------
    HiddenByUpdate
        If the dtype has no room for one.

    Examples
    --------
    >>> w, x, y_bar = np.float32([3.0]), np.float32([5.0]), np.float32([7.0])
    >>> rate = rate_for([w], x, y_bar)
    >>> gradient_of_update(w, w - np.float32(rate) * (x * y_bar), rate)
    array([35.], dtype=float32)
    """
    every = list(weights)
    if not every:
        return 1.0
    form = np.finfo(every[0].dtype)
    # No gradient is larger, and none but 0 smaller, than these; that of a bias has no x in it.
    largest = max(0, _log2(_largest(x))) + _log2(_largest(y_bar)) + _log2(max(1, y_bar.size))
    smallest = min(0, _quantum(x)) + _quantum(y_bar)
    weight = max(_log2(_largest(each)) for each in every)
    rate = max(form.minexp // 2, math.ceil(weight - smallest) + form.nmant + 3)
    if rate + math.ceil(largest) >= form.maxexp or rate >= form.maxexp:
        raise HiddenByUpdate("values so large that an update hides bits of the gradient")
    return math.ldexp(1.0, rate)


def gradient_of_update(before: Array, after: Any, rate: float) -> Any:
    """The gradient that an update with `rate` took away; what has another shape stays as it is."""
    if not isinstance(after, np.ndarray) or after.shape != before.shape:
        return after
    with np.errstate(all="ignore"):
        return (before.astype(after.dtype) - after) / after.dtype.type(rate)


def _largest(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    return float(finite.max(initial=0))


def _log2(value: float) -> float:
    return math.log2(value) if value else -1074.0


def _quantum(array: Array) -> float:
    """The binary exponent of the largest power of two that all values are multiples of."""
    values = array[np.isfinite(array) & (array != 0)].astype(np.float64)
    if not values.size:
        return 0.0
    fractions, exponents = np.frexp(np.abs(values))
    integers = (fractions * 2.0**53).astype(np.int64)
    zeros = np.log2((integers & -integers).astype(np.float64))
    return float((exponents - 53 + zeros).min())
