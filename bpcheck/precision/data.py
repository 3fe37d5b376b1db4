"""The data kinds: what the operands and the cotangent of a measured case hold.

Every kind is scaled by a power of two, the same for all its arrays, so that sums of 65,536 terms
stay far below the largest number of float16. Numbers of float64 that are multiplied have a few
trailing zeros (36 of 53 bits are used at least, of their array's largest), so that their exact sums
are cheap; products of two of them have 72 bits, and so are rounded as any others.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log2
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.operations import Operation
from bpcheck.precision.slices import on_grid, slice_bits

#: zero-mean: standard normal. positive: uniform on [0.5, 1.5). wide: normal times a power of two
#: from 2**-8 to 2**8. cancelling: nearly equal magnitudes, half of the terms of a sum negative.
KINDS = ("zero-mean", "positive", "wide", "cancelling")

#: Relative spread of the magnitudes of cancelling data: what is left of the sum.
_SPREAD = 0.125

#: Slices that the significands of float64 factors fit in, for exact sums; wide data has half as
#: many bits more.
_SLICES = 2

#: Bits of a value that is summed as it is.
_FULL = 54

#: Exponents of wide data lie between minus this and this.
_EXPONENT = 8


def draw(
    operation: Operation,
    geometry: Any,
    result: str,
    *,
    terms: int,
    dtype: str,
    kind: str,
    rng: np.random.Generator,
) -> dict[str, Array]:
    """The operands and ``y_bar``, in the dtype, for measuring `result`.

    Parameters
    ----------
    operation, geometry
        The case.
    result, terms
        The result that is measured, and the number of terms of its sums.
    dtype, kind
        NumPy's name of the dtype; one of `KINDS`.
    rng
        Where the values come from.
    """
    shapes = {**operation.operand_shapes(geometry), "y_bar": operation.output_shape(geometry)}
    wide = np.dtype(np.float64 if dtype == "float64" else np.float32)
    scale = 2.0 ** -ceil(log2(terms) / 4)
    alternating = _last_factor(operation, geometry, result) if kind == "cancelling" else ""
    bits = _grid_bits(operation, geometry, result, terms) if dtype == "float64" else {}
    arrays = {}
    for name, shape in shapes.items():
        values = _values(kind, shape, wide, rng)
        if name == alternating:
            values *= _balanced_signs(shape, rng).astype(wide)
        if name in bits:
            values = on_grid(values, bits[name] * 3 // 2 if kind == "wide" else bits[name])
        arrays[name] = (values * wide.type(scale)).astype(FORMATS[dtype].dtype)
    return arrays


def _grid_bits(operation: Operation, geometry: Any, result: str, terms: int) -> dict[str, int]:
    """Bits that the values of an array may have, for each that `result` sums products of."""
    found: dict[str, int] = {}
    for names in factors(operation, geometry, result):
        bits = slice_bits(terms, len(names), multiple(operation, geometry, names))
        # Plain sums must round as well, so their values keep all 53 bits.
        count = _SLICES if len(names) > 1 else max(_SLICES, ceil(_FULL / bits))
        found |= dict.fromkeys(names, bits * count)
    return found


def factors(operation: Operation, geometry: Any, result: str) -> tuple[tuple[str, ...], ...]:
    """For each sum of products that `result` is made of, the arrays whose values it multiplies."""
    lattice = operation.lattice(geometry)
    products = () if lattice is None else lattice.products
    return tuple(product.factors for product in products if product.result == result)


def multiple(operation: Operation, geometry: Any, names: tuple[str, ...]) -> int:
    """What values must be multiples of, so that the quotients of the operation are exact."""
    lattice = operation.lattice(geometry)
    multiples: Mapping[str, int] = {} if lattice is None else lattice.multiples
    return max((multiples.get(name, 1) for name in names), default=1)


def _last_factor(operation: Operation, geometry: Any, result: str) -> str:
    return factors(operation, geometry, result)[0][-1]


def _values(
    kind: str, shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator
) -> Array:
    if kind == "positive":
        return rng.random(shape, dtype) + dtype.type(0.5)
    if kind == "cancelling":
        return dtype.type(1) + dtype.type(_SPREAD) * rng.random(shape, dtype)
    values: Array = rng.standard_normal(shape, dtype)
    if kind == "wide":
        exponents = rng.integers(-_EXPONENT, _EXPONENT + 1, size=shape, dtype=np.int8)
        # Narrow formats must not overflow: the mean magnitude stays about that of the other kinds.
        values = np.ldexp(values, exponents.astype(np.int32) - _EXPONENT // 2)
    return values


def _balanced_signs(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Signs that sum to 0 along every axis of even length, in random order."""
    signs = np.ones(shape, np.int8)
    for axis, size in enumerate(shape):
        if size > 1:
            line = rng.permutation(np.where(np.arange(size) % 2, -1, 1).astype(np.int8))
            signs *= line.reshape(-1, *(1,) * (len(shape) - axis - 1))
    return signs
