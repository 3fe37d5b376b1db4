"""Edge classes of sliding windows: the ones convolution and pooling share, and each one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from bpcheck.operations.promises import EdgeClass
from bpcheck.operations.windowed import large
from bpcheck.operations.windowed.conv_geometry import PRIMES
from bpcheck.operations.windowed.window import Window


# Plans ask all of them of thousands of geometries, and a generator costs three times the loop.
def _any(factor: str, name: str, holds: Callable[[Window], bool]) -> EdgeClass:
    def any_holds(g: Any) -> bool:
        for window in g.windows:  # noqa: SIM110 - see above
            if holds(window):
                return True
        return False

    return EdgeClass(factor, name, any_holds)


def _all(factor: str, name: str, holds: Callable[[Window], bool]) -> EdgeClass:
    def all_hold(g: Any) -> bool:
        for window in g.windows:  # noqa: SIM110 - see above
            if not holds(window):
                return False
        return True

    return EdgeClass(factor, name, all_hold)


def _unequal(factor: str, number: str) -> EdgeClass:
    def holds(g: Any) -> bool:
        return len({getattr(window, number) for window in g.windows}) > 1

    return EdgeClass(factor, "unequal", holds)


def shared_classes(rank: int) -> tuple[EdgeClass, ...]:
    """Image, kernel, stride and remainder: what every sliding window has."""
    image = (
        EdgeClass("image", "square", lambda g: len({window.i for window in g.windows}) == 1),
        EdgeClass("image", "H < W", lambda g: g.windows[-2].i < g.windows[-1].i),
        EdgeClass("image", "H > W", lambda g: g.windows[-2].i > g.windows[-1].i),
    )
    not_square = (_unequal("kernel", "k"), _unequal("stride", "s")) if rank > 1 else ()
    return (
        *size_classes(),
        *(image if rank > 1 else ()),
        _all("kernel", "1", lambda w: w.k == 1),
        _any("kernel", "even", lambda w: w.k % 2 == 0),
        _any("kernel", "odd", lambda w: w.k % 2 == 1 and w.k > 1),
        _all("kernel", "as large as the input", lambda w: w.k == w.i),
        *not_square,
        _all("stride", "1", lambda w: w.s == 1),
        _any("stride", "> 1", lambda w: w.s > 1),
        _any("stride", "< kernel", lambda w: 1 < w.s < w.k),
        _any("stride", "= kernel", lambda w: 1 < w.s == w.k),
        _any("stride", "> kernel", lambda w: w.s > w.k),
        _all("remainder", "0", lambda w: w.remainder == 0),
        _any("remainder", "1", lambda w: w.remainder == 1),
        _any("remainder", ">= 2", lambda w: w.remainder >= 2),
    )


def size_classes() -> tuple[EdgeClass, ...]:
    """Sizes past which the blocks, buffers and narrow indices of a kernel end."""
    return (
        EdgeClass("size", "many samples", lambda g: g.n > large.SAMPLES),
        EdgeClass("size", "many channels", lambda g: g.ic > large.CHANNELS),
        EdgeClass("size", "large window", lambda g: _cells(g, "k") > large.WINDOW),
        EdgeClass("size", "many outputs", lambda g: _cells(g, "out") > large.OUTPUTS),
        EdgeClass("size", "large plane", lambda g: _cells(g, "i") > large.PLANE),
    )


def _cells(g: Any, number: str) -> int:
    return prod(getattr(window, number) for window in g.windows)


def channel_classes() -> tuple[EdgeClass, ...]:
    """Batch, channels, groups and bias of a convolution."""
    return (
        EdgeClass("batch", "0", lambda g: g.n == 0),
        EdgeClass("batch", "1", lambda g: g.n == 1),
        EdgeClass("batch", "many", lambda g: g.n > 1),
        EdgeClass("channels", "1 -> 1", lambda g: g.ic == g.oc == 1),
        EdgeClass("channels", "equal", lambda g: g.ic == g.oc > 1),
        EdgeClass("channels", "64 -> 96", lambda g: (g.ic, g.oc) == (64, 96)),
        EdgeClass("channels", "prime", lambda g: g.ic in PRIMES and g.oc in PRIMES),
        EdgeClass("channels", "unequal", lambda g: g.ic != g.oc),
        EdgeClass("groups", "1", lambda g: g.g == 1),
        EdgeClass("groups", "> 1", lambda g: 1 < g.g < g.ic),
        EdgeClass("groups", "depthwise", lambda g: 1 < g.g == g.ic == g.oc),
        EdgeClass("groups", "channel multiplier", lambda g: 1 < g.g == g.ic < g.oc),
        EdgeClass("bias", "yes", lambda g: g.bias),
        EdgeClass("bias", "none", lambda g: not g.bias),
    )


def dilation_classes(rank: int) -> tuple[EdgeClass, ...]:
    """Dilation, for the operations that have it."""
    return (
        _all("dilation", "1", lambda w: w.d == 1),
        _any("dilation", "> 1", lambda w: w.d > 1 and w.k > 1),
        *((_unequal("dilation", "d"),) if rank > 1 else ()),
    )


def conv_classes(rank: int) -> tuple[EdgeClass, ...]:
    """All window classes of a convolution."""
    one_sided = (
        EdgeClass(
            "padding",
            "in one dimension only",
            lambda g: len({bool(w.low + w.high) for w in g.windows}) == 2,
        ),
    )
    return (
        *shared_classes(rank),
        _any("kernel", "larger than the unpadded input", lambda w: w.span > w.i),
        _all("padding", "0", lambda w: w.low + w.high == 0),
        _any("padding", "> 0", lambda w: w.low + w.high > 0),
        *(one_sided if rank > 1 else ()),
        _any("padding", ">= kernel", lambda w: w.p >= w.k),
        _all("padding", "'same', odd", lambda w: w.same and (w.span - 1) % 2 == 0),
        _any("padding", "'same', even", lambda w: w.same and (w.span - 1) % 2 == 1),
        *dilation_classes(rank),
    )


def pool_classes(rank: int) -> tuple[EdgeClass, ...]:
    """All window classes that both kinds of pooling have."""
    return (
        *shared_classes(rank),
        _all("padding", "0", lambda w: w.p == 0),
        _any("padding", "> 0", lambda w: w.p > 0),
        _any("windows", "overlap", lambda w: w.overlap > 1),
        _all("windows", "tile", lambda w: w.s == w.k and w.d == 1),
        _any("windows", "leave gaps", lambda w: w.is_gapped),
        EdgeClass("ceil_mode", "off", lambda g: not g.windows[0].ceil),
        EdgeClass("ceil_mode", "on", lambda g: g.windows[0].ceil),
        _any("ceil_mode", "overhangs", lambda w: w.ceil and w.remainder < 0),
        _any("ceil_mode", "drops a window", drops_a_window),
    )


def drops_a_window(window: Window) -> bool:
    """Whether rounding up alone would start a last window in the right padding."""
    room = window.i + window.low + window.high - window.span
    return window.ceil and window.out <= -(-room // window.s)


def more_conditions(rank: int) -> tuple[EdgeClass, ...]:
    """What a defect may need, and what follows from the edge classes where those are met."""
    output = EdgeClass("output", "square", lambda g: len({window.out for window in g.windows}) == 1)
    # That of the word 'same' too, which is another one for kernels of unequal sides.
    padding = EdgeClass(
        "padding", "unequal", lambda g: len({(window.low, window.high) for window in g.windows}) > 1
    )
    # What takes rows for columns reads too few of them, or some that are not there.
    wider = EdgeClass("output", "wider than high", lambda g: _out_sides(g)[1] > _out_sides(g)[0])
    higher = EdgeClass("output", "higher than wide", lambda g: _out_sides(g)[1] < _out_sides(g)[0])
    of_several = (
        (
            output,
            wider,
            higher,
            padding,
            _any("padding", "0 in some dimension", lambda w: w.low + w.high == 0),
            _any("remainder", "0 in some dimension", lambda w: w.remainder == 0),
        )
        if rank > 1
        else ()
    )
    return (
        _any("kernel", "> 1", lambda w: w.k > 1),
        # The one that most fast paths are for, beside the 1 that is an edge class.
        _all("kernel", "3", lambda w: w.k == 3),
        _any("remainder", "> 0", lambda w: w.remainder > 0),
        _any("windows", "several", lambda w: w.out > 1),
        _any("windows", "overlap", lambda w: w.overlap > 1),
        _any("windows", "leave gaps", lambda w: w.is_gapped),
        _any(
            "windows", "leave the last cells unread", lambda w: not (w.positions == w.i - 1).any()
        ),
        _any("windows", "read several cells", _reads_several),
        _any("windows", "read padding", lambda w: bool((w.positions < 0).any())),
        _any("stride", "unlike the kernel", lambda w: w.s != w.k),
        _any("stride", "unlike the kernel from window to window", _is_seen_beside_kernel),
        _any("stride", "unlike the dilation", lambda w: w.s != w.d),
        *of_several,
        *(each for number in range(rank) if rank > 1 for each in _along(number, rank)),
    )


def _reads_several(window: Window) -> bool:
    """Whether some window has several cells of the input along this dimension."""
    return bool(((window.positions >= 0).sum(axis=1) > 1).any())


def _is_seen_beside_kernel(window: Window) -> bool:
    return window.s != window.k and window.out > 1


def _out_sides(g: Any) -> tuple[int, int]:
    """Height and width of the output."""
    return g.windows[-2].out, g.windows[-1].out


def _along(number: int, rank: int) -> Iterator[EdgeClass]:
    """What a defect of one dimension needs of that one."""
    name = ("depth", "height", "width")[number - rank]

    def where(factor: str, said: str, holds: Callable[[Window], bool]) -> EdgeClass:
        return EdgeClass(factor, f"{said} along the {name}", lambda g: holds(g.windows[number]))

    yield where("kernel", "> 1", lambda w: w.k > 1)
    yield where("stride", "> 1", lambda w: w.s > 1)
    yield where("padding", "> 0", lambda w: w.low + w.high > 0)
    yield where("dilation", "> 1", lambda w: w.d > 1 and w.k > 1)
    yield where("windows", "several", lambda w: w.out > 1)


def conv_conditions() -> tuple[EdgeClass, ...]:
    """What a defect of a convolution may need of padding and of channels."""
    return (
        # Of its two edge classes, what cannot take the word is wrong in both.
        _all("padding", "'same'", lambda w: w.same),
        EdgeClass("groups", "2 or more", lambda g: g.g > 1),
        EdgeClass("filters", "as many as channels of a group", lambda g: g.oc * g.g == g.ic),
        # Depthwise, with a channel multiplier and without: paths are chosen by both at once.
        EdgeClass("groups", "of one input channel", lambda g: 1 < g.g == g.ic),
        EdgeClass("input channels", "several", lambda g: g.ic > 1),
        EdgeClass("input channels", "several in a group", lambda g: g.ic > g.g),
        EdgeClass("output channels", "several", lambda g: g.oc > 1),
        EdgeClass("output channels", "several in a group", lambda g: g.oc > g.g),
    )


def not_among(
    conditions: tuple[EdgeClass, ...], classes: tuple[EdgeClass, ...]
) -> tuple[EdgeClass, ...]:
    """Those conditions that are none of the edge classes."""
    known = {str(each) for each in classes}
    return tuple(each for each in conditions if str(each) not in known)
