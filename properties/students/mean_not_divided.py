"""Mistake: an average pool sends the whole gradient to every cell of its window."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def forward(x, *, kernel_size, stride, padding):
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    windows = sliding_window_view(xp, (kh, kw), axis=(2, 3))[:, :, ::sh, ::sw]
    return windows.mean(axis=(-1, -2)), (x.shape, xp.shape, kernel_size, stride, padding)


def vjp(cache, dout):
    shape, padded, (kh, kw), (sh, sw), (ph, pw) = cache
    dx = np.zeros(padded, dout.dtype)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw] += dout[:, :, i : i + 1, j : j + 1]
    return (dx[:, :, ph : ph + shape[2], pw : pw + shape[3]],)
