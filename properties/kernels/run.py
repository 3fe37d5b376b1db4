"""One case through the reference kernel of its operation, and how results are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis.strategies import SearchStrategy

from bpcheck.cases import Case
from bpcheck.filling import fill
from bpcheck.planning.strategies import cases, geometries
from reference import avg_pool, conv, max_pool
from reference.operands import DTYPES

Array = npt.NDArray[Any]

CONVS = ("conv1d", "conv2d", "conv3d")
MAX_POOLS = ("max_pool1d", "max_pool2d", "max_pool3d")
AVG_POOLS = ("avg_pool1d", "avg_pool2d", "avg_pool3d")

#: Value kinds whose numbers are integers, so small that no order of summation rounds.
EXACT = ("exact", "wide")

_KERNELS = MappingProxyType({"conv": conv, "max_pool": max_pool, "avg_pool": avg_pool})


@cache
def exact_cases(operation: str, values: tuple[str, ...] = EXACT) -> SearchStrategy[Case]:
    """Cases whose every partial sum, and every quotient, is exact."""
    # Quotients need more bits than float16 and float32 have.
    dtypes = ("float64",) if operation in AVG_POOLS else DTYPES
    return cases(operation, dtypes=dtypes, values=values)


@cache
def narrowed(
    operation: str, holds: Callable[[Any], bool], values: tuple[str, ...] = EXACT
) -> SearchStrategy[Case]:
    """The cases of `exact_cases` whose geometry fulfils a condition."""
    dtypes = ("float64",) if operation in AVG_POOLS else DTYPES
    among = geometries(operation).filter(holds)
    return cases(operation, dtypes=dtypes, values=values, among=among)


@dataclass(frozen=True, slots=True)
class Run:
    """A case, its arrays, and the forward of the reference kernel on them."""

    case: Case
    operands: Mapping[str, Array]
    y_bar: Array
    unit: int
    y: Array
    residuals: Any

    @property
    def x(self) -> Array:
        return self.operands["x"]

    @property
    def w(self) -> Array:
        return self.operands["w"]

    @property
    def b(self) -> Array | None:
        return self.operands.get("b")

    def vjp(self, y_bar: Array | None = None) -> dict[str, Array]:
        """The gradients by name, ``{"x": x_bar, ...}``, of the case's cotangent or another one."""
        bars = kernel(self.case).vjp(self.residuals, self.y_bar if y_bar is None else y_bar)
        return {name: bar for name, bar in zip("xwb", bars, strict=False) if bar is not None}


def run(case: Case, **changed: Array) -> Run:
    """`case` through its kernel, some of its operands, or its cotangent ``y_bar``, exchanged."""
    arrays = fill(case)
    operands = {name: changed.get(name, array) for name, array in arrays.operands.items()}
    y, residuals = kernel(case).forward(*operands.values(), **case.params)
    return Run(
        case=case,
        operands=operands,
        y_bar=changed.get("y_bar", arrays.y_bar),
        unit=arrays.units.get("x", 1),
        y=y,
        residuals=residuals,
    )


def kernel(case: Case) -> Any:
    """The module of `reference` with the forward and the vjp of the case's operation."""
    return _KERNELS[case.operation.name[:-2]]


def assert_same(got: Array, expected: Array) -> None:
    """Equal shapes and, in float64, equal numbers: nothing on the lattice is ever rounded."""
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got.astype(np.float64), expected.astype(np.float64))


def assert_same_gradients(got: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    """`assert_same` for each gradient, none missing."""
    assert got.keys() == expected.keys()
    for name, bar in expected.items():
        assert_same(got[name], bar)
