"""Ways to draw an operand that is no plain array: labels, masks, positive numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.promises import Shape

#: Significant bits of a drawn real constant: every floating-point dtype holds it.
BITS = 6


def labels(rng: np.random.Generator, shape: Shape, classes: int, known: dict[str, Any]) -> Array:
    """Whole numbers below `classes`; a quarter of them is ``ignore_index``, if there is that param.

    By default `classes` is the size of that axis of the first operand which this one lacks.
    """
    drawn = rng.integers(0, max(1, classes), size=shape)
    ignored = known.get("ignore_index")
    if ignored is not None and rng.integers(3):
        drawn = np.where(rng.integers(4, size=shape) == 0, ignored, drawn)
    # The last label is at the end of a row, where a loop stops early.
    if drawn.size and rng.integers(2):
        drawn.flat[rng.integers(drawn.size)] = max(0, classes - 1)
    return drawn.astype(np.int64)


def positive(rng: np.random.Generator, shape: Shape) -> Array:
    """Numbers from 1/8 to 4, of which each dtype holds all bits."""
    return rounded(2.0 ** rng.uniform(-3, 2, size=shape))


def masks(rng: np.random.Generator, shape: Shape) -> Array:
    """True and False, True in one place of each row at least.

    In every third mask the first places are False, or the last ones, as where a batch is padded:
    whole blocks of keys are masked then.
    """
    drawn = rng.integers(3, size=shape) > 0
    if rng.integers(3) == 0 and drawn.ndim:
        drawn = paddings(rng, shape)
    if drawn.ndim and drawn.shape[-1]:
        place = rng.integers(drawn.shape[-1], size=drawn.shape[:-1])
        np.put_along_axis(drawn, place[..., None], values=True, axis=-1)
    return drawn


def paddings(rng: np.random.Generator, shape: Shape) -> Array:
    """The first places of each row True, or the last ones: one at least, and as many in each."""
    places, kept = np.arange(shape[-1]), rng.integers(1, max(1, shape[-1]) + 1)
    padded = places < kept if rng.integers(2) else places >= shape[-1] - kept
    return np.broadcast_to(padded, shape).copy()


def additive_masks(rng: np.random.Generator, shape: Shape) -> Array:
    """0 and minus infinity, 0 in one place of each row at least."""
    return np.where(masks(rng, shape), 0.0, -np.inf)


def reals(rng: np.random.Generator, shape: Shape) -> Array:
    """Standard normal numbers, of which each dtype holds all bits."""
    return rounded(rng.standard_normal(shape))


def rounded(values: Array) -> Array:
    """The values to so few significant bits that every floating-point dtype holds them."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2**BITS) / 2**BITS, exponent)
