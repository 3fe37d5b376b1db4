"""Memory layouts: the same numbers, lying in memory as a caller's arrays may lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases.repeats import (
    BROADCAST,
    BROADCAST_ALL,
    BROADCAST_BATCH,
    OVERLAPPING,
    cells,
    repeated,
    steps,
)

#: How a case is written whose arrays are all contiguous in C order.
C_ORDER = "c-order"

#: The memory format of frameworks beside it: samples, rows, columns, channels.
CHANNELS_LAST = "channels-last"

#: The operands that have it are views of one buffer, from its first cell on: see `lay_out_all`.
ONE_MEMORY = "one-memory"

#: The cotangent that has it is the very array that the forward returned.
OUTPUT = "output"


def lay_out(array: Array, layout: str) -> Array:
    """A copy of `array` in that layout; shape, dtype and numbers stay.

    Alone, an array of `ONE_MEMORY` or `OUTPUT` lies in C order.

    Examples
    --------
    >>> lay_out(np.zeros((2, 3, 4, 5)), "channels-last").strides
    (480, 8, 120, 24)
    """
    return LAYOUTS[layout](array)


def lay_out_all(arrays: Mapping[str, Array], layouts: Mapping[str, str]) -> dict[str, Array]:
    """Copies of the arrays, each in its layout, and those of `ONE_MEMORY` in one buffer.

    Their numbers are taken for equal as far as they lie upon each other: see `in_one_memory`.

    Examples
    --------
    >>> both = {"x": np.ones((2, 2)), "w": np.ones(3)}
    >>> laid = lay_out_all(both, {"x": "one-memory", "w": "one-memory"})
    >>> np.shares_memory(laid["x"], laid["w"])
    True
    """
    laid = {name: lay_out(array, layouts.get(name, C_ORDER)) for name, array in arrays.items()}
    return laid | in_one_memory({name: laid[name] for name in laid if _is_tenant(name, layouts)})


def in_one_memory(tenants: Mapping[str, Array]) -> dict[str, Array]:
    """Views of the memory of the largest array, from its first cell on, in the given shapes."""
    if len(tenants) < 2:
        return dict(tenants)
    buffer = max(tenants.values(), key=lambda array: array.size).ravel()
    return {name: buffer[: array.size].reshape(array.shape) for name, array in tenants.items()}


def _is_tenant(name: str, layouts: Mapping[str, str]) -> bool:
    return layouts.get(name) == ONE_MEMORY


#: Dimensions from which on a layout differs from those before it; 1 for those that are left out.
_LEAST = {
    "fortran": 2,
    CHANNELS_LAST: 3,
    "transposed": 3,
    BROADCAST_BATCH: 2,
    BROADCAST_ALL: 2,
    OVERLAPPING: 2,
    "read-only": 0,
    "unaligned": 0,
    OUTPUT: 0,
}


def layouts_for(
    dimensions: int, *, is_cotangent: bool = False, has_company: bool = False
) -> tuple[str, ...]:
    """The layouts that differ for arrays of so many dimensions.

    Parameters
    ----------
    dimensions
        How many axes the array has.
    is_cotangent
        Whether it may be the output.
    has_company
        Whether it is one of several operands, which may lie in one memory.

    Examples
    --------
    >>> layouts_for(1)
    ('c-order', 'sliced', 'strided', 'negative', 'broadcast', 'read-only', 'unaligned')
    """
    left_out = {ONE_MEMORY: not has_company, OUTPUT: not is_cotangent}
    return tuple(
        each
        for each in LAYOUTS
        if each == C_ORDER or (_LEAST.get(each, 1) <= dimensions and not left_out.get(each, False))
    )


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
    # Of an axis of length 1 nobody sees which way it runs, and only a copy turns it again.
    backwards = tuple(slice(None, None, -1 if n > 1 else 1) for n in array.shape)
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


def _broadcast(layout: str) -> Callable[[Array], Array]:
    def lay(array: Array) -> Array:
        # The first number of each repeated run is the only one in memory.
        still = steps(array.shape, layout)
        kept = array[tuple(slice(0, 1) if step == 0 else slice(None) for step in still)].copy()
        return np.broadcast_to(kept, array.shape)

    return lay


def _overlapping(array: Array) -> Array:
    if not array.size:
        return array.copy()
    memory = np.empty(cells(array.shape, OVERLAPPING) * array.itemsize, np.uint8)
    strides = tuple(step * array.itemsize for step in steps(array.shape, OVERLAPPING))
    # It can be written, as `torch.Tensor.unfold` gives it: who works in place shows it.
    frames: Array = np.ndarray(array.shape, array.dtype, buffer=memory.data, strides=strides)
    frames[...] = repeated(array, OVERLAPPING)
    return frames


LAYOUTS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        C_ORDER: lambda array: array.copy(order="C"),
        "fortran": lambda array: array.copy(order="F"),
        CHANNELS_LAST: _channels_last,
        "transposed": _transposed,
        "sliced": _sliced,
        "strided": _strided,
        "negative": _negative,
        **{each: _broadcast(each) for each in (BROADCAST, BROADCAST_BATCH, BROADCAST_ALL)},
        OVERLAPPING: _overlapping,
        "read-only": _read_only,
        "unaligned": _unaligned,
        ONE_MEMORY: lambda array: array.copy(order="C"),
        OUTPUT: lambda array: array.copy(order="C"),
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
