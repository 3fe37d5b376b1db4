"""Mistake: dw correlates the gradient with the input as it came, without its padding."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def correlate(x, w):
    windows = sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w)


def pad(x, ph, pw):
    return np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))


def forward(x, w, b=None, *, padding):
    if padding == "same":
        raise NotImplementedError("numbers")
    y = correlate(pad(x, *padding), w)
    if b is not None:
        y = y + b[:, None, None]
    return y, (x, w, b, padding)


def vjp(cache, dy):
    x, w, b, (ph, pw) = cache
    kh, kw = w.shape[2:]
    # full convolution with the flipped kernel
    full = correlate(pad(dy, kh - 1, kw - 1), w.transpose(1, 0, 2, 3)[..., ::-1, ::-1])
    dx = full[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]]
    # input and gradient with batch and channels exchanged
    dw = correlate(x.transpose(1, 0, 2, 3), dy.transpose(1, 0, 2, 3)).transpose(1, 0, 2, 3)
    db = None if b is None else dy.sum(axis=(0, 2, 3))
    return dx, dw, db
