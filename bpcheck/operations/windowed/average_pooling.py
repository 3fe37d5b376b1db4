"""Average pooling in one to three dimensions, as `torch.nn.functional.avg_pool1d` and so on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import reduce
from math import lcm, prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.errors import CaseError
from bpcheck.operations.formed import Formed
from bpcheck.operations.promises import EdgeClass, Integers, Lattice, Params, Product
from bpcheck.operations.step import Step
from bpcheck.operations.windowed import narrowing
from bpcheck.operations.windowed.extremes import choose_extreme, draw_extreme
from bpcheck.operations.windowed.pool_formed import average_formed
from bpcheck.operations.windowed.pool_steps import average_steps
from bpcheck.operations.windowed.pooling import PoolGeometry, Pooling
from bpcheck.operations.windowed.relatives import choose_relative
from bpcheck.operations.windowed.window import Window


class AveragePooling(Pooling):
    """The sum of each window divided by its number of cells, or by ``divisor_override``."""

    divides = True
    summed_wide = frozenset({"y"})

    def __init__(self, rank: int):
        # torch's one-dimensional average pooling has no divisor_override.
        own_keys = {"cip": 1, "div": 0} if rank > 1 else {"cip": 1}
        super().__init__("avg", rank, own_keys=own_keys)
        self.neutral = {
            "stride": lambda params: bool(params["stride"] == params["kernel_size"]),
            "padding": lambda params: set(params["padding"]) == {0},
            "ceil_mode": lambda params: not params["ceil_mode"],
            "count_include_pad": lambda params: bool(
                params["count_include_pad"] or set(params["padding"]) == {0}
            ),
            "divisor_override": lambda params: params["divisor_override"] is None,
        }
        self.neutral_numbers = narrowing.neutral_numbers(
            rank,
            tiles=True,
            others={
                "ceil_mode": {"ceil": 0},
                "count_include_pad": {"cip": 1},
                "divisor_override": {"div": 0},
            },
            dilates=False,
        )
        self.restrictions = narrowing.restrictions(rank, dilates=False)

    def geometry(self, numbers: Mapping[str, int]) -> PoolGeometry:
        if self.rank == 1 and numbers.get("div"):
            raise CaseError("div: avg_pool1d has no divisor_override; use avg_pool2d")
        geometry = super().geometry(numbers)
        if self.rank == 3 and any(window.k > window.i for window in geometry.windows):
            raise CaseError(
                f"k={geometry.kernel}: torch's avg_pool3d takes no kernel larger than the unpadded "
                "input; make it smaller, or use avg_pool2d"
            )
        return geometry

    def draw(self, integers: Integers) -> Any:
        if choose_extreme(integers):
            return draw_extreme(self.extremes, integers)
        near = self.draw_relative(integers) if choose_relative(integers) else None
        if near is not None:
            return near
        n, channels, windows = self.draw_shape(integers, dilate=False)
        if self.rank == 3:
            windows = tuple(replace(window, i=max(window.i, window.k)) for window in windows)
        pad_counts = integers(0, 1) == 0
        divisor = integers(1, 12) if self.rank > 1 and integers(0, 3) == 3 else 0
        return PoolGeometry(
            n=n, ic=channels, windows=windows, pad_counts=pad_counts, divisor=divisor
        )

    def params(self, geometry: PoolGeometry) -> Params:
        windows = geometry.windows
        params = {
            "kernel_size": tuple(window.k for window in windows),
            "stride": tuple(window.s for window in windows),
            "padding": tuple(window.p for window in windows),
            "ceil_mode": geometry.ceil,
            "count_include_pad": geometry.pad_counts,
        }
        return params | ({"divisor_override": geometry.divisor or None} if self.rank > 1 else {})

    def torch_forward(self, operands: Mapping[str, Any], params: Params) -> Any:
        import torch

        return getattr(torch.nn.functional, self.name)(operands["x"], **params)

    def formed(
        self,
        geometry: PoolGeometry,
        result: str,
        index: tuple[int, ...],
        arrays: Mapping[str, Array],
    ) -> Formed:
        return average_formed(geometry, result, index)

    def steps(
        self,
        geometry: PoolGeometry,
        result: str,
        index: tuple[int, ...],
        arrays: Mapping[str, Array],
    ) -> Iterator[Step]:
        return average_steps(geometry, result, index, arrays)

    def lattice(self, geometry: PoolGeometry) -> Lattice:
        terms = self.terms(geometry)
        scale = reduce(lcm, divisors(geometry), 1)
        return Lattice(
            products=(
                Product("y", terms["y"], ("x",)),
                Product("x_bar", terms["x_bar"], ("y_bar",)),
            ),
            multiples={"x": scale, "y_bar": scale},
        )

    @property
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        def pads(g: PoolGeometry) -> bool:
            return any(window.p > 0 for window in g.windows)

        override = (EdgeClass("divisor", "override", lambda g: g.divisor > 0),)
        return (
            *super().edge_classes,
            EdgeClass("divisor", "counts padding", lambda g: g.pad_counts and pads(g)),
            EdgeClass("divisor", "leaves padding out", lambda g: not g.pad_counts and pads(g)),
            *(override if self.rank > 1 else ()),
        )

    @property
    def conditions(self) -> tuple[EdgeClass, ...]:
        return (
            *super().conditions,
            EdgeClass("divisor", "1", lambda g: divisors(g) <= {1}),
            EdgeClass("divisor", "unlike the kernel", _divides_by_another),
        )


def divisors(geometry: PoolGeometry) -> set[int]:
    """Every number that some window of `geometry` divides by."""
    if geometry.divisor:
        return {geometry.divisor}
    found = {1}
    for window in geometry.windows:
        sizes = set(np.unique(window_sizes(window, pad_counts=geometry.pad_counts)).tolist())
        found = {one * size for one in found for size in sizes}
    return found


def window_sizes(window: Window, *, pad_counts: bool) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Cells counted by each window of one dimension: padding perhaps, overhang never."""
    if not pad_counts:
        return (window.positions >= 0).sum(axis=1)
    start = np.arange(window.out) * window.s - window.p
    return np.minimum(start + window.k, window.i + window.p) - start


def _divides_by_another(geometry: PoolGeometry) -> bool:
    """Whether some window is divided by another number than that of its cells."""
    return divisors(geometry) != {prod(geometry.kernel)}
