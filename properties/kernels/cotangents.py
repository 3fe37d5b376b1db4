"""The textbook's pictures of a cotangent: zeros in between, zeros around."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.kernels.run import Array


def spread_out(array: Array, steps: tuple[int, ...]) -> Array:
    """`array` (n, c, *size) with ``step - 1`` zeros between neighbours in each dimension.

    This undoes a stride for a cotangent, and a dilation for a kernel.

    >>> spread_out(np.array([[[1, 2, 3]]]), (2,))
    array([[[1, 0, 2, 0, 3]]])
    """
    size = tuple((s - 1) * step + 1 for s, step in zip(array.shape[2:], steps, strict=True))
    spread = np.zeros((*array.shape[:2], *size), array.dtype)
    places = tuple(slice(None, None, step) for step in steps)
    spread[(slice(None), slice(None), *places)] = array
    return spread


def zero_padded(array: Array, widths: tuple[tuple[int, int], ...]) -> Array:
    """`array` (n, c, *size) with so many zeros before and after it in each dimension."""
    return np.pad(array, ((0, 0), (0, 0), *widths))


def cropped(array: Array, geometry: Any) -> Array:
    """The input's part of a padded plane: `array` (n, c, *padded) to (n, c, *i)."""
    inside = tuple(slice(window.low, window.low + window.i) for window in geometry.windows)
    return array[(slice(None), slice(None), *inside)]
