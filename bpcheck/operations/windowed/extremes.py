"""Numbers far beyond what is usual, one at a time, all else tiny.

A kernel that unrolls its loops up to some size, keeps a row in a buffer, or packs an index into 16
bits, goes wrong only there, and no draw of usual numbers comes near.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bpcheck.operations.promises import EdgeClass, Extreme, Integers
from bpcheck.operations.windowed.dimensions import LETTERS, choose

#: Beyond these a number is far out.
KERNEL, DILATION, STRIDE, BEYOND_KERNEL, POOL_PADDING = 16, 6, 7, 4, 4
SAMPLES, CHANNELS, GROUPS, DIVISOR, ROW = 24, 200, 16, 64, 65_535

FACTOR = "extreme"

#: One drawn geometry in so many is far out in one number.
EVERY = 48

#: From a full set of numbers to a geometry.
Make = Callable[[Mapping[str, int]], Any]


def _window_extremes(rank: int, make: Make, tiny: Mapping[str, int]) -> dict[str, Any]:
    """Kernel, stride and row: what every sliding window has."""

    def kernel(integers: Integers, scale: int) -> Any:
        k = (KERNEL + 1 + integers(0, 4)) * scale
        letter = choose(integers, LETTERS[rank])
        return make({**tiny, f"k{letter}": k, f"i{letter}": k + integers(0, 2)})

    def stride(integers: Integers, scale: int) -> Any:
        s = (STRIDE + 1 + integers(0, 3)) * scale
        letter = choose(integers, LETTERS[rank])
        k = 1 + integers(0, 2)
        i = s * (1 + integers(0, 1)) + k + integers(0, 2)
        return make({**tiny, f"s{letter}": s, f"k{letter}": k, f"i{letter}": i})

    def row(integers: Integers, scale: int) -> Any:
        # Its outputs are past 16 bits too; all else is 1, so that it is long and nothing more.
        flat = {key: 1 for key in tiny if key != "kw"}
        return make({**tiny, **flat, "iw": (ROW + 2) * scale + integers(0, 9)})

    return {"kernel": kernel, "stride": stride, "row": row}


def conv_extremes(rank: int, make: Make) -> tuple[Extreme, ...]:
    """Those of a convolution."""
    tiny = {"n": 1, "ic": 1, "oc": 2, **_all(rank, i=3, k=2)}

    def dilation(integers: Integers, scale: int) -> Any:
        d = (DILATION + 1 + integers(0, 3)) * scale
        letter = choose(integers, LETTERS[rank])
        k = 2 + integers(0, 1)
        i = d * (k - 1) + 1 + integers(0, 2)
        return make({**tiny, f"d{letter}": d, f"k{letter}": k, f"i{letter}": i})

    def padding(integers: Integers, scale: int) -> Any:
        letter = choose(integers, LETTERS[rank])
        k = 1 + integers(0, 2)
        p = k + (BEYOND_KERNEL + 1 + integers(0, 4)) * scale
        return make({**tiny, f"k{letter}": k, f"p{letter}": p})

    def samples(integers: Integers, scale: int) -> Any:
        return make({**tiny, "n": (SAMPLES + 1 + integers(0, 12)) * scale})

    def inputs(integers: Integers, scale: int) -> Any:
        return make({**tiny, "ic": (CHANNELS + 1 + integers(0, 60)) * scale})

    def outputs(integers: Integers, scale: int) -> Any:
        return make({**tiny, "oc": (CHANNELS + 1 + integers(0, 60)) * scale})

    def groups(integers: Integers, scale: int) -> Any:
        g = (GROUPS + 1 + integers(0, 7)) * scale
        own, out = 2 + integers(0, 1), 2 + integers(0, 1)
        return make({**tiny, "g": g, "ic": g * own, "oc": g * out})

    found = {
        **_window_extremes(rank, make, tiny),
        "dilation": dilation,
        "padding": padding,
        "samples": samples,
        "input channels": inputs,
        "output channels": outputs,
        "groups": groups,
    }
    return _named(found, padding=lambda g: any(w.p > w.k + BEYOND_KERNEL for w in g.windows))


def pool_extremes(rank: int, make: Make, *, keys: Mapping[str, int | None]) -> tuple[Extreme, ...]:
    """Those of a pool, of which dilation and a divisor are not everyone's: `keys` tells."""
    tiny = {"n": 1, "ic": 2, **_all(rank, i=3, k=2)}

    def dilation(integers: Integers, scale: int) -> Any:
        d = (DILATION + 1 + integers(0, 3)) * scale
        letter = choose(integers, LETTERS[rank])
        return make({**tiny, f"d{letter}": d, f"i{letter}": d + 1 + integers(0, 2)})

    def padding(integers: Integers, scale: int) -> Any:
        letter = choose(integers, LETTERS[rank])
        p = (POOL_PADDING + 1 + integers(0, 2)) * scale
        return make({**tiny, f"k{letter}": 2 * p, f"p{letter}": p, f"i{letter}": 2 * p})

    def samples(integers: Integers, scale: int) -> Any:
        return make({**tiny, "n": (SAMPLES + 1 + integers(0, 12)) * scale})

    def channels(integers: Integers, scale: int) -> Any:
        return make({**tiny, "ic": (CHANNELS + 1 + integers(0, 60)) * scale})

    def divisor(integers: Integers, scale: int) -> Any:
        return make({**tiny, "div": (DIVISOR + 1 + integers(0, 60)) * scale})

    found = {
        **_window_extremes(rank, make, tiny),
        **({"dilation": dilation} if "dw" in keys else {}),
        "padding": padding,
        "samples": samples,
        "channels": channels,
        **({"divisor": divisor} if "div" in keys else {}),
    }
    return _named(found, padding=lambda g: any(w.p > POOL_PADDING for w in g.windows))


def _named(found: Mapping[str, Any], *, padding: Callable[[Any], bool]) -> tuple[Extreme, ...]:
    holds: dict[str, Callable[[Any], bool]] = {
        "kernel": lambda g: any(w.k > KERNEL for w in g.windows),
        "stride": lambda g: any(w.s > STRIDE for w in g.windows),
        "row": lambda g: g.windows[-1].i > ROW,
        "dilation": lambda g: any(w.d > DILATION and w.k > 1 for w in g.windows),
        "padding": padding,
        "samples": lambda g: g.n > SAMPLES,
        "channels": lambda g: g.ic > CHANNELS,
        "input channels": lambda g: g.ic > CHANNELS,
        "output channels": lambda g: g.oc > CHANNELS,
        "groups": lambda g: g.g > GROUPS and g.g < g.ic and g.g < g.oc,
        "divisor": lambda g: g.divisor > DIVISOR,
    }
    return tuple(
        Extreme(EdgeClass(FACTOR, name, holds[name]), make) for name, make in found.items()
    )


def _all(rank: int, **numbers: int) -> dict[str, int]:
    return {f"{key}{letter}": number for key, number in numbers.items() for letter in LETTERS[rank]}


def choose_extreme(integers: Integers) -> bool:
    """Draw whether this geometry is to be far out; no small number asks for one."""
    return integers(0, EVERY - 1) == EVERY - 1


def draw_extreme(extremes: tuple[Extreme, ...], integers: Integers) -> Any:
    """One of them; no row, which costs as much as hundreds of the others."""
    cheap = [each for each in extremes if each.edge.name != "row"]
    return choose(integers, cheap).make(integers, 1)
