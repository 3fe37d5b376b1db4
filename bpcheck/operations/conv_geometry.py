"""The geometry of a convolution: its shapes and params, and how a random one is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bpcheck.errors import CaseError
from bpcheck.operations import dimensions, large
from bpcheck.operations.promises import Integers, Shape
from bpcheck.operations.window import Window

PRIMES = (2, 3, 5, 7, 11, 13)


@dataclass(frozen=True)
class ConvGeometry:
    """``x (n, ic, *i)``, ``w (oc, ic // g, *k)``, ``b (oc,)`` or none, ``y (n, oc, *out)``."""

    n: int
    ic: int
    oc: int
    windows: tuple[Window, ...]
    g: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        if self.n < 0:
            raise CaseError(f"n={self.n}: the batch size must be at least 0")
        if self.ic < 1 or self.oc < 1 or self.g < 1:
            raise CaseError(f"ic={self.ic}, oc={self.oc}, g={self.g}: each must be at least 1")
        if self.ic % self.g or self.oc % self.g:
            raise CaseError(f"g={self.g}: must divide ic={self.ic} and oc={self.oc}")
        if len({window.same for window in self.windows}) > 1:
            raise CaseError("same: 'same' padding holds for all dimensions or for none")

    @property
    def same(self) -> bool:
        return self.windows[0].same

    @property
    def kernel(self) -> Shape:
        return tuple(window.k for window in self.windows)

    @cached_property
    def out(self) -> Shape:
        return tuple(window.out for window in self.windows)

    def numbers(self) -> dict[str, int]:
        return {
            "g": self.g,
            "n": self.n,
            "ic": self.ic,
            "oc": self.oc,
            **dimensions.spelled(self.windows),
            "same": int(self.same),
            "bias": int(self.bias),
        }


def draw_geometry(integers: Integers, rank: int) -> ConvGeometry:
    """A random geometry; see `Operation.draw`."""
    if large.choose_large(integers):
        return _draw_large(integers, rank)
    n = dimensions.choose(integers, (1, 2, 3, 1, 2, 0))
    g, ic, oc = _draw_channels(integers)
    draw_one = _draw_same_window if integers(0, 5) == 5 else _draw_window
    windows = dimensions.alike(integers, [draw_one(integers, rank) for _ in range(rank)])
    return ConvGeometry(n=n, ic=ic, oc=oc, windows=windows, g=g, bias=integers(0, 3) != 1)


def _draw_large(integers: Integers, rank: int) -> ConvGeometry:
    """A geometry that is large in one way."""
    kind, few = integers(0, 5), 1 + integers(0, 1)
    small = (_draw_window(lambda low, high: min(high, low + integers(0, 1)), rank),) * rank
    if kind == 0:
        return ConvGeometry(n=large.samples(integers), ic=few, oc=2, windows=small)
    if kind == 1:
        return ConvGeometry(n=1, ic=large.channels(integers), oc=few, windows=small)
    if kind == 2:
        return ConvGeometry(n=few, ic=1, oc=large.channels(integers), windows=small)
    if kind == 3:
        return ConvGeometry(n=1, ic=few, oc=1, windows=large.large_window(integers, rank))
    if kind == 4:
        return ConvGeometry(n=1, ic=1, oc=few, windows=large.large_output(integers, rank))
    return ConvGeometry(n=1, ic=1, oc=1, windows=large.large_plane(integers, rank))


def _draw_channels(integers: Integers) -> tuple[int, int, int]:
    """Groups, input and output channels; unequal ones most often, 64 -> 96 among them."""
    kind = integers(0, 7)
    if kind == 1:
        return 1, 1, 1
    if kind == 2:
        channels = integers(1, 6)
        return 1, channels, channels
    if kind == 4:
        return 1, dimensions.choose(integers, PRIMES), dimensions.choose(integers, PRIMES)
    if kind == 5:
        groups = integers(2, 4)
        return groups, groups * integers(1, 3), groups * integers(1, 3)
    if kind == 6:
        channels = integers(2, 6)
        return channels, channels, channels * integers(1, 3)
    if kind == 7:
        # Last, since nothing that fails with fewer channels is to shrink to these.
        return dimensions.choose(integers, (1, 1, 2, 32)), 64, 96
    channels = integers(1, 4)
    return 1, channels, channels + integers(1, 4)


def _draw_window(integers: Integers, rank: int) -> Window:
    """A window of one dimension; padding up to one more than the kernel size."""
    k = integers(1, dimensions.MAX_KERNEL[rank])
    if integers(0, 9) == 9:
        # The kernel as large as the input.
        return Window(i=k, k=k)
    s = integers(1, 4)
    d = dimensions.choose(integers, (1, 1, 1, 2, 3))
    p = dimensions.choose(integers, (0, 1, 2, k - 1, k, k + 1, 0))
    return dimensions.sizes(integers, k=k, s=s, p=p, d=d, rank=rank, ceil=False)


def _draw_same_window(integers: Integers, rank: int) -> Window:
    """A window with 'same' padding, of even or odd kernel size."""
    k = integers(1, dimensions.MAX_KERNEL[rank])
    d = dimensions.choose(integers, (1, 1, 2))
    return Window(i=integers(1, 7), k=k, d=d, same=True)
