"""Arrays in the code's own order of axes, and back: views and copies, never another number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.errors import Unsupported, UsageError
from bpcheck.operations import Operation

#: Other letters for the only spatial axis.
_WIDTHS = ("L", "T")


def axes_of(operation: Operation) -> dict[str, str]:
    """What each axis of an operand and of ``y`` is, a letter an axis, as far as that is named.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> axes_of(operation_named("conv1d"))
    {'x': 'NCW', 'w': 'OIW', 'b': 'O', 'y': 'NCW'}
    """
    return operation.once(_axes_of)


def _axes_of(operation: Operation) -> dict[str, str]:
    every = {name: operation.axes(f"{name}_bar") for name in operation.operands}
    return {name: axes for name, axes in {**every, "y": operation.axes("y")}.items() if axes}


def read_order(text: str, axes: str, *, word: str) -> tuple[str, ...]:
    """The axes of an array in the code's order; ``"1"`` for one of length 1 that it has besides.

    Raises
    ------
    UsageError
        For an axis that there is not, or twice.

    Examples
    --------
    >>> read_order("NHWC", "NCHW", word="layout"), read_order("1 1 1 O", "O", word="bias")
    (('N', 'H', 'W', 'C'), ('1', '1', '1', 'O'))
    >>> read_order("NXC", "NCW", word="layout")
    Traceback (most recent call last):
        ...
    bpcheck.errors.UsageError: layout='NXC': the axes are N, C, W, each at most once
    """
    letters = re.sub(r"[\s,()]", "", text.replace("oc", "O")).upper()
    if axes.count("W") and not axes.count("H"):
        letters = re.sub("|".join(_WIDTHS), "W", letters)
    own = [each for each in letters if each != "1"]
    if not own or len(set(own)) != len(own) or not set(own) <= set(axes):
        raise UsageError(f"{word}={text!r}: the axes are {', '.join(axes)}, each at most once")
    return tuple(letters)


@dataclass(frozen=True, slots=True)
class Handed:
    """What code is handed of an array, and whether both lie in the same memory."""

    array: Array
    own: Array
    axes: str
    order: tuple[str, ...]

    def write_back(self) -> None:
        """Carry a change that code made over to the array, so that it is seen."""
        if self.array.flags.writeable and not np.may_share_memory(self.array, self.own):
            back = inward(self.own, self.axes, self.order)
            if back.tobytes() != self.array.tobytes():
                np.copyto(self.array, back)


def outward(array: Array, axes: str, order: tuple[str, ...]) -> Handed:
    """The array as the code is handed it.

    What is contiguous stays so, in the code's own order: that is how its author has it.

    Raises
    ------
    Unsupported
        If an axis that the code does not have is longer than 1.
    """
    missing = [axes.index(each) for each in axes if each not in order]
    for each in missing:
        if array.shape[each] != 1:
            raise Unsupported(f"{axes[each]} other than 1: the code has no such axis")
    kept = [each for each in axes if each in order]
    own = array.reshape(_without(array.shape, missing)) if missing else array
    own = own.transpose([kept.index(each) for each in order if each != "1"])
    if array.flags.c_contiguous:
        own = np.ascontiguousarray(own)
    for place, letter in enumerate(order):
        if letter == "1":
            own = np.expand_dims(own, place)
    if not np.may_share_memory(own, array):
        own.flags.writeable = array.flags.writeable
    return Handed(array, own, axes, order)


def inward(value: Any, axes: str, order: tuple[str, ...]) -> Any:
    """What the code returned with its axes in the usual order.

    What has other axes than it should is left as it is, for the contract to tell.
    """
    if not isinstance(value, np.ndarray) or value.ndim != len(order):
        return value
    ones = [place for place, each in enumerate(order) if each == "1"]
    if any(value.shape[place] != 1 for place in ones):
        return value
    plain = value.reshape(_without(value.shape, ones)) if ones else value
    letters = [each for each in order if each != "1"]
    plain = plain.transpose([letters.index(each) for each in axes if each in letters])
    for place, each in enumerate(axes):
        if each not in letters:
            plain = np.expand_dims(plain, place)
    return plain


def _without(shape: tuple[int, ...], places: list[int]) -> tuple[int, ...]:
    return tuple(length for place, length in enumerate(shape) if place not in places)
