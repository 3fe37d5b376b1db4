"""How the windows of a convolution or a pool lie on the plane: sizes, padding, strided views."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from reference.operands import Array

#: What stands between the brackets of ``array[...]``.
Index = tuple[Any, ...]


class Line(NamedTuple):
    """The windows along one dimension of the plane; its fields are those of `Windows`."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    output: int

    @property
    def reach(self) -> int:
        """How many cells lie from a window's first to its last, both counted."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def padded(self) -> int:
        """Length of the shortest line that holds the input and every cell that a window reads."""
        return max(self.before + self.size, (self.output - 1) * self.stride + self.reach)

    @property
    def starts(self) -> Array:
        """The cell of the input where each window starts, (output,); padding has other numbers."""
        return np.arange(self.output) * self.stride - self.before

    def cells(self, tap: int) -> slice:
        """Where `tap` reads a padded line: one cell for each window."""
        start = tap * self.dilation
        return slice(start, start + (self.output - 1) * self.stride + 1, self.stride)


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one layer: `output` of them along each dimension of the plane.

    Window ``i`` reads, along one dimension, the cells ``i * stride - before + t * dilation`` for
    the taps ``t`` in ``range(kernel)``; cells outside ``range(size)`` are padding. Every field is a
    tuple with one number for each spatial dimension.

    Examples
    --------
    Two windows of three cells on a line of four, padded by one, two cells apart:

    >>> windows = Windows(
    ...     size=(4,), kernel=(3,), stride=(2,), dilation=(1,), before=(1,), output=(2,)
    ... )
    >>> line = windows.pad(np.array([[[1.0, 2.0, 3.0, 4.0]]]), 0.0)
    >>> line
    array([[[0., 1., 2., 3., 4.]]])
    >>> for tap in windows.taps():
    ...     print(tap, line[windows.cells(tap)])
    (0,) [[[0. 2.]]]
    (1,) [[[1. 3.]]]
    (2,) [[[2. 4.]]]
    """

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    output: tuple[int, ...]

    def lines(self) -> Iterator[Line]:
        """The windows along each dimension."""
        fields = self.size, self.kernel, self.stride, self.dilation, self.before, self.output
        return itertools.starmap(Line, zip(*fields, strict=True))

    @property
    def rank(self) -> int:
        """The number of spatial dimensions."""
        return len(self.size)

    @property
    def reach(self) -> tuple[int, ...]:
        """How many cells lie from a window's first to its last, both counted."""
        return tuple(line.reach for line in self.lines())

    @property
    def padded(self) -> tuple[int, ...]:
        """Size of the smallest plane that holds the input and every cell that a window reads."""
        return tuple(line.padded for line in self.lines())

    @property
    def inside(self) -> Index:
        r"""Where the input lies in a padded array (..., \*padded)."""
        return (..., *(slice(line.before, line.before + line.size) for line in self.lines()))

    def taps(self) -> Iterator[tuple[int, ...]]:
        """The kernel's offsets in raster order, the last dimension fastest."""
        return itertools.product(*map(range, self.kernel))

    def cells(self, tap: tuple[int, ...]) -> Index:
        r"""Where `tap` reads a padded array (..., \*padded): one cell for each window."""
        return (..., *(line.cells(t) for line, t in zip(self.lines(), tap, strict=True)))

    def tapped(self) -> Iterator[tuple[tuple[int, ...], Index]]:
        """Each tap with its cells; the slices of a dimension are made once for all of them."""
        slices = ([line.cells(tap) for tap in range(line.kernel)] for line in self.lines())
        for tap, cells in zip(self.taps(), itertools.product(*slices), strict=True):
            yield tap, (..., *cells)

    def pad(self, x: Array, fill: float) -> Array:
        r"""`x` (n, c, \*size) inside a plane of `fill`; `x` itself when nothing is padded."""
        if self.padded == self.size:
            return x
        padded = np.full((*x.shape[:2], *self.padded), fill, dtype=x.dtype)
        padded[self.inside] = x
        return padded

    def view(self, x: Array) -> Array:
        r"""Every window of `x` (..., \*padded, c): a view (..., \*output, \*kernel, c)."""
        first, cells = x.ndim - 1 - self.rank, x.strides
        numbers = zip(self.kernel, self.stride, self.dilation, strict=True)
        output, starts, taps = [], [], []
        for axis, (kernel, stride, dilation) in enumerate(numbers, start=first):
            output.append((x.shape[axis] - (kernel - 1) * dilation - 1) // stride + 1)
            starts.append(stride * cells[axis])
            taps.append(dilation * cells[axis])
        return as_strided(
            x,
            (*x.shape[:first], *output, *self.kernel, x.shape[-1]),
            (*cells[:first], *starts, *taps, cells[-1]),
            writeable=False,
        )


def per_dimension(name: str, value: Any, rank: int, *, least: int) -> tuple[int, ...]:
    """`value` as a tuple with one int for each of `rank` dimensions, each at least `least`.

    Raises
    ------
    ValueError
        When there is not one int for each dimension, or one is too small.

    Examples
    --------
    >>> per_dimension("stride", 2, 3, least=1)
    (2, 2, 2)
    >>> per_dimension("stride", (0, 1), 2, least=1)
    Traceback (most recent call last):
    ValueError: stride=(0, 1): every stride must be at least 1
    """
    try:
        numbers = (
            tuple(map(operator.index, value))
            if isinstance(value, Sequence) and not isinstance(value, str)
            else (operator.index(value),) * rank
        )
    except TypeError:
        raise ValueError(
            f"{name}={value!r}: must be an int or a tuple of {rank} ints, one for each dimension"
        ) from None
    if len(numbers) != rank:
        raise ValueError(
            f"{name}={value!r}: x has {rank} spatial dimensions; give {rank} numbers, or one int"
        )
    if min(numbers) < least:
        raise ValueError(f"{name}={value!r}: every {name} must be at least {least}")
    return numbers
