"""Real numbers: standard normal, with all that pruning leaves, or under a scaled loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import floor, log2

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases.case import Case
from bpcheck.filling.lattice import Arrays, array_shapes
from bpcheck.operations.declared.draws import masks, paddings

#: Largest number of a `far` case, and of a row that one dominates.
FAR = 100.0

#: A row longer than this may be read in parts. So far apart are numbers in it, and by so much is a
#: sorted one steeper, that in float32 the exponential of what is above the maximum of a part is
#: infinite.
LONG, STEEP = 64, 32.0

#: The least power of two that a scaled cotangent is multiplied by.
LEAST_SCALE = 10


def real(case: Case, rng: np.random.Generator) -> Arrays:
    """Standard normal numbers throughout."""
    dtype, shapes = FORMATS[case.dtype].dtype, array_shapes(case)
    drawn = {
        # A shape of () gives a scalar otherwise.
        name: np.asarray(rng.standard_normal(shape), dtype)
        for name, shape in shapes.items()
    }
    y_bar = drawn.pop("y_bar")
    return _taken(case, Arrays(operands=drawn, y_bar=y_bar, steps=dict.fromkeys(drawn, 0)), rng)


def _taken(case: Case, drawn: Arrays, rng: np.random.Generator) -> Arrays:
    """The same, with other numbers where the operation cannot take these."""
    operation = case.operation
    operands = {
        name: operation.adjusted(case.geometry, name, values, rng)
        for name, values in drawn.operands.items()
    }
    return replace(drawn, operands=operands)


def rows(case: Case, rng: np.random.Generator) -> Arrays:
    """Real numbers whose rows, along the last axis, are such as formulas stumble over.

    Each row is equal throughout but for little, far from 0 beside its spread, sorted, zero, has one
    number that dominates, two signs that nearly cancel, or a spread near what formulas add to it.
    """
    drawn = real(case, rng)
    operands = {name: _row_by_row(values, rng) for name, values in drawn.operands.items()}
    return _taken(case, replace(drawn, operands=operands), rng)


def _row_by_row(values: Array, rng: np.random.Generator) -> Array:
    if not values.ndim or not values.size:
        return values
    wide = values.astype(np.float64).reshape(-1, values.shape[-1])
    made = [_WAYS[rng.integers(len(_WAYS))](row, rng) for row in wide]
    return np.asarray(np.reshape(made, values.shape), values.dtype)


def _dominated(row: Array, rng: np.random.Generator) -> Array:
    changed = row.copy()
    changed[rng.integers(row.size)] = FAR if row.size > LONG else 30.0
    return changed


def _rising(row: Array, rng: np.random.Generator) -> Array:
    return np.sort(row) * (STEEP if row.size > LONG else 1.0)


def _ahead(row: Array, rng: np.random.Generator) -> Array:
    changed = np.full_like(row, 37.0)
    changed[rng.integers(row.size)] = 40.0
    return changed


def _cancelling(row: Array, rng: np.random.Generator) -> Array:
    half = row.size // 2
    return np.concatenate([row[: row.size - half], -row[:half]]) * (
        1 + 2.0**-6 * (rng.random() < 0.5)
    )


#: What becomes of a row of standard normal numbers.
_WAYS: tuple[Callable[[Array, np.random.Generator], Array], ...] = (
    lambda row, rng: row,
    lambda row, rng: np.full_like(row, row[0]) + 2.0**-6 * row,
    lambda row, rng: row + 50.0,
    lambda row, rng: row + 120.0,
    lambda row, rng: row - 120.0,
    _rising,
    lambda row, rng: np.sort(row)[::-1],
    lambda row, rng: np.zeros_like(row),
    _dominated,
    _ahead,
    _cancelling,
    lambda row, rng: row * 2.0 ** -rng.integers(3, 13),
)


def far(case: Case, rng: np.random.Generator) -> Arrays:
    """Real numbers far from 0, where exponentials overflow and saturate; the cotangent is not."""
    drawn = real(case, rng)
    operands = {
        name: np.asarray(
            np.clip(values.astype(np.float64) * 2.0 ** rng.integers(2, 7), -FAR, FAR), values.dtype
        )
        for name, values in drawn.operands.items()
    }
    return _taken(case, replace(drawn, operands=operands), rng)


def masked(case: Case, rng: np.random.Generator) -> Arrays:
    """Real numbers, and minus infinity where a mask is False; in a long row that is padding."""
    drawn = real(case, rng)
    operands = {
        name: _masked(values, rng) if name in case.operation.masked else values
        for name, values in drawn.operands.items()
    }
    return replace(drawn, operands=operands)


def _masked(values: Array, rng: np.random.Generator) -> Array:
    # Whole parts of a long row are to be masked, the first one above all.
    mask = paddings if values.shape[-1] > LONG else masks
    return np.where(mask(rng, values.shape), values, -np.inf).astype(values.dtype)


def pruned(case: Case, rng: np.random.Generator) -> Arrays:
    """Real numbers with zeros: whole samples and filters with their biases, and single weights.

    What such a sample or filter gives is exactly 0 (or the bias), in whatever order it is added up.
    One sample and one filter of each layer at least are left, so that something reaches the loss.
    Samples go in half of the cases only: a layer later their planes hold sums that are equal but
    for rounding, and which of those is a maximum nobody knows.
    """
    drawn = real(case, rng)
    (first, x), *rest = drawn.operands.items()
    operands = {first: _without(x, _some(len(x), rng)) if rng.integers(2) else x}
    gone = np.zeros(0, bool)
    for name, array in rest:
        single = np.zeros(array.shape, bool)
        # A bias, which follows its weights, loses what they lose.
        if array.ndim > 1:
            gone, single = _some(len(array), rng), rng.integers(4, size=array.shape) == 0
        operands[name] = _without(_without(array, single), gone)
    return replace(drawn, operands=operands)


def _without(array: Array, gone: Array) -> Array:
    """The array with zeros where `gone` says, on its first axes."""
    kept = array.copy()
    kept[gone] = 0
    return kept


def _some(count: int, rng: np.random.Generator) -> Array:
    """Which ones of so many are pruned: one of them at least, and not all, unless there is one."""
    gone = rng.integers(3, size=count) == 0
    if count:
        first, last = rng.permutation(count)[[0, -1]]
        gone[first], gone[last] = True, False
    return gone


def scaled(case: Case, rng: np.random.Generator) -> Arrays:
    """Real numbers under a cotangent that is large, as a scaled loss sends it, or now and then 0.

    It reaches up to the square root of the largest number: whatever the layers multiply it by has
    as much room again.
    """
    drawn = real(case, rng)
    highest = floor(log2(FORMATS[case.dtype].largest)) // 2
    exponent = int(rng.integers(LEAST_SCALE, highest + 1))
    factor = 0.0 if rng.integers(4) == 0 else 2.0**exponent
    y_bar = np.asarray(drawn.y_bar.astype(np.float64) * factor, drawn.y_bar.dtype)
    return replace(drawn, y_bar=y_bar)
