"""Fast transforms as people write them: right ones, whose rounding is not that of a direct sum."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from reference import conv


def padded(x: Array, padding: Any) -> Array:
    return np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))


# Convolution by the Fourier transform: conv1d with any stride and padding, no dilation, one group.


def fft_forward(x: Array, w: Array, b: Array | None, *, stride: Any, padding: Any) -> Any:
    (s,), image = stride, padded(x, padding)
    length = image.shape[-1]
    spectra = np.fft.rfft(image), np.conj(np.fft.rfft(w, length))
    full = np.fft.irfft(np.einsum("ncf,ocf->nof", *spectra), length)
    y = full[..., : length - w.shape[-1] + 1 : s]
    y = y if b is None else y + b[:, None]
    return y.astype(x.dtype), (image, w, b is not None, s, padding[0], x.shape[-1])


def fft_vjp(residuals: Any, y_bar: Array) -> Any:
    image, w, has_bias, s, p, size = residuals
    length = image.shape[-1]
    spread = np.zeros((*y_bar.shape[:2], length), y_bar.dtype)
    spread[..., : y_bar.shape[-1] * s : s] = y_bar
    above = np.fft.rfft(spread)
    x_bar = np.fft.irfft(np.einsum("nof,ocf->ncf", above, np.fft.rfft(w, length)), length)
    w_bar = np.fft.irfft(np.einsum("nof,ncf->ocf", np.conj(above), np.fft.rfft(image)), length)
    bars = x_bar[..., p : p + size], w_bar[..., : w.shape[-1]]
    b_bar = y_bar.sum((0, 2)) if has_bias else None
    return *(each.astype(y_bar.dtype) for each in bars), b_bar


# Winograd's F(2, 3) and F(4, 3) on planes: conv2d, 3x3, stride 1, one group.

F23 = (
    [[1, 1, 1, 0], [0, 1, -1, -1]],
    [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
    [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
)
F43 = (
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
)


class Winograd:
    """Correlation with 3x3 filters by the matrices ``A.T``, ``G`` and ``B.T`` of a tile."""

    def __init__(self, matrices: Any):
        self.matrices = [np.array(each, np.float64) for each in matrices]

    @property
    def constant(self) -> float:
        """The norms of the matrices, for each dimension, over the 3 terms of a direct sum."""
        norms = [np.abs(each).sum(axis=1).max() for each in self.matrices]
        return float(prod(norms) / 3) ** 2

    def correlate(self, image: Array, w: Array) -> Array:
        at, g, bt = (each.astype(image.dtype) for each in self.matrices)
        m, t = len(at), len(bt)
        rows, columns = (side - 2 for side in image.shape[2:])
        tiles = [-(-side // m) for side in (rows, columns)]
        rests = [n * m + 2 - side for n, side in zip(tiles, image.shape[2:], strict=True)]
        whole = np.pad(image, ((0, 0), (0, 0), *((0, rest) for rest in rests)))
        cut = np.lib.stride_tricks.sliding_window_view(whole, (t, t), (2, 3))[:, :, ::m, ::m]
        u = np.einsum("ij,ocjk,lk->ocil", g, w, g)
        v = np.einsum("ij,ncxyjk,lk->ncxyil", bt, cut, bt)
        tiled = np.einsum("ij,noxyjk,lk->noxyil", at, np.einsum("ocil,ncxyil->noxyil", u, v), at)
        n, o, high, wide = tiled.shape[:4]
        y = tiled.transpose(0, 1, 2, 4, 3, 5).reshape(n, o, high * m, wide * m)
        return y[:, :, :rows, :columns]

    def forward(self, x: Array, w: Array, b: Array | None, *, padding: Any) -> Any:
        y = self.correlate(padded(x, padding), w)
        y = y if b is None else y + b[:, None, None]
        return y.astype(x.dtype), (x, w, b, padding)

    def vjp(self, residuals: Any, y_bar: Array) -> Any:
        x, w, b, padding = residuals
        spread = np.pad(y_bar, ((0, 0), (0, 0), (2, 2), (2, 2)))
        full = self.correlate(spread, w[..., ::-1, ::-1].swapaxes(0, 1))
        (p, q), (h, v) = padding, x.shape[2:]
        params: Any = {"stride": (1, 1), "padding": padding, "dilation": (1, 1), "groups": 1}
        # The filter's gradient by a direct sum.
        others = conv.vjp(conv.forward(x, w, b, **params)[1], y_bar)[1:]
        return full[:, :, p : p + h, q : q + v].astype(y_bar.dtype), *others


def supports_winograd(params: Any, shapes: Any) -> bool:
    plain = isinstance(params["padding"], tuple) and shapes["w"][2:] == (3, 3)
    return plain and 0 not in shapes["x"]


# Convolution as one product of matrices, by a step of Strassen: kernel 1x1, stride 1, one group.


def strassen(a: Array, b: Array) -> Array:
    (n, k), m = a.shape, b.shape[1]
    even = [side + side % 2 for side in (n, k, m)]
    a = np.pad(a, ((0, even[0] - n), (0, even[1] - k)))
    b = np.pad(b, ((0, even[1] - k), (0, even[2] - m)))
    (a1, a2), (a3, a4) = (np.split(each, 2, 1) for each in np.split(a, 2))
    (b1, b2), (b3, b4) = (np.split(each, 2, 1) for each in np.split(b, 2))
    p1, p2, p3 = (a1 + a4) @ (b1 + b4), (a3 + a4) @ b1, a1 @ (b2 - b4)
    p4, p5 = a4 @ (b3 - b1), (a1 + a2) @ b4
    p6, p7 = (a3 - a1) @ (b1 + b2), (a2 - a4) @ (b3 + b4)
    parts = [[p1 + p4 - p5 + p7, p3 + p5], [p2 + p4, p1 - p2 + p3 + p6]]
    product: Array = np.block(parts)[:n, :m]
    return product


def strassen_forward(x: Array, w: Array, b: Array | None) -> Any:
    n, c = x.shape[:2]
    columns = np.moveaxis(x, 1, 0).reshape(c, -1)
    y = strassen(w.reshape(len(w), c), columns).reshape(len(w), n, *x.shape[2:])
    y = np.moveaxis(y, 0, 1)
    return y if b is None else y + b[:, None, None], (columns, w, b is not None, x.shape)


def strassen_vjp(residuals: Any, y_bar: Array) -> Any:
    columns, w, has_bias, shape = residuals
    rows = np.moveaxis(y_bar, 1, 0).reshape(len(w), -1)
    x_bar = strassen(w.reshape(len(w), -1).T, rows).reshape(shape[1], shape[0], *shape[2:])
    w_bar = strassen(rows, columns.T).reshape(w.shape)
    return np.moveaxis(x_bar, 0, 1), w_bar, y_bar.sum((0, 2, 3)) if has_bias else None


def supports_pointwise(params: Any, shapes: Any) -> bool:
    return shapes["w"][2:] == (1, 1) and set(params["padding"]) == {0} and 0 not in shapes["x"]


# Average pooling by an integral image (avg_pool2d) and by a running sum (avg_pool1d).


def _sums(image: Array, axis: int) -> Array:
    """Sums of what lies before each place of an axis."""
    lead = [(0, 0)] * image.ndim
    lead[axis] = (1, 0)
    return np.pad(np.cumsum(image, axis, dtype=image.dtype), lead)


def integral_forward(x: Array, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    (kh, kw), (sh, sw) = kernel_size, stride
    image = _sums(_sums(padded(x, padding), 2), 3)
    high, wide = (
        (side - 1 - k) // s + 1
        for side, k, s in zip(image.shape[2:], kernel_size, stride, strict=True)
    )
    top, left = np.arange(high)[:, None] * sh, np.arange(wide) * sw
    total = image[..., top + kh, left + kw] - image[..., top, left + kw]
    total = total - image[..., top + kh, left] + image[..., top, left]
    y = total / x.dtype.type(kh * kw)
    return y, (x.shape, kernel_size, stride, padding)


def integral_vjp(residuals: Any, y_bar: Array) -> Any:
    shape, (kh, kw), (sh, sw), (p, q) = residuals
    h, w = shape[2] + 2 * p, shape[3] + 2 * q
    corners = np.zeros((*shape[:2], h + 1, w + 1), y_bar.dtype)
    top, left = np.arange(y_bar.shape[2])[:, None] * sh, np.arange(y_bar.shape[3]) * sw
    share = y_bar / y_bar.dtype.type(kh * kw)
    for row, column, sign in ((0, 0, 1), (kh, 0, -1), (0, kw, -1), (kh, kw, 1)):
        corners[..., top + row, left + column] += sign * share
    x_bar = np.cumsum(np.cumsum(corners, 2, y_bar.dtype), 3, y_bar.dtype)
    return (x_bar[..., p : h - p, q : w - q],)


def running_forward(x: Array, *, kernel_size: Any, stride: Any) -> Any:
    (k,), (s,) = kernel_size, stride
    # One sum slides along: what enters the window is added, what leaves it subtracted.
    first, moved = x[..., :k].sum(-1, keepdims=True), x[..., k:] - x[..., :-k]
    total = np.cumsum(np.concatenate([first, moved], -1), -1, x.dtype)
    return total[..., ::s] / x.dtype.type(k), (x.shape, k, s)


def running_vjp(residuals: Any, y_bar: Array) -> Any:
    shape, k, s = residuals
    moved = np.zeros((*shape[:2], shape[2] + 1), y_bar.dtype)
    share, starts = y_bar / y_bar.dtype.type(k), np.arange(y_bar.shape[-1]) * s
    moved[..., starts] += share
    moved[..., starts + k] -= share
    return (np.cumsum(moved, -1, y_bar.dtype)[..., :-1],)
