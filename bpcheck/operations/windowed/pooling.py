"""What max and average pooling share: shapes, descriptor keys, and drawn geometry."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpcheck.errors import CaseError
from bpcheck.operations.base import Operation
from bpcheck.operations.families import Family, Size
from bpcheck.operations.promises import (
    SAMPLES,
    EdgeClass,
    Extreme,
    Integers,
    Measure,
    Shape,
    Symmetry,
)
from bpcheck.operations.scopes import Scope
from bpcheck.operations.windowed import classes, dimensions, large, layers, relatives
from bpcheck.operations.windowed.blocks import past_blocks
from bpcheck.operations.windowed.extremes import pool_extremes
from bpcheck.operations.windowed.measures import pool_measures
from bpcheck.operations.windowed.reductions import pool_reduction
from bpcheck.operations.windowed.scopes import pool_scopes
from bpcheck.operations.windowed.shipped_layers import Shelf
from bpcheck.operations.windowed.shrunken import shrunken_layers
from bpcheck.operations.windowed.window import Window, spatial_owners


@dataclass(frozen=True)
class PoolGeometry:
    """``x (n, ic, *i)`` and ``y (n, ic, *out)``.

    `pad_counts` and `divisor` are average pooling's ``count_include_pad`` and ``divisor_override``
    (0: none).
    """

    n: int
    ic: int
    windows: tuple[Window, ...]
    pad_counts: bool = True
    divisor: int = 0

    def __post_init__(self) -> None:
        if self.n < 0:
            raise CaseError(f"n={self.n}: the batch size must be at least 0")
        if self.ic < 1:
            raise CaseError(f"ic={self.ic}: must be at least 1")
        if self.divisor < 0:
            raise CaseError(f"div={self.divisor}: must be at least 1, or 0 for none")
        for window, letter in zip(self.windows, dimensions.LETTERS[len(self.windows)], strict=True):
            p, i = f"p{letter}={window.p}", f"i{letter}={window.i}"
            # What torch's kernels take that record their winners; dilation does not count.
            if window.p > window.k // 2:
                raise CaseError(f"{p}: at most half of k{letter}={window.k}")
            if (window.positions < 0).all(axis=1).any():
                raise CaseError(f"{i}, {p}: a window reads no input cell")

    @property
    def ceil(self) -> bool:
        return self.windows[0].ceil

    @property
    def kernel(self) -> Shape:
        return tuple(window.k for window in self.windows)

    @cached_property
    def out(self) -> Shape:
        return tuple(window.out for window in self.windows)

    def numbers(self) -> dict[str, int]:
        return {
            "n": self.n,
            "ic": self.ic,
            **dimensions.spelled(self.windows),
            "ceil": int(self.ceil),
            "cip": int(self.pad_counts),
            "div": self.divisor,
        }


class Pooling(Operation):
    """A pooling operation; a subclass says what happens inside a window."""

    operands = ("x",)
    # Where windows overlap, torch's pools on the CPU add them up in the dtype itself.
    summed_narrow = frozenset({"x_bar"})

    def __init__(self, kind: str, rank: int, *, own_keys: Mapping[str, int | None]):
        self.rank = rank
        self._shelf = Shelf(f"{kind}_pool", rank, covers_kernel=kind == "avg" and rank == 3)
        self.name = f"{kind}_pool{rank}d"
        dilates = "dw" in own_keys
        self.shape_probes = tuple(dimensions.shape_probes({"ic": 3}, rank, dilates=dilates))
        words = {"max": ("max",), "avg": ("avg", "mean", "average")}[kind]
        self.mode = words[-1]
        pools = ("pool", "pooling", f"pool{rank}d", f"pooling{rank}d")
        named = [f"{word}{pool}" for word in words for pool in pools]
        self.nicknames = (*named, *pools)
        self.keys = {
            "n": 1,
            "ic": None,
            **dimensions.keys("i", rank, None),
            **dimensions.keys("k", rank, None),
            **dimensions.keys("s", rank, 1),
            **dimensions.keys("p", rank, 0),
            "ceil": 0,
            **own_keys,
        }
        self._extremes = pool_extremes(rank, self.geometry, keys=self.keys)

    def geometry(self, numbers: Mapping[str, int]) -> PoolGeometry:
        full = self.complete(numbers)
        for flag in ("ceil", "cip"):
            if full.get(flag, 0) not in (0, 1):
                raise CaseError(f"{flag}{full[flag]}: {flag} is 0 or 1")
        windows = dimensions.windows(full, self.rank, ceil=bool(full["ceil"]))
        return PoolGeometry(
            n=full["n"],
            ic=full["ic"],
            windows=windows,
            pad_counts=bool(full.get("cip", 1)),
            divisor=full.get("div", 0),
        )

    def draw_relative(self, integers: Integers) -> PoolGeometry | None:
        """A layer near one of the families, or ``None`` where it is not allowed."""
        return relatives.draw_relative(self, self._shelf.kin, integers)

    def relatives(self, integers: Integers) -> Iterator[PoolGeometry]:
        return relatives.nearest(self, self._shelf.kin, integers)

    def blocked_layers(self) -> Iterator[PoolGeometry]:
        return past_blocks(self, self._shelf.kin)

    def shortened(self, geometry: PoolGeometry, turn: int) -> PoolGeometry | None:
        return relatives.shortened(self, geometry, turn)

    def axes(self, result: str) -> str:
        return dimensions.axes(result, self.rank)

    def draw_shape(
        self, integers: Integers, *, dilate: bool
    ) -> tuple[int, int, tuple[Window, ...]]:
        """Batch size, channels and windows."""
        if large.choose_large(integers):
            return self._draw_large(integers, dilate=dilate)
        n, channels = dimensions.choose(integers, (1, 2, 3, 1, 2, 0)), integers(1, 4)
        return n, channels, self._draw_windows(integers, dilate=dilate)

    def _draw_large(
        self, integers: Integers, *, dilate: bool
    ) -> tuple[int, int, tuple[Window, ...]]:
        """Large in one way."""
        kind, few = integers(0, 4), 1 + integers(0, 1)
        if kind == 0:
            channels = integers(1, 4)
            return large.samples(integers), channels, self._draw_windows(integers, dilate=dilate)
        if kind == 1:
            return few, large.channels(integers), self._draw_windows(integers, dilate=dilate)
        choices = (large.large_window, large.large_output, large.large_plane)
        windows = choices[kind - 2](integers, self.rank, ceil=bool(integers(0, 1)))
        return 1, few, windows

    def _draw_windows(self, integers: Integers, *, dilate: bool) -> tuple[Window, ...]:
        """A window for each dimension, all with the same ``ceil_mode``."""
        ceil = bool(integers(0, 1))
        windows = [self._draw_window(integers, ceil=ceil, dilate=dilate) for _ in range(self.rank)]
        return dimensions.alike(integers, windows)

    def _draw_window(self, integers: Integers, *, ceil: bool, dilate: bool) -> Window:
        k = integers(1, dimensions.MAX_KERNEL[self.rank])
        if integers(0, 9) == 9:
            # As large as the input, which may be padded.
            p = dimensions.choose(integers, (0, 0, k // 2))
            return Window(i=k, k=k, s=k if p else 1, p=p, ceil=ceil)
        s = k if integers(0, 3) == 1 else integers(1, 5)
        d = dimensions.choose(integers, (1, 1, 2, 3)) if dilate else 1
        p = dimensions.choose(integers, (0, k // 2, min(1, k // 2)))
        drawn = dimensions.sizes(integers, k=k, s=s, p=p, d=d, rank=self.rank, ceil=ceil)
        # A dilated window can step over a small input; enlarging the input ends that.
        i = drawn.i
        while (Window(i=i, k=k, s=s, p=p, d=d, ceil=ceil).positions < 0).all(axis=1).any():
            i += 1
        return Window(i=i, k=k, s=s, p=p, d=d, ceil=ceil)

    @property
    def extremes(self) -> tuple[Extreme, ...]:
        return self._extremes

    @property
    def families(self) -> tuple[Family, ...]:
        return self._shelf.families

    @property
    def residues(self) -> tuple[str, ...]:
        return self._shelf.residues

    def shipped_classes(self, geometry: PoolGeometry) -> frozenset[str]:
        return self._shelf.classes_of(geometry)

    @cached_property
    def shrunken_layers(self) -> tuple[Any, ...]:
        return shrunken_layers(self, self.rank)

    def sizes(self, family: Family) -> tuple[tuple[Size, ...], ...]:
        return self._shelf.sizes(family)

    def variants(self, family: Family) -> tuple[frozenset[str], ...]:
        return self._shelf.variants(family)

    def layers(self, name: str) -> tuple[str, ...]:
        return layers.layers(name, self.name)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        flags: list[dict[str, Any]] = [{}]
        if "cip" in self.keys:
            flags = [{"pad_counts": True}, {"pad_counts": False}]
        if "div" in self.keys:
            flags.append({"divisor": 3})
        return pool_scopes(
            self.rank,
            PoolGeometry,
            dilates="dw" in self.keys,
            # torch's average pooling in three dimensions takes no other.
            covers=self.rank == 3 and "cip" in self.keys,
            flags=flags,
        )

    @property
    def key_groups(self) -> tuple[tuple[str, ...], ...]:
        return dimensions.key_groups(self.keys, self.rank)

    def plainer(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        return dimensions.without_padding(numbers, self.rank)

    def of_the_same_output(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        return dimensions.of_the_same_output(numbers, self.rank)

    def turned(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        return dimensions.turned(numbers, self.rank)

    def twin(self, geometry: PoolGeometry, integers: Integers) -> PoolGeometry | None:
        for other in dimensions.other_params(self.keys, geometry.numbers(), self.rank, integers):
            with contextlib.suppress(CaseError):
                return self.geometry(other)
        return None

    def operand_shapes(self, geometry: PoolGeometry) -> dict[str, Shape]:
        return {"x": (geometry.n, geometry.ic, *(window.i for window in geometry.windows))}

    def output_shape(self, geometry: PoolGeometry) -> Shape:
        return (geometry.n, geometry.ic, *geometry.out)

    def terms(self, geometry: PoolGeometry) -> dict[str, int]:
        return {
            "y": prod(window.k for window in geometry.windows),
            "x_bar": prod(window.overlap for window in geometry.windows),
        }

    def reduction(self, result: str, terms: int) -> dict[str, int] | None:
        """See `bpcheck.operations.windowed.reductions`."""
        return pool_reduction(self.rank, result, terms, sums=self.divides)

    def owners(self, geometry: PoolGeometry, operand: str) -> NDArray[np.int64]:
        planes = np.arange(geometry.n * geometry.ic).reshape(1, geometry.n, geometry.ic)
        return spatial_owners(planes, geometry.windows)

    def probe_count(self, geometry: PoolGeometry, operand: str) -> int:
        return prod(window.colours for window in geometry.windows)

    def symmetries(self, geometry: PoolGeometry) -> tuple[Symmetry, ...]:
        samples = Symmetry(SAMPLES, geometry.n, {"x": 0, "y": 0})
        channels = Symmetry("channels", geometry.ic, {"x": 1, "y": 1})
        return tuple(symmetry for symmetry in (samples, channels) if symmetry.length > 1)

    def kept_apart(self, geometry: PoolGeometry) -> tuple[Symmetry, ...]:
        return self.symmetries(geometry)

    def has_stackable_batch(self, operand: str) -> bool:
        return True

    @property
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        return (*BATCH_CLASSES, *classes.pool_classes(self.rank))

    @property
    def conditions(self) -> tuple[EdgeClass, ...]:
        return classes.not_among(classes.more_conditions(self.rank), self.edge_classes)

    @property
    def measures(self) -> tuple[Measure, ...]:
        return pool_measures()


BATCH_CLASSES = (
    EdgeClass("batch", "0", lambda g: g.n == 0),
    EdgeClass("batch", "1", lambda g: g.n == 1),
    EdgeClass("batch", "many", lambda g: g.n > 1),
    EdgeClass("channels", "1", lambda g: g.ic == 1),
    EdgeClass("channels", "many", lambda g: g.ic > 1),
)
