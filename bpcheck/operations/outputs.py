"""Several outputs as one array: one after the other, each in C order, and back.

Checks compare one ``y``. What an operation returns beside it lies behind it there, and is told
by its own name: ``y1[0,3]`` is an element of the second output.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.promises import Shape


def joined(outputs: Sequence[Array]) -> Array:
    """A copy of all numbers in float64, in one axis.

    Examples
    --------
    >>> joined([np.array([[1.0, 2.0]]), np.array(3.0)])
    array([1., 2., 3.])
    """
    with np.errstate(invalid="ignore"):
        return np.concatenate([np.array(each, np.float64).reshape(-1) for each in outputs])


def parted(array: Array, shapes: Sequence[Shape]) -> tuple[Array, ...]:
    """The outputs again, as views: who writes into one writes into the whole.

    Examples
    --------
    >>> [each.shape for each in parted(np.arange(7.0), [(2, 3), ()])]
    [(2, 3), ()]
    """
    # With any step between its elements, one axis can be seen as several without a copy.
    return tuple(
        array[start:stop].reshape(shape)
        for (start, stop), shape in zip(pairwise(_ends(shapes)), shapes, strict=True)
    )


def place_of(index: int, shapes: Sequence[Shape]) -> tuple[int, tuple[int, ...]]:
    """Which output an element of the whole belongs to, and where it is there.

    Examples
    --------
    >>> place_of(4, [(2, 2), (3,)])
    (1, (0,))
    """
    ends = _ends(shapes)
    which = next(k for k, end in enumerate(ends[1:]) if index < end)
    at = np.unravel_index(index - ends[which], shapes[which]) if shapes[which] else ()
    return which, tuple(int(i) for i in at)


def index_of(which: int, place: Sequence[int], shapes: Sequence[Shape]) -> int | None:
    """The inverse of `place_of`; ``None`` for what is no place of an output.

    Examples
    --------
    >>> index_of(1, (0,), [(2, 2), (3,)]), index_of(1, (3,), [(2, 2), (3,)])
    (4, None)
    """
    if which >= len(shapes) or len(place) != len(shapes[which]):
        return None
    if any(i >= n for i, n in zip(place, shapes[which], strict=True)):
        return None
    within = int(np.ravel_multi_index(tuple(place), shapes[which])) if place else 0
    return _ends(shapes)[which] + within


def names_of(shapes: Sequence[Any]) -> tuple[str, ...]:
    """How the outputs are called: ``y0``, ``y1``, in their order."""
    return tuple(f"y{place}" for place in range(len(shapes)))


def _ends(shapes: Sequence[Shape]) -> list[int]:
    ends = [0]
    for shape in shapes:
        ends.append(ends[-1] + prod(shape))
    return ends
