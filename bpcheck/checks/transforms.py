"""What the rounding of a fast transform may be, from the norm of its operands that it claims.

A transform adds up numbers that have nothing to do with the result: its rounding is in proportion
to all of them, and there is some even where a direct sum has no term.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log2, prod, sqrt

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.claims import Claims
from bpcheck.operations.promises import Growth, Product

#: Relative error of a convolution by FFT for each doubling of its length: three transforms, each of
#: at most ``(1 + 4 sqrt 2) u`` a stage (Higham, Accuracy and Stability, 2nd ed., theorem 24.2).
FFT_STAGE = 20

#: Sums of an integral image that meet in one window, each with as many roundings as its sides have
#: cells.
CORNERS = 4

#: Roundings of the small transforms before and after the products of Winograd and Strassen.
AROUND = 16

_Norm = Callable[[Array, tuple[int, ...]], Array]

_NORMS: Mapping[str, _Norm] = {
    "2-norm": lambda array, axes: np.sqrt(np.square(array).sum(axis=axes, keepdims=True)),
    "1-norm": lambda array, axes: np.abs(array).sum(axis=axes, keepdims=True),
}

#: The norm of transforms that mix samples and filters.
MIXING = "max-norm"


def transform_bound(
    claims: Claims, case: Case, arrays: Mapping[str, Array], result: str, growth: Growth
) -> Array:
    """Bound on the rounding of a transform that gives `result`, in its shape.

    Parameters
    ----------
    claims
        They name the norm, and how many times the bound of it is claimed.
    case, arrays
        The case; `arrays` holds the operands and ``y_bar`` in float64.
    result
        The result's name.
    growth
        Function from a number of roundings to the relative error that they can do.

    Notes
    -----
    For a product of ``a`` and ``b`` it is ``growth(20 log2 N) |a|_2 |b|_2`` for the 2-norm, with
    `N` cells in the largest array; ``growth(4 sides) |a|_1 |b|_1`` for the 1-norm; and
    ``growth(n + 16) n max|a| max|b|`` for the max-norm, with `n` terms. Each norm is of what can
    reach an element: of one sample for ``y``, of one filter; the max-norm is of the whole arrays,
    as a step of Strassen's adds up rows of any samples and columns of any filters. A sum of a
    single array has a kernel of ones for the other one.
    """
    shape = case.shapes[result]
    lattice = case.lattice
    assert lattice is not None  # noqa: S101 - who chains layers has other bounds
    total = np.zeros(shape)
    for product in lattice.products:
        if product.result == result:
            total = total + _of_product(claims.norm, case, arrays, product, growth)
    return claims.constant * total


def _of_product(
    norm: str, case: Case, arrays: Mapping[str, Array], product: Product, growth: Growth
) -> Array:
    factors = {name: arrays[name] for name in product.factors}
    sizes = [case.shapes[product.result], *(array.shape for array in factors.values())]
    bound = np.ones((1,) * len(sizes[0]))
    for name, array in factors.items():
        if norm == MIXING:
            bound = bound * np.abs(array).max(initial=0)
        else:
            bound = bound * _norms(_NORMS[norm], case, product.result, name, array)
    if norm == "2-norm":
        ones = sqrt(product.terms) if len(factors) == 1 else 1.0
        cells = max(2, *(prod(each) for each in sizes))
        return bound * ones * growth(FFT_STAGE * round(log2(cells) + 1))
    if norm == "1-norm":
        return bound * growth(CORNERS * sum(sum(each) for each in sizes))
    return bound * product.terms * growth(product.terms + AROUND)


def _norms(norm: _Norm, case: Case, result: str, factor: str, array: Array) -> Array:
    """The norms of a factor, one for each part of the result that it reaches apart from others."""
    own, wanted = factor.removesuffix("_bar"), result.removesuffix("_bar")
    kept = {
        apart.axes[own]: apart.axes[wanted]
        for apart in case.operation.kept_apart(case.geometry)
        if {own, wanted} <= set(apart.axes) and not apart.blocks
    }
    found = norm(array, tuple(axis for axis in range(array.ndim) if axis not in kept))
    along = [1] * len(case.shapes[result])
    for axis, place in kept.items():
        along[place] = found.shape[axis]
    ordered = sorted(kept, key=lambda axis: kept[axis])
    rest = [axis for axis in range(array.ndim) if axis not in kept]
    return found.transpose([*ordered, *rest]).reshape(along)
