"""Exact sums of products in float64: operands cut into slices so narrow that nothing rounds.

A sum of ``n`` products of integers of ``b`` bits each is exact in float64, in any order and on any
BLAS, when ``n * 2**(2 b) <= 2**53``. So each operand is written as a sum of slices of ``b`` bits,
the operation runs on every pair of slices, and the results, each exact, are added in double-double
arithmetic. It works for whatever operation is linear in each of its factors.

Source: K. Ozaki, T. Ogita, S. Oishi, S. Rump, Error-free transformations of matrix multiplication
by using fast routines of matrix multiplication and its applications, Numer. Algorithms 59 (2012).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import ceil, frexp, log2

import numpy as np

from bpcheck.arithmetic import Array

#: Products of slices below this many bits, counted from the largest, are left out: what they hold
#: is less than ``n 2**-90`` of the largest product.
DEPTH = 90


def slice_bits(terms: int, factors: int, multiple: int) -> int:
    """Bits of one slice: ``terms * multiple * 2**(factors * bits) <= 2**53``.

    Examples
    --------
    >>> slice_bits(65_536, 2, 1), slice_bits(65_536, 1, 65_536)
    (18, 21)
    """
    # Slices are rounded to nearest, so that the first may reach 2**bits itself.
    return max(1, (53 - ceil(log2(max(1, terms))) - ceil(log2(max(1, multiple)))) // factors)


def on_grid(array: Array, bits: int) -> Array:
    """`array` rounded to multiples of ``2**-bits`` of the power of two above its largest value.

    Examples
    --------
    >>> on_grid(np.array([0.75, 0.3]), 2).tolist()
    [0.75, 0.25]
    """
    unit = 2.0 ** (_exponent(array) - min(bits, 1000))
    rounded: Array = np.rint(array / unit) * unit
    return rounded


def _exponent(array: Array) -> int:
    return frexp(float(np.abs(array).max(initial=0.0)))[1]


def slices(array: Array, bits: int, multiple: int) -> tuple[Array, ...]:
    """`array` times `multiple` as a sum of float64 arrays of integers times one power of two each.

    The last ones, below ``2**-DEPTH`` of the largest value, are left out.

    Examples
    --------
    >>> [float(part[0]) for part in slices(np.array([1.0 + 2.0**-20]), 18, 1)]
    [1.0, 9.5367431640625e-07]
    """
    rest = np.array(array, dtype=np.float64)
    exponent = _exponent(rest)
    found = []
    for step in range(1, ceil(DEPTH / bits) + 1):
        if not rest.any():
            break
        unit = 2.0 ** (exponent - bits * step)
        part = np.rint(rest / unit) * unit
        rest = rest - part
        found.append(part * multiple)
    return tuple(found) or (rest,)


def pairings(counts: Sequence[int], bits: int) -> Iterator[tuple[int, ...]]:
    """Which slice of each factor goes with which: all products that are not negligible."""
    for indices in product(*map(range, counts)):
        if sum(indices) * bits < DEPTH:
            yield indices
