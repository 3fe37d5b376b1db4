"""The steps by which a plane of a convolution's results is computed, channel by channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bpcheck.arithmetic import Array
from bpcheck.operations.step import Cells, Step, cells
from bpcheck.operations.windowed.conv_geometry import ConvGeometry
from bpcheck.operations.windowed.read import windows_at
from bpcheck.operations.windowed.window import Window

Arrays = Mapping[str, Array]


def conv_steps(
    geometry: ConvGeometry, result: str, index: tuple[int, ...], arrays: Arrays
) -> Iterator[Step]:
    """The steps for the plane that an element of a result lies in."""
    return _STEPS[result](geometry, index, arrays)


def _y(geometry: ConvGeometry, index: tuple[int, ...], arrays: Arrays) -> Iterator[Step]:
    n, o, *place = index
    group_in = geometry.ic // geometry.g
    first = o // (geometry.oc // geometry.g) * group_in
    strides = tuple(window.s for window in geometry.windows)
    total = np.zeros(geometry.out)
    yield Step(
        f"y of sample {n}, output channel {o}: the kernel of each input channel slides over that "
        f"channel as it is, by {_spelt(strides)}; at each place products are added up"
    )
    for inside in range(group_in):
        padded = _padded(arrays["x"][n, first + inside], geometry.windows)
        kernel = _dilated(arrays["w"][o, inside], geometry.windows)
        part = _slid(padded, kernel)[tuple(slice(None, None, s) for s in strides)]
        total += part
        name = _padded_name("x", geometry)
        yield Step(
            f"input channel {first + inside}",
            ((name, padded), ("kernel", kernel), ("products added", part)),
            {
                name: _window([at * s for at, s in zip(place, strides, strict=True)], geometry),
                "kernel": _window([0] * len(place), geometry),
                "products added": cells([place]),
            },
        )
    bias = float(arrays["b"][o]) if geometry.bias else 0.0
    added = f", and the bias b[{o}] = {bias:g}" if geometry.bias else ""
    name = f"y[{n},{o}]"
    yield Step(f"the channels are added up{added}", ((name, total + bias),), {name: cells([place])})


def _x_bar(geometry: ConvGeometry, index: tuple[int, ...], arrays: Arrays) -> Iterator[Step]:
    n, c, *place = index
    group, inside = divmod(c, geometry.ic // geometry.g)
    each = geometry.oc // geometry.g
    total = np.zeros(tuple(window.i for window in geometry.windows))
    yield Step(
        f"x_bar of sample {n}, input channel {c}: each output channel sends its cotangent back "
        f"through the kernel by which it read this channel"
    )
    for o in range(group * each, (group + 1) * each):
        spread = spread_out(arrays["y_bar"][n, o], geometry.windows)
        surrounded = surround(spread, geometry.windows)
        turned = np.flip(_dilated(arrays["w"][o, inside], geometry.windows))
        part = _slid(surrounded, turned)
        total += part
        yield Step(
            f"output channel {o}: {_told_spread(geometry)}, and {_told_around(geometry)}; over it "
            "slides the kernel, turned by 180 degrees (the full convolution)",
            (
                (f"y_bar[{n},{o}]", np.asarray(arrays["y_bar"][n, o], np.float64)),
                ("with zeros", surrounded),
                (f"w[{o},{inside}] turned", turned),
                ("what it sends", part),
            ),
            {
                f"y_bar[{n},{o}]": cells(windows_at(geometry.windows, place)[0]),
                "with zeros": _window(place, geometry),
                f"w[{o},{inside}] turned": _window([0] * len(place), geometry),
                "what it sends": cells([place]),
            },
        )
    name = f"x_bar[{n},{c}]"
    yield Step(
        "what the output channels send is added up", ((name, total),), {name: cells([place])}
    )


def _w_bar(geometry: ConvGeometry, index: tuple[int, ...], arrays: Arrays) -> Iterator[Step]:
    o, inside, *tap = index
    channel = o // (geometry.oc // geometry.g) * (geometry.ic // geometry.g) + inside
    every = tuple(slice(None, None, window.d) for window in geometry.windows)
    total = np.zeros(geometry.kernel)
    yield Step(
        f"w_bar of output channel {o} from input channel {channel}: what each weight multiplied, "
        "times the cotangent of what it was added to; over all places and samples"
    )
    for n in range(geometry.n):
        spread = spread_out(arrays["y_bar"][n, o], geometry.windows)
        padded = _padded(arrays["x"][n, channel], geometry.windows)
        part = _correlated(padded, spread, geometry.windows)[every]
        total += part
        name = _padded_name("x", geometry)
        sent = [range(0, size, w.s) for size, w in zip(spread.shape, geometry.windows, strict=True)]
        starts = [at * window.d for at, window in zip(tap, geometry.windows, strict=True)]
        yield Step(
            f"sample {n}: the cotangent ({_told_spread(geometry)}) slides over the input, one "
            f"place for each weight",
            (
                (name, padded),
                (f"y_bar[{n},{o}]", spread),
                ("what it adds", part),
            ),
            {
                name: cells(
                    [a + b for a, b in zip(starts, at, strict=True)] for at in product(*sent)
                ),
                f"y_bar[{n},{o}]": cells(product(*sent)),
                "what it adds": cells([tap]),
            },
        )
    name = f"w_bar[{o},{inside}]"
    yield Step("the samples are added up", ((name, total),), {name: cells([tap])})


def _b_bar(geometry: ConvGeometry, index: tuple[int, ...], arrays: Arrays) -> Iterator[Step]:
    (o,) = index
    planes = [np.asarray(arrays["y_bar"][n, o], np.float64) for n in range(geometry.n)]
    yield Step(
        f"b_bar[{o}]: the bias was added at every place of output channel {o}, so all its "
        "cotangents are added up, those of all samples",
        tuple((f"y_bar[{n},{o}]", plane) for n, plane in enumerate(planes)),
    )
    total = np.array(sum(float(plane.sum()) for plane in planes))
    yield Step("their sum", ((f"b_bar[{o}]", total),))


def _window(start: Sequence[int], geometry: ConvGeometry) -> Cells:
    """The cells that a kernel lies on, where its first weight lies on this one."""
    lines = [
        [at + tap * window.d for tap in range(window.k)]
        for at, window in zip(start, geometry.windows, strict=True)
    ]
    return cells(product(*lines))


def spread_out(plane: Array, windows: Sequence[Window]) -> Array:
    """A cotangent with zeros between its cells, as many as the stride skips.

    >>> spread_out(np.array([1.0, 2.0]), (Window(i=4, k=2, s=2),)).tolist()
    [1.0, 0.0, 2.0]
    """
    shape = tuple((n - 1) * window.s + 1 for n, window in zip(plane.shape, windows, strict=True))
    spread = np.zeros(shape)
    spread[tuple(slice(None, None, window.s) for window in windows)] = plane
    return spread


def surround(spread: Array, windows: Sequence[Window]) -> Array:
    """The same with zeros around, so that a window at each place is what reads one input cell.

    Where the padding is wider than the window, cells are cut off instead: they saw padding alone.

    >>> surround(np.array([1.0, 0.0, 2.0]), (Window(i=5, k=2, s=2),)).tolist()
    [0.0, 1.0, 0.0, 2.0, 0.0, 0.0]
    """
    for axis, window in enumerate(windows):
        before, after = _margins(window, spread.shape[axis])
        pad = [(0, 0)] * spread.ndim
        pad[axis] = (max(before, 0), max(after, 0))
        spread = np.pad(spread, pad)
        cut = slice(max(-before, 0), spread.shape[axis] - max(-after, 0))
        spread = spread[(*(slice(None),) * axis, cut)]
    return spread


def _margins(window: Window, spread: int) -> tuple[int, int]:
    """Zeros before and behind the spread cotangent of one dimension; below 0: cells are cut."""
    before = window.span - 1 - window.low
    return before, window.i + window.span - 1 - before - spread


def _correlated(padded: Array, spread: Array, windows: Sequence[Window]) -> Array:
    """The cotangent slid over the input, at the places that lie within a kernel."""
    within = tuple(
        slice(0, size + window.span - 1) for size, window in zip(spread.shape, windows, strict=True)
    )
    return _slid(padded[within], spread)


def _slid(plane: Array, kernel: Array) -> Array:
    """The sum of products at every place of a kernel that lies within a plane."""
    views = sliding_window_view(plane, kernel.shape)
    # What is multiplied by a zero between is no term.
    product = np.where(kernel == 0, 0.0, views * kernel)
    slid: Array = product.sum(axis=tuple(range(plane.ndim, 2 * plane.ndim)))
    return slid


def _padded(plane: Array, windows: Sequence[Window]) -> Array:
    padding = [(window.low, window.high) for window in windows]
    return np.pad(np.asarray(plane, np.float64), padding)


def _dilated(kernel: Array, windows: Sequence[Window]) -> Array:
    """A kernel with zeros between its weights, as many as the dilation skips."""
    dilated = np.zeros(tuple(window.span for window in windows))
    dilated[tuple(slice(None, None, window.d) for window in windows)] = kernel
    return dilated


def _padded_name(name: str, geometry: ConvGeometry) -> str:
    return f"{name}, padded" if any(w.low or w.high for w in geometry.windows) else name


def _told_spread(geometry: ConvGeometry) -> str:
    strides = tuple(window.s for window in geometry.windows)
    if set(strides) == {1}:
        return "no zeros between, as the stride is 1"
    return f"zeros between its cells, as the stride is {_spelt(strides)}"


def _told_around(geometry: ConvGeometry) -> str:
    sides = [side for w in geometry.windows for side in _margins(w, (w.out - 1) * w.s + 1)]
    cut = ", what saw padding alone being cut off" if min(sides) < 0 else ""
    if min(sides) > 0:
        return "zeros around it"
    if max(sides) > 0:
        return f"zeros on the sides where the kernel reaches past it{cut}"
    return f"no zeros around it{cut}"


def _spelt(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, dict.fromkeys(numbers)))


_STEPS = {"y": _y, "x_bar": _x_bar, "w_bar": _w_bar, "b_bar": _b_bar}
