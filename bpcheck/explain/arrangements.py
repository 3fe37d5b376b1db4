"""Kinds of wrong numbers and of places of wrong cells, beyond the ends of the axes."""

from __future__ import annotations

from functools import partial

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, gamma
from bpcheck.explain.cells import Cells, Holds

#: Offsets of what is shifted, in rows and columns.
_OFFSETS = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)


def _all_zero(cells: Cells) -> bool | None:
    return not cells.got.any() if cells.got.size > 1 else None


def _channels_last(cells: Cells) -> bool | None:
    """Whether the axes are those of NHWC, where their lengths happen to fit."""
    right = cells.right
    if cells.axis("C") != 1:
        return None
    moved = np.moveaxis(right, 1, -1)
    if moved.shape != right.shape or np.array_equal(moved, right):
        return None
    return np.array_equal(cells.got, moved)


def _transposed(cells: Cells) -> bool | None:
    """Whether rows and columns are exchanged; a plane that is not square has another shape then."""
    turned = _swapped(cells.right, -1, -2)
    return None if turned is None else np.array_equal(cells.got, turned)


def _channels_exchanged(cells: Cells) -> bool | None:
    """Whether the first two axes are: output channels for input channels."""
    turned = _swapped(cells.right, 0, 1) if cells.axis("O") is not None else None
    return None if turned is None else np.array_equal(cells.got, turned)


def _swapped(array: Array, one: int, other: int) -> Array | None:
    """The array with two axes exchanged, where that is another array of the same shape."""
    if array.ndim < 2 or array.shape[one] != array.shape[other]:
        return None
    turned = array.swapaxes(one, other)
    return None if np.array_equal(turned, array) else turned


def _shifted(offset: tuple[int, int], cells: Cells) -> bool | None:
    """Whether every number stands so many rows and columns further, those past the end aside."""
    if cells.right.ndim < 4 or min(cells.right.shape[-2:]) < 3:
        return None
    there, here = zip(*(_overlap(each) for each in offset), strict=True)
    got, right = cells.got[..., *there], cells.right[..., *here]
    # Of equal numbers any shift is one.
    if np.array_equal(cells.right[..., *there], right):
        return None
    return np.array_equal(got, right)


def _overlap(offset: int) -> tuple[slice, slice]:
    if offset > 0:
        return slice(offset, None), slice(None, -offset)
    return slice(None, offset or None), slice(-offset, None)


def _scaled(power: int, cells: Cells) -> bool | None:
    """Whether all numbers are the right ones times the number of samples, or by it."""
    samples = next(iter(cells.case.shapes.values()))[0]
    if samples < 3:
        # Half and twice have words of their own.
        return None
    # The factor rounds, and so do the products and the numbers themselves.
    slack = gamma(4, FORMATS[cells.case.dtype].unit_roundoff) * np.abs(cells.right)
    expected = cells.right * float(samples) ** power
    return bool((np.abs(cells.got - expected) <= slack * float(samples) ** power).all())


def _exchanged(letters: str, cells: Cells) -> bool | None:
    """Whether the right planes stand in another order along an axis."""
    axis = cells.axis(letters)
    if axis is None or len(_planes(cells.right, axis)) < 2:
        return None
    return sorted(map(bytes, _along(cells.got, axis))) == sorted(
        map(bytes, _along(cells.right, axis))
    )


def _along(array: Array, axis: int) -> list[Array]:
    # Of two zeros with other signs one is the other.
    return [np.ascontiguousarray(each) + 0.0 for each in np.moveaxis(array, axis, 0)]


def _planes(array: Array, axis: int) -> set[bytes]:
    return {bytes(each) for each in _along(array, axis)}


def _one_entry(letters: str, cells: Cells) -> bool | None:
    """Whether all wrong cells lie in one entry of an axis, while others could be wrong."""
    axis = cells.axis(letters)
    return None if axis is None else int(_wrong_along(cells, axis).sum()) == 1


def _one_group(cells: Cells) -> bool | None:
    """Whether all wrong cells lie in one group of channels."""
    groups = cells.case.params.get("groups", 1)
    axis = cells.axis("CO")
    if groups < 2 or axis is None:
        return None
    wrong = _wrong_along(cells, axis).reshape(groups, -1)
    # Of groups of one channel nothing but a channel is told.
    return int(wrong.any(axis=1).sum()) == 1 if wrong.shape[1] > 1 else None


def _wrong_along(cells: Cells, axis: int) -> Array:
    others = tuple(each for each in range(cells.wrong.ndim) if each != axis)
    found: Array = np.asarray(cells.wrong.any(axis=others))
    return found


def _at_the_border(cells: Cells) -> bool | None:
    """Whether the inside of every plane is right, and the border wrong at two sides at least."""
    if cells.wrong.ndim < 4 or min(cells.wrong.shape[-2:]) < 3:
        return None
    if cells.wrong[..., 1:-1, 1:-1].any():
        return False
    sides = [_wrong_along(cells, cells.wrong.ndim - back)[[0, -1]] for back in (1, 2)]
    return int(np.sum(sides)) > 1


def _of_one_phase(cells: Cells) -> bool | None:
    """Whether all wrong cells are the same number of steps behind a multiple of the stride."""
    strides = cells.case.params.get("stride", ())
    if not isinstance(strides, tuple) or cells.wrong.ndim != 2 + len(strides):
        return None
    told = []
    for axis, stride in enumerate(strides, 2):
        wrong = np.flatnonzero(_wrong_along(cells, axis))
        if stride > 1 and cells.wrong.shape[axis] > stride:
            told.append(len(np.unique(wrong % stride)) == 1)
    return all(told) if told else None


#: What all numbers of a result may be.
VALUES: tuple[tuple[str, Holds], ...] = (
    ("everything is 0", _all_zero),
    ("every number is divided by the number of samples", partial(_scaled, -1)),
    ("every number is multiplied by the number of samples", partial(_scaled, 1)),
    ("the right numbers with the channels as the last axis (NHWC?)", _channels_last),
    ("rows and columns are exchanged (transposed)", _transposed),
    ("input and output channels are exchanged", _channels_exchanged),
    *((f"every number is shifted by ({i}, {j})", partial(_shifted, (i, j))) for i, j in _OFFSETS),
    ("the right channels, in another order", partial(_exchanged, "CO")),
    ("the right samples, in another order", partial(_exchanged, "N")),
)

#: Where wrong cells may lie.
PLACES: tuple[tuple[str, Holds], ...] = (
    ("one channel alone", partial(_one_entry, "CO")),
    ("one group of channels alone", _one_group),
    ("one sample alone", partial(_one_entry, "N")),
    ("the border alone", _at_the_border),
    ("one phase of the stride alone", _of_one_phase),
)
