"""The operations once more, on placings that may be wrong: what a misplaced kernel computes.

Everything here is float64: on a lattice that is exact, and a fault is wrong by its mistake alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.explain.faults.placing import Placing, right
from bpcheck.explain.faults.run import Run, wide
from bpcheck.operations.windowed.average_pooling import window_sizes

Index = tuple[Any, ...]


def index_of(placings: Sequence[Placing]) -> Index:
    """What reads all windows of ``(n, c, *image)`` at once: ``(n, c, *out, *k)``."""
    rank = len(placings)
    shaped = []
    for axis, placing in enumerate(placings):
        shape = [1] * (2 * rank)
        shape[axis], shape[rank + axis] = placing.shape
        shaped.append(placing.reshape(shape))
    return (slice(None), slice(None), *shaped)


def columns(x: Array, placings: Sequence[Placing], *, fill: float = 0.0) -> Array:
    """What every window reads, ``(n, c, prod(out), prod(k))``, `fill` outside of the input."""
    # Cell -1 is the last one: a further cell for all that lies outside.
    padded = np.pad(wide(x), [(0, 0), (0, 0), *((0, 1) for _ in placings)], constant_values=fill)
    read = padded[index_of(placings)]
    return read.reshape(*x.shape[:2], *_sizes(placings))


def scatter(
    values: Array, placings: Sequence[Placing], image: Sequence[int], *, overwrite: bool = False
) -> Array:
    """The adjoint of `columns`: what windows hold, added (or written) into ``(n, c, *image)``."""
    padded = np.zeros((*values.shape[:2], *(i + 1 for i in image)))
    inside: Index = (..., *(slice(i) for i in image))
    out, kernel = zip(*(placing.shape for placing in placings), strict=True)
    shaped = values.reshape(*values.shape[:2], *out, *kernel)
    if overwrite:
        padded[index_of(placings)] = shaped
    else:
        np.add.at(padded, index_of(placings), shaped)
    return padded[inside]


def plane_cells(placings: Sequence[Placing], image: Sequence[int]) -> Placing:
    """Flat index into the plane of each cell that windows read, or -1: ``(prod(out), prod(k))``."""
    plane = np.arange(prod(image)).reshape(1, 1, *image)
    return columns(plane, placings, fill=-1)[0, 0].astype(np.int64)


def y_at(run: Run, placings: Sequence[Placing]) -> Array:
    """The forward with windows at `placings`."""
    x = run.operands["x"]
    if run.right.operation.name.startswith("max"):
        y = columns(x, placings, fill=-np.inf).max(axis=-1)
    elif run.right.operation.name.startswith("avg"):
        y = columns(x, placings).sum(axis=-1) / divisor(run).reshape(-1)
    else:
        read, kernel = _by_group(columns(x, placings), run), _kernel_by_group(run)
        y = np.einsum("ngcok,gdck->ngdo", read, kernel, optimize=True).reshape(run.y.shape)
        if "b" in run.operands:
            y = y + wide(run.operands["b"]).reshape(-1, *(1,) * len(placings))
    return y.reshape(run.y.shape)


def x_bar_at(run: Run, y_bar: Array, placings: Sequence[Placing]) -> Array:
    """``x_bar`` with every window's share written to `placings`."""
    return scatter(shares(run, y_bar), placings, run.operands["x"].shape[2:])


def shares(run: Run, y_bar: Array, placings: Sequence[Placing] | None = None) -> Array:
    """What the cotangent sends to each offset of each window: ``(n, c, prod(out), prod(k))``.

    For max pooling, the windows read `placings` to find their winners; by default the right ones.
    """
    taken = flat(y_bar)
    if run.right.operation.name.startswith("max"):
        read_at = placings or right(run.windows)
        read = columns(run.operands["x"], read_at, fill=-np.inf)
        inside = plane_cells(read_at, run.operands["x"].shape[2:]) >= 0
        return one_hot(largest(read, inside), read.shape[-1]) * taken[..., None]
    if run.right.operation.name.startswith("avg"):
        sizes = prod(window.k for window in run.windows)
        return np.repeat((taken / divisor(run).reshape(-1))[..., None], sizes, axis=-1)
    sent = np.einsum(
        "ngdo,gdck->ngcok", _by_group(taken, run), _kernel_by_group(run), optimize=True
    )
    return sent.reshape(len(y_bar), run.operands["x"].shape[1], *sent.shape[-2:])


def w_bar_at(run: Run, y_bar: Array, placings: Sequence[Placing]) -> Array:
    """``w_bar`` with the input's windows read at `placings`: a tap for each of their offsets."""
    read = _by_group(columns(run.operands["x"], placings), run)
    taken = _by_group(flat(y_bar), run)
    bar = np.einsum("ngcok,ngdo->gdck", read, taken, optimize=True)
    w = run.operands["w"]
    return bar.reshape(*w.shape[:2], *(placing.shape[1] for placing in placings))


def flat(y_bar: Array) -> Array:
    """The cotangent of every window: ``(n, c, prod(out))``, in float64."""
    return wide(y_bar).reshape(*y_bar.shape[:2], prod(y_bar.shape[2:]))


def divisor(run: Run) -> Array:
    """What average pooling divides each window by: ``(*out)``."""
    override = run.params.get("divisor_override")
    if override:
        return np.full([window.out for window in run.windows], float(override))
    pad_counts = bool(run.params.get("count_include_pad", True))
    return outer([window_sizes(window, pad_counts=pad_counts) for window in run.windows])


def outer(sizes: Sequence[Array]) -> Array:
    """The product of one number for each dimension: ``(*out)``."""
    return reduce(np.multiply.outer, [np.asarray(size, np.float64) for size in sizes])


def largest(read: Array, inside: Array) -> Array:
    """Which offset wins each window, by torch's rule: the first of equals, and the last NaN.

    `read` is ``(n, c, out, k)`` with -inf where `inside`, ``(out, k)``, is false; where all is
    -inf, the first cell inside of the input wins.
    """
    nan = np.isnan(read) & inside
    equal = (read == read.max(axis=-1, keepdims=True)) & inside
    last_nan = read.shape[-1] - 1 - nan[..., ::-1].argmax(axis=-1)
    return np.where(nan.any(axis=-1), last_nan, equal.argmax(axis=-1))


def one_hot(index: Array, size: int) -> Array:
    """1 at `index` along a new last axis."""
    return np.eye(size)[index]


def _sizes(placings: Sequence[Placing]) -> tuple[int, int]:
    out, kernel = zip(*(placing.shape for placing in placings), strict=True)
    return prod(out), prod(kernel)


def _by_group(array: Array, run: Run) -> Array:
    """``(n, groups, channels of one, ...)``."""
    n, channels = array.shape[:2]
    groups = run.params.get("groups", 1)
    return array.reshape(n, groups, channels // groups, *array.shape[2:])


def _kernel_by_group(run: Run) -> Array:
    """``(groups, out, in, prod(k))``."""
    w, groups = wide(run.operands["w"]), run.params.get("groups", 1)
    return w.reshape(groups, len(w) // groups, w.shape[1], prod(w.shape[2:]))
