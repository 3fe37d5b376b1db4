"""The small scopes of convolutions and pools: every window of small numbers, in each dimension."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from bpcheck.errors import CaseError
from bpcheck.operations.scopes import Scope
from bpcheck.operations.windowed.conv_geometry import conv_makers
from bpcheck.operations.windowed.window import Window

#: What makes a geometry of its windows.
Make = Callable[[tuple[Window, ...]], Any]

#: Numbers of a geometry that are not of its windows, by name.
Flags = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reach:
    """The largest numbers of a scope."""

    side: int
    kernel: int
    stride: int
    dilation: int
    padding: int
    channels: int
    samples: int

    @property
    def words(self) -> str:
        """``sides to 4, kernels to 3, ...``."""
        return (
            f"sides to {self.side}, kernels to {self.kernel}, strides to {self.stride}, "
            f"dilations to {self.dilation}, paddings to {self.padding}, channels to "
            f"{self.channels}, samples to {self.samples}"
        )

    def windows(self) -> list[Window]:
        """Every window of these numbers that fits; of one cell with one dilation."""
        return list(self._windows(ceil=False))

    def pooled(self, *, ceil: bool, dilates: bool, covers: bool) -> list[Window]:
        """The same of a pool, of which every position reads a cell.

        Where it `covers`, no kernel is larger than the unpadded input.
        """
        return [
            window
            for window in self._windows(ceil=ceil)
            if window.p <= window.k // 2
            and (dilates or window.d == 1)
            and not (covers and window.k > window.i)
            and (window.positions >= 0).any(axis=1).all()
        ]

    def _windows(self, *, ceil: bool) -> Iterator[Window]:
        for i, k, s, p in product(
            range(1, self.side + 1),
            range(1, self.kernel + 1),
            range(1, self.stride + 1),
            range(self.padding + 1),
        ):
            for d in range(1, self.dilation + 1 if k > 1 else 2):
                with contextlib.suppress(CaseError):
                    yield Window(i=i, k=k, s=s, p=p, d=d, ceil=ceil)


#: The numbers of each scope of a convolution, by rank.
CONVOLUTIONS = {
    1: {"small": Reach(8, 4, 3, 3, 2, 3, 2), "full": Reach(12, 5, 4, 3, 4, 4, 3)},
    2: {"small": Reach(4, 3, 2, 2, 1, 2, 2), "full": Reach(4, 3, 2, 2, 2, 3, 2)},
    3: {"small": Reach(2, 2, 2, 2, 1, 2, 1), "full": Reach(3, 2, 2, 2, 1, 2, 1)},
}

#: The same of a pool; its padding is half a kernel at most, and dilation is max pooling's.
POOLS = {
    1: {"small": Reach(9, 4, 4, 3, 2, 2, 2), "full": Reach(16, 6, 5, 3, 3, 3, 3)},
    2: {"small": Reach(4, 3, 3, 2, 1, 2, 2), "full": Reach(5, 4, 3, 2, 2, 2, 2)},
    3: {"small": Reach(2, 2, 2, 1, 1, 2, 1), "full": Reach(3, 2, 2, 2, 1, 2, 1)},
}


def conv_scopes(rank: int) -> tuple[Scope, ...]:
    """The scopes of a convolution."""
    return tuple(
        _scope(
            name,
            f"{reach.words}, every grouping, with a bias and without",
            [reach.windows()],
            rank,
            conv_makers(reach.channels, reach.samples),
        )
        for name, reach in CONVOLUTIONS[rank].items()
    )


def pool_scopes(
    rank: int, made: Callable[..., Any], *, dilates: bool, covers: bool, flags: Sequence[Flags]
) -> tuple[Scope, ...]:
    """The scopes of a pool.

    Parameters
    ----------
    rank
        Number of spatial dimensions.
    made
        What makes a geometry of samples, channels, windows and flags, all by name.
    dilates, covers
        See `Reach.pooled`.
    flags
        The flags that a geometry may have beside ``ceil_mode``, each set of them by name.
    """
    found = []
    for name, reach in POOLS[rank].items():
        windows = [
            reach.pooled(ceil=ceil, dilates=dilates, covers=covers) for ceil in (False, True)
        ]
        makes = [
            partial(_pooled, made, {"n": n, "ic": channels, **chosen})
            for n in range(1, reach.samples + 1)
            for channels in range(1, reach.channels + 1)
            for chosen in flags
        ]
        found.append(_scope(name, f"{reach.words}, rounded down and up", windows, rank, makes))
    return tuple(found)


def _pooled(made: Callable[..., Any], numbers: Flags, windows: tuple[Window, ...]) -> Any:
    return made(windows=windows, **numbers)


def _scope(
    name: str, says: str, windows: Sequence[Sequence[Window]], rank: int, makes: Sequence[Make]
) -> Scope:
    """The scope of all geometries that `makes` make of windows of one of these sets."""

    def geometries() -> Iterator[Any]:
        for some in windows:
            for chosen in product(some, repeat=rank):
                for make in makes:
                    yield make(chosen)

    count = sum(len(some) ** rank for some in windows) * len(makes)
    return Scope(name, says, count, geometries)
