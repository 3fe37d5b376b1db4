"""Sparse numbers: what a ReLU and pruning leave, half of it 0 and nothing below."""

from __future__ import annotations

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.promises import Shape


def sparse(array: Array, rng: np.random.Generator) -> Array:
    """Magnitudes of `array`, about half of them set to 0: single ones, or whole slices by turns.

    Examples
    --------
    >>> found = sparse(np.full(1_000, -3), np.random.default_rng(1))
    >>> sorted(set(found.tolist()))
    [0, 3]
    """
    return np.where(_kept(array.shape, rng), np.abs(array), array.dtype.type(0))


def _kept(shape: Shape, rng: np.random.Generator) -> Array:
    """False for half of the numbers: one in three, and one in four of the slices that are whole."""
    dimensions = len(shape)
    slices = (
        (),
        # Samples or filters, channels, planes, rows.
        (0,),
        (1,),
        (0, 1),
        tuple(range(dimensions - 1)),
    )[int(rng.integers(5))]
    if not slices or slices[-1] >= dimensions - 1:
        return rng.integers(2, size=shape) > 0
    whole = rng.integers(4, size=[n if axis in slices else 1 for axis, n in enumerate(shape)]) > 0
    return (rng.integers(3, size=shape) > 0) & whole
