"""What a result should be: in float64 for narrower dtypes, in double-double for float64 itself."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations import Operation
from bpcheck.precision.data import factors, multiple
from bpcheck.precision.doubled import Floats, total, two_product, two_sum
from bpcheck.precision.slices import pairings, slice_bits, slices


@dataclass(frozen=True, slots=True)
class Reference:
    """A result ``(high + low) / divisor``, known better than the dtype that it judges.

    Parameters
    ----------
    high, low
        Two float64 arrays; `low` is 0 for dtypes narrower than float64.
    divisor
        A positive integer.
    sums
        ``sum |a_i b_i|`` of every element.
    """

    high: Floats
    low: Floats
    divisor: int
    sums: Floats

    def error_of(self, got: Array) -> Floats:
        """``got`` minus the result, rounded once; not finite where `got` is not."""
        got = np.asarray(got, np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            scaled, rest = two_product(got, float(self.divisor))
            high, low = two_sum(scaled, -self.high)
            found: Floats = (high + (low + (rest - self.low))) / self.divisor
        return np.where(np.isfinite(got), found, got)

    @property
    def nearest(self) -> Floats:
        """The result rounded to float64."""
        quotient = self.high / self.divisor
        product, rest = two_product(quotient, float(self.divisor))
        # One step of Newton's iteration: what the rounded quotient leaves.
        residual = ((self.high - product) - rest) + self.low
        return quotient + residual / self.divisor


def reference(
    operation: Operation, geometry: Any, result: str, arrays: Mapping[str, Array], dtype: str
) -> Reference:
    """`result` of the operation on `arrays` (operands and ``y_bar``), for judging `dtype`.

    For float64 the error is below about ``n 2**-90`` of the largest product; for a narrower dtype
    it is float64's own, at most ``n 2**-53 sum |a_i b_i|``: ``n 2**-29`` of float32's unit.
    """
    wide = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
    products = factors(operation, geometry, result)
    used = {name for names in products for name in names}
    absolute = {name: np.abs(array) if name in used else array for name, array in wide.items()}
    sums = one_result(operation, geometry, result, absolute)
    if dtype != "float64":
        high = one_result(operation, geometry, result, wide)
        return Reference(high, np.zeros_like(high), 1, sums)
    scale = max((multiple(operation, geometry, names) for names in products), default=1)
    high, low = total(
        part
        for names in products
        for part in _exact_parts(operation, geometry, result, wide, names, scale)
    )
    return Reference(high, low, scale, sums)


def _exact_parts(
    operation: Operation,
    geometry: Any,
    result: str,
    arrays: Mapping[str, Array],
    names: tuple[str, ...],
    scale: int,
) -> Iterator[Floats]:
    """Arrays that sum to `scale` times the sum of products of `names`, none of them rounded."""
    others = {
        name for each in factors(operation, geometry, result) for name in each if name not in names
    }
    # A bias must not be added once for every pair of slices.
    base = {name: np.zeros_like(a) if name in others else a for name, a in arrays.items()}
    terms = operation.terms(geometry)[result]
    bits = slice_bits(terms, len(names), scale)
    cut = [
        slices(arrays[name], bits, scale if place == 0 else 1) for place, name in enumerate(names)
    ]
    for indices in pairings([len(each) for each in cut], bits):
        chosen = {name: cut[k][i] for k, (name, i) in enumerate(zip(names, indices, strict=True))}
        yield one_result(operation, geometry, result, base | chosen)


def one_result(
    operation: Operation, geometry: Any, result: str, arrays: Mapping[str, Array]
) -> Floats:
    """One result of the operation as torch computes it in float64, without the others."""
    import torch

    operand = result.removesuffix("_bar")
    tensors = {
        name: torch.from_numpy(np.array(array, dtype=np.float64, order="C"))
        for name, array in arrays.items()
    }
    y_bar = tensors.pop("y_bar")
    params = operation.params(geometry)
    with warnings.catch_warnings():
        # torch remarks on the cost of some paths; only values count here.
        warnings.simplefilter("ignore")
        if result == "y":
            with torch.no_grad():
                return np.asarray(operation.torch_forward(tensors, params).numpy())
        tensors[operand].requires_grad_()
        with torch.enable_grad():
            y = operation.torch_forward(tensors, params)
            (gradient,) = torch.autograd.grad(y, (tensors[operand],), y_bar)
    return np.asarray(gradient.numpy())
