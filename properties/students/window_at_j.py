"""Mistake: a max pool's backward looks for window i, j at i, j where strides belong."""

import numpy as np


def forward(x, *, kernel_size, stride):
    (kh, kw), (sh, sw) = kernel_size, stride
    n, c, h, w = x.shape
    out = np.zeros((n, c, (h - kh) // sh + 1, (w - kw) // sw + 1), x.dtype)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            out[:, :, i, j] = np.max(x[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw], (2, 3))
    return out, (x, kernel_size, stride)


def vjp(cache, dout):
    x, (kh, kw), stride = cache
    dx = np.zeros_like(x)
    for n in range(dout.shape[0]):
        for c in range(dout.shape[1]):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    window = x[n, c, i : i + kh, j : j + kw]
                    row, column = np.unravel_index(np.argmax(window), window.shape)
                    dx[n, c, i + row, j + column] += dout[n, c, i, j]
    return (dx,)
