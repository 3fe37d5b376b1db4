"""The geometry of a convolution: its shapes and params, and how a random one is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import Any

from bpcheck.errors import CaseError
from bpcheck.operations.promises import Integers, Shape
from bpcheck.operations.windowed import dimensions, large
from bpcheck.operations.windowed.window import Window

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

    @cached_property
    def kernel(self) -> Shape:
        return tuple(window.k for window in self.windows)

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Those of the operands; every case asks a hundred times."""
        shapes = {
            "x": (self.n, self.ic, *(window.i for window in self.windows)),
            "w": (self.oc, self.ic // self.g, *self.kernel),
        }
        return shapes | ({"b": (self.oc,)} if self.bias else {})

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


def conv_makers(channels: int, samples: int) -> list[Callable[[tuple[Window, ...]], ConvGeometry]]:
    """What makes a geometry of windows, for each way to fill it with few channels and samples."""
    numbers = range(1, channels + 1)
    return [
        partial(_made, n=n, ic=ic, oc=oc, g=g, bias=bias)
        for n in range(1, samples + 1)
        for ic, oc, g in product(numbers, repeat=3)
        if ic % g == oc % g == 0
        for bias in (True, False)
    ]


def _made(windows: tuple[Window, ...], **numbers: Any) -> ConvGeometry:
    return ConvGeometry(windows=windows, **numbers)


def draw_geometry(integers: Integers, rank: int) -> ConvGeometry:
    """A random geometry; see `Operation.draw`."""
    if large.choose_large(integers):
        return _draw_large(integers, rank)
    n = dimensions.choose(integers, (1, 2, 3, 1, 2, 0))
    g, ic, oc = _draw_channels(integers)
    windows = _draw_windows(integers, rank)
    return ConvGeometry(n=n, ic=ic, oc=oc, windows=windows, g=g, bias=_draw_bias(integers))


def _draw_windows(integers: Integers, rank: int) -> tuple[Window, ...]:
    draw_one = _draw_same_window if integers(0, 5) == 5 else _draw_window
    return dimensions.alike(integers, [draw_one(integers, rank) for _ in range(rank)])


def _draw_bias(integers: Integers) -> bool:
    return integers(0, 3) != 1


def _draw_large(integers: Integers, rank: int) -> ConvGeometry:
    """A geometry that is large in one way."""
    kind, few, bias = integers(0, 5), 1 + integers(0, 1), _draw_bias(integers)
    if kind <= 2:
        n, (g, ic, oc) = few, (1, few, 2)
        if kind == 0:
            n, (g, ic, oc) = large.samples(integers), _draw_few_channels(integers)
        elif kind == 1:
            g, ic, oc = _draw_many_channels(integers)
        else:
            oc = large.channels(integers)
        windows = _draw_windows(integers, rank)
        return ConvGeometry(n=n, ic=ic, oc=oc, windows=windows, g=g, bias=bias)
    choices = (large.large_window, large.large_output, large.large_plane)
    windows = choices[kind - 3](integers, rank)
    g = 1 + integers(0, 1)
    return ConvGeometry(n=1, ic=g, oc=g * few, windows=windows, g=g, bias=bias)


def _draw_few_channels(integers: Integers) -> tuple[int, int, int]:
    """Groups, input and output channels: one group, several, or one for each channel."""
    g = 1 + integers(0, 2)
    channels = g * (1 + integers(0, 2))
    return g, channels, channels + g * integers(0, 1)


def _draw_many_channels(integers: Integers) -> tuple[int, int, int]:
    """The same, of many input channels."""
    kind, channels = integers(0, 2), large.channels(integers)
    if kind == 0:
        return 1, channels, 1 + integers(0, 1)
    if kind == 1:
        return channels, channels, channels
    g = 2 + integers(0, 2)
    channels += -channels % g
    return g, channels, g


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
        # Past the 8 and 16 lanes by which a path for depthwise layers goes.
        channels = dimensions.choose(integers, (2, 3, 4, 5, 6, 11, 19))
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
        # The kernel as large as the input, which may be padded.
        return Window(i=k, k=k, p=dimensions.choose(integers, (0, 0, k // 2)))
    s = integers(1, 4)
    d = dimensions.choose(integers, (1, 1, 1, 2, 3))
    p = dimensions.choose(integers, (0, 1, 2, k - 1, k, k + 1, 0))
    return dimensions.sizes(integers, k=k, s=s, p=p, d=d, rank=rank, ceil=False)


def _draw_same_window(integers: Integers, rank: int) -> Window:
    """A window with 'same' padding, of even or odd kernel size."""
    k = integers(1, dimensions.MAX_KERNEL[rank])
    # An even dilation never leaves an odd cell for one side.
    d = dimensions.choose(integers, (1, 2, 1, 3))
    return Window(i=integers(1, 7), k=k, d=d, same=True)
