"""Memory layouts: the same numbers, lying in memory as a caller's arrays may lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from bpcheck.arithmetic import Array

#: How a case is written whose arrays are all contiguous in C order.
C_ORDER = "c-order"

#: The layout whose numbers repeat: see `repeated`.
BROADCAST = "broadcast"


def lay_out(array: Array, layout: str) -> Array:
    """A copy of `array` in that layout; shape, dtype and numbers stay.

    Examples
    --------
    >>> lay_out(np.zeros((2, 3, 4, 5)), "channels-last").strides
    (480, 8, 120, 24)
    """
    return LAYOUTS[layout](array)


def layouts_for(dimensions: int) -> tuple[str, ...]:
    """The layouts that differ for arrays of so many dimensions.

    Examples
    --------
    >>> layouts_for(1)
    ('c-order', 'sliced', 'strided', 'negative', 'broadcast', 'read-only', 'unaligned')
    """
    least = {"fortran": 2, "channels-last": 3, "transposed": 3, "read-only": 0, "unaligned": 0}
    return tuple(each for each in LAYOUTS if each == C_ORDER or least.get(each, 1) <= dimensions)


def repeated(array: Array) -> Array:
    """The numbers that a stride-0 array of this shape can hold: one for each sample and channel.

    It is what a mean or a sum above sends down; a one-dimensional array keeps its first number.
    """
    axes = range(2, array.ndim) if array.ndim > 2 else range(array.ndim - 1, array.ndim)
    first = array[tuple(slice(0, 1) if axis in axes else slice(None) for axis in range(array.ndim))]
    return np.broadcast_to(first, array.shape)


def _channels_last(array: Array) -> Array:
    if array.ndim < 3:
        return array.copy(order="F")
    return np.moveaxis(np.moveaxis(array, 1, -1).copy(order="C"), -1, 1)


def _transposed(array: Array) -> Array:
    if array.ndim < 2:
        return array.copy()
    return np.swapaxes(np.swapaxes(array, -1, -2).copy(order="C"), -1, -2)


def _sliced(array: Array) -> Array:
    if array.ndim == 0:
        return array.copy()
    # The neighbours are NaN: whoever steps outside the array will show it.
    whole = np.full(tuple(n + 2 for n in array.shape), np.nan).astype(array.dtype)
    inside = whole[tuple(slice(1, -1) for _ in range(array.ndim))]
    inside[...] = array
    return inside


def _strided(array: Array) -> Array:
    if array.ndim == 0:
        return array.copy()
    whole = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan).astype(array.dtype)
    every_second = whole[..., ::2]
    every_second[...] = array
    return every_second


def _negative(array: Array) -> Array:
    backwards = (slice(None, None, -1),) * array.ndim
    return array[backwards].copy()[backwards]


def _read_only(array: Array) -> Array:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _unaligned(array: Array) -> Array:
    memory = np.empty(array.nbytes + 1, dtype=np.uint8)
    shifted = np.ndarray(array.shape, array.dtype, buffer=memory.data, offset=1)
    shifted[...] = array
    return shifted


def _broadcast(array: Array) -> Array:
    # The first number of each repeated run is the only one in memory.
    moved = repeated(array)
    kept = moved[tuple(slice(0, 1) if s == 0 else slice(None) for s in moved.strides)].copy()
    return np.broadcast_to(kept, array.shape)


LAYOUTS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        C_ORDER: lambda array: array.copy(order="C"),
        "fortran": lambda array: array.copy(order="F"),
        "channels-last": _channels_last,
        "transposed": _transposed,
        "sliced": _sliced,
        "strided": _strided,
        "negative": _negative,
        BROADCAST: _broadcast,
        "read-only": _read_only,
        "unaligned": _unaligned,
    }
)

_ONE = re.compile(r"([a-z]\w*):([a-z-]+)")


def parse_layout(text: str) -> str | None:
    """`text` if it is ``c-order`` or names arrays with their layouts, else ``None``.

    Examples
    --------
    >>> parse_layout("x:fortran,y_bar:negative")
    'x:fortran,y_bar:negative'
    >>> parse_layout("x:upside-down") is None
    True
    """
    return text if text == C_ORDER or layouts_of(text) else None


def layouts_of(text: str) -> dict[str, str]:
    """The layout of each array that has another than C order; empty if `text` is not understood."""
    found = {}
    for part in text.split(","):
        match = _ONE.fullmatch(part)
        if match is None or match.group(2) not in LAYOUTS or match.group(1) in found:
            return {}
        found[match.group(1)] = match.group(2)
    return found


def join_layouts(layouts: Mapping[str, str]) -> str:
    """The inverse of `layouts_of`."""
    parts = [f"{name}:{layout}" for name, layout in layouts.items() if layout != C_ORDER]
    return ",".join(parts) or C_ORDER
