"""How the windows of a convolution or a pool lie on the plane: sizes, padding, strided views."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: What stands between the brackets of ``array[...]``.
Index = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one layer: `output` of them along each dimension of the plane.

    Window ``i`` reads, along one dimension, the cells ``i * stride - before + t * dilation`` for
    the taps ``t`` in ``range(kernel)``; cells outside ``range(size)`` are padding.

    Every field is a tuple with one number for each spatial dimension.
    """

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    output: tuple[int, ...]

    @property
    def padded(self) -> tuple[int, ...]:
        """Size of the smallest plane that holds the input and every cell that a window reads."""
        return tuple(
            max(before + size, (output - 1) * stride + (kernel - 1) * dilation + 1)
            for size, kernel, stride, dilation, before, output in zip(
                self.size,
                self.kernel,
                self.stride,
                self.dilation,
                self.before,
                self.output,
                strict=True,
            )
        )

    @property
    def inside(self) -> Index:
        """Where the input lies in a padded array."""
        return (
            ...,
            *(
                slice(before, before + size)
                for before, size in zip(self.before, self.size, strict=True)
            ),
        )

    def taps(self) -> Iterator[tuple[int, ...]]:
        """The kernel's offsets in raster order, the last dimension fastest."""
        return itertools.product(*map(range, self.kernel))

    def cells(self, tap: tuple[int, ...]) -> Index:
        """Where `tap` reads a padded array, one cell for each window."""
        return (
            ...,
            *(
                slice(t * dilation, t * dilation + (output - 1) * stride + 1, stride)
                for t, dilation, output, stride in zip(
                    tap, self.dilation, self.output, self.stride, strict=True
                )
            ),
        )

    def pad(self, x: Array, fill: float) -> Array:
        """A copy of `x` (n, c, \\*size) in the middle of a padded plane of `fill`."""
        padded = np.full((*x.shape[:2], *self.padded), fill, dtype=x.dtype)
        padded[self.inside] = x
        return padded


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
