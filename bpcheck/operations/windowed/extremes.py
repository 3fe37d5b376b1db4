"""Numbers far beyond what is usual, one at a time, all else tiny.

A kernel that unrolls its loops up to some size, keeps a row in a buffer, or packs an index into 16
bits, goes wrong only there, and no draw of usual numbers comes near.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from bpcheck.operations.promises import EdgeClass, Extreme, Integers
from bpcheck.operations.windowed.dimensions import LETTERS, choose

#: Beyond these a number is far out.
KERNEL, DILATION, STRIDE, BEYOND_KERNEL, POOL_PADDING = 16, 6, 7, 4, 4
GROUPS, MULTIPLIER, DIVISOR, ROW = 16, 4, 64, 65_535

#: Counters of 8 bits end before the batches that people train with, and a block of 512 threads
#: before the channels of a late layer.
SAMPLES, CHANNELS = 256, 512

#: Cells of a window, as many as a sentence that is pooled has words: more than 8 bits can count.
CELLS = 512

#: Products that one output adds up: so many numbers of 32 bits fill the 48 KiB of a block on a GPU.
TERMS = 12_288

#: Numbers of an unrolled image: workspaces of 8 MiB end there.
UNROLLED = 2**20

FACTOR = "extreme"

#: Sides of a window, by rank, of more than `CELLS`.
_WINDOW = {1: 521, 2: 23, 3: 9}

#: Sides of the window, by rank, in which many products meet.
_SIDE = {1: 16, 2: 6, 3: 4}

#: Those that cost as much as hundreds of the others.
_COSTLY = ("row", "window", "terms", "unrolled image")

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

    def window(integers: Integers, scale: int) -> Any:
        # In several channels: a largest cell may lie where any counter still reaches.
        few = {"ic": 6} if "oc" not in tiny else {}
        i = _WINDOW[rank] + integers(0, 1)
        return make({**tiny, **few, **_all(rank, i=i, k=_WINDOW[rank])})

    return {"kernel": kernel, "stride": stride, "row": row, "window": window}


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
        **_product_extremes(rank, make, tiny),
    }
    return _named(found, padding=lambda g: any(w.p > w.k + BEYOND_KERNEL for w in g.windows))


def _product_extremes(rank: int, make: Make, tiny: Mapping[str, int]) -> dict[str, Any]:
    """How many products there are: of a channel, of an output, and of all outputs."""

    def multiplier(integers: Integers, scale: int) -> Any:
        g = 2 + integers(0, 1)
        outputs = (MULTIPLIER + 1 + integers(0, 3)) * scale
        return make({**tiny, "g": g, "ic": g, "oc": g * outputs})

    def terms(integers: Integers, scale: int) -> Any:
        k = _SIDE[rank] + integers(0, 1)
        own = TERMS * scale // k**rank + 1 + integers(0, 9)
        return make({**tiny, **_all(rank, i=k, k=k), "ic": own})

    def unrolled(integers: Integers, scale: int) -> Any:
        k = 3 if rank > 1 else 16
        i = k
        while ((i - k + 1) * k) ** rank <= UNROLLED * scale:
            i += 1
        return make({**tiny, **_all(rank, i=i, k=k), "oc": 1})

    return {"multiplier": multiplier, "terms": terms, "unrolled image": unrolled}


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
        "window": lambda g: prod(w.k for w in g.windows) > CELLS,
        "dilation": lambda g: any(w.d > DILATION and w.k > 1 for w in g.windows),
        "padding": padding,
        "samples": lambda g: g.n > SAMPLES,
        "channels": lambda g: g.ic > CHANNELS,
        "input channels": lambda g: g.ic > CHANNELS,
        "output channels": lambda g: g.oc > CHANNELS,
        "groups": lambda g: g.g > GROUPS and g.g < g.ic and g.g < g.oc,
        "multiplier": lambda g: g.g == g.ic and g.oc > MULTIPLIER * g.g > MULTIPLIER,
        "terms": lambda g: g.ic // g.g * prod(w.k for w in g.windows) > TERMS,
        "unrolled image": lambda g: g.ic * prod(w.k * w.out for w in g.windows) > UNROLLED,
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
    """One of them, of those that do not cost as much as hundreds of the others."""
    cheap = [
        each
        for each in extremes
        if each.edge.name not in ("row", "window", "terms", "unrolled image")
    ]
    return choose(integers, cheap).make(integers, 1)
