"""Mistake: the backward loops over as many columns as rows, as if every image were square."""

import numpy as np


def forward(x, *, kernel_size, stride):
    kh, kw = kernel_size
    sh, sw = stride
    n, c, h, w = x.shape
    oh, ow = (h - kh) // sh + 1, (w - kw) // sw + 1
    out = np.zeros((n, c, oh, ow), x.dtype)
    for i in range(oh):
        for j in range(ow):
            out[:, :, i, j] = x[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw].mean(axis=(2, 3))
    return out, (x.shape, kernel_size, stride)


def vjp(cache, dout):
    shape, (kh, kw), (sh, sw) = cache
    n, c, out_size, _ = dout.shape
    dx = np.zeros(shape, dout.dtype)
    for i in range(out_size):
        for j in range(out_size):
            share = dout[:, :, i, j, None, None] / (kh * kw)
            dx[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw] += share
    return (dx,)
