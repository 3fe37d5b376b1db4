"""Convolution and pooling as plain Python loops: slow, and right at a glance.

They stand for a kernel that shares neither code nor ideas with NumPy's matrix products or torch.
Sums are Python floats, so of type double whatever the dtype of the operands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.subject import Subject

Index = tuple[int, ...]

#: Multiplications up to which a case is claimed: a loop needs about a millisecond for these.
MOST_WORK = 1_500


@dataclass(frozen=True, slots=True)
class Grid:
    """The windows of one layer; every attribute has one number for each spatial dimension."""

    size: Index
    kernel: Index
    stride: Index
    low: Index
    high: Index
    dilation: Index
    ceil_mode: bool = False

    @property
    def output(self) -> Index:
        """How many windows there are."""
        numbers = zip(
            self.size, self.kernel, self.stride, self.low, self.high, self.dilation, strict=True
        )
        found = []
        for i, k, s, low, high, d in numbers:
            room = i + low + high - d * (k - 1) - 1
            out = (math.ceil(room / s) if self.ceil_mode else room // s) + 1
            # A last window that would begin behind the input and its left padding is dropped.
            found.append(out - 1 if self.ceil_mode and (out - 1) * s >= i + low else out)
        return tuple(found)

    def windows(self) -> Iterator[Index]:
        """Places of the windows, in raster order."""
        return product(*map(range, self.output))

    def cells(self, window: Index) -> Iterator[tuple[Index, Index]]:
        """Offset in the kernel and cell of the input, for all that lies inside of the input."""
        for offset in product(*map(range, self.kernel)):
            cell = tuple(
                o * s - low + j * d
                for o, s, low, j, d in zip(
                    window, self.stride, self.low, offset, self.dilation, strict=True
                )
            )
            if all(0 <= c < i for c, i in zip(cell, self.size, strict=True)):
                yield offset, cell

    def padded_count(self, window: Index) -> int:
        """Cells of a window of an average that lie in the input or in its padding."""
        count = 1
        for o, s, low, high, k, i in zip(
            window, self.stride, self.low, self.high, self.kernel, self.size, strict=True
        ):
            start = o * s - low
            count *= min(start + k, i + high) - start
        return count


def conv_grid(x: Index, w: Index, params: dict[str, Any]) -> Grid:
    """The windows of a convolution, from the shapes of its operands."""
    kernel, dilation, padding = w[2:], params["dilation"], params["padding"]
    low = high = padding
    if padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        low, high = tuple(r // 2 for r in reach), tuple(r - r // 2 for r in reach)
    return Grid(x[2:], kernel, params["stride"], low, high, dilation)


def pool_grid(x: Index, params: dict[str, Any]) -> Grid:
    """The windows of a pool, from the shape of its input."""
    kernel, padding = params["kernel_size"], params["padding"]
    return Grid(
        size=x[2:],
        kernel=kernel,
        stride=params["stride"] or kernel,
        low=padding,
        high=padding,
        dilation=params.get("dilation", (1,) * len(kernel)),
        ceil_mode=params["ceil_mode"],
    )


def _sums(shape: Index) -> Any:
    return np.zeros(shape, np.float64)


@np.errstate(all="ignore")
def _rounded(sums: Array, like: Array) -> Array:
    return sums.astype(like.dtype)


def conv_forward(x: Array, w: Array, b: Array | None = None, **params: Any) -> tuple[Array, Any]:
    """``y[n, o, p] = b[o] + sum over c and j of w[o, c, j] x[n, c, p s + j d - low]``."""
    grid = conv_grid(x.shape, w.shape, params)
    y = _sums((len(x), len(w), *grid.output))
    for n, o, c, x_c in channels(x, w, params["groups"]):
        for p in grid.windows():
            for j, cell in grid.cells(p):
                y[n, o, *p] += float(w[o, c, *j]) * float(x[n, x_c, *cell])
    if b is not None:
        for n, o in np.ndindex(y.shape[:2]):
            for p in grid.windows():
                y[n, o, *p] += float(b[o])
    return _rounded(y, x), (x, w, b, params)


def conv_vjp(residuals: Any, y_bar: Array) -> tuple[Array, Array, Array | None]:
    """Every product of the forward sends the cotangent to its two factors."""
    x, w, b, params = residuals
    grid = conv_grid(x.shape, w.shape, params)
    x_bar, w_bar, b_bar = _sums(x.shape), _sums(w.shape), _sums(w.shape[:1])
    for n, o, c, x_c in channels(x, w, params["groups"]):
        for p in grid.windows():
            for j, cell in grid.cells(p):
                x_bar[n, x_c, *cell] += float(y_bar[n, o, *p]) * float(w[o, c, *j])
                w_bar[o, c, *j] += float(y_bar[n, o, *p]) * float(x[n, x_c, *cell])
    for n, o in np.ndindex(y_bar.shape[:2]):
        for p in grid.windows():
            b_bar[o] += float(y_bar[n, o, *p])
    return (
        _rounded(x_bar, x),
        _rounded(w_bar, w),
        None if b is None else _rounded(b_bar, b),
    )


def channels(x: Array, w: Array, groups: int) -> Iterator[tuple[int, int, int, int]]:
    """Sample, output channel, input channel within the group, and input channel."""
    outputs = len(w) // groups
    for n in range(len(x)):
        for o in range(len(w)):
            for c in range(w.shape[1]):
                yield n, o, c, o // outputs * w.shape[1] + c


def max_pool_forward(x: Array, **params: Any) -> tuple[Array, Any]:
    """The largest value of each window; of equal ones the first, and of NaNs the last."""
    grid = pool_grid(x.shape, params)
    y = _sums((*x.shape[:2], *grid.output))
    winners: dict[Index, Index] = {}
    for n, c in np.ndindex(x.shape[:2]):
        for p in grid.windows():
            best = -math.inf
            for _, cell in grid.cells(p):
                value = float(x[n, c, *cell])
                if (n, c, *p) not in winners or value > best or math.isnan(value):
                    best, winners[n, c, *p] = value, (n, c, *cell)
            y[n, c, *p] = best
    return _rounded(y, x), (x, winners)


def max_pool_vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
    """Each window's cotangent goes to its winner."""
    x, winners = residuals
    x_bar = _sums(x.shape)
    for window, winner in winners.items():
        x_bar[winner] += float(y_bar[window])
    return (_rounded(x_bar, x),)


def avg_pool_forward(x: Array, **params: Any) -> tuple[Array, Any]:
    """The sum of each window over its divisor."""
    grid = pool_grid(x.shape, params)
    y = _sums((*x.shape[:2], *grid.output))
    for n, c in np.ndindex(x.shape[:2]):
        for p in grid.windows():
            for _, cell in grid.cells(p):
                y[n, c, *p] += float(x[n, c, *cell])
            y[n, c, *p] /= avg_divisor(grid, p, params)
    return _rounded(y, x), (x, params)


def avg_pool_vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
    """Each window's cotangent over its divisor goes to all of its cells."""
    x, params = residuals
    grid, x_bar = pool_grid(x.shape, params), _sums(x.shape)
    for n, c in np.ndindex(x.shape[:2]):
        for p in grid.windows():
            for _, cell in grid.cells(p):
                x_bar[n, c, *cell] += float(y_bar[n, c, *p]) / avg_divisor(grid, p, params)
    return (_rounded(x_bar, x),)


def avg_divisor(grid: Grid, window: Index, params: dict[str, Any]) -> int:
    """What an average divides the sum of a window by."""
    if params.get("divisor_override"):
        return int(params["divisor_override"])
    if params["count_include_pad"]:
        return grid.padded_count(window)
    return len(list(grid.cells(window)))


def supports(params: dict[str, Any], shapes: dict[str, Index]) -> bool:
    """Whether the loops end within about a millisecond."""
    x = shapes["x"]
    if "w" in shapes:
        w = shapes["w"]
        work = x[0] * math.prod(w) * math.prod(conv_grid(x, w, params).output)
    else:
        grid = pool_grid(x, params)
        work = math.prod(x[:2]) * math.prod(grid.output) * math.prod(grid.kernel)
    return work <= MOST_WORK


KERNELS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "conv": (conv_forward, conv_vjp),
    "max_pool": (max_pool_forward, max_pool_vjp),
    "avg_pool": (avg_pool_forward, avg_pool_vjp),
}


def loops(operation: str) -> Subject:
    """The loops of an operation, such as ``"conv2d"``, as a subject."""
    forward, vjp = KERNELS[operation[:-2]]
    return Subject(forward=forward, vjp=vjp, operation=operation, name="loops", supports=supports)
