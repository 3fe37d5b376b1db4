"""A convolution by loops over windows, as courses have it."""

import numpy as np


def forward(x, w, b=None, *, stride, padding):
    if padding == "same":
        raise NotImplementedError("padding must be numbers")
    n, c, height, width = x.shape
    f, _, kh, kw = w.shape
    sh, sw = stride
    ph, pw = padding
    out_h = (height + 2 * ph - kh) // sh + 1
    out_w = (width + 2 * pw - kw) // sw + 1
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    y = np.zeros((n, f, out_h, out_w), x.dtype)
    for i in range(out_h):
        for j in range(out_w):
            top, left = i * sh, j * sw
            patch = padded[:, :, top : top + kh, left : left + kw]
            for k in range(f):
                y[:, k, i, j] = (patch * w[k]).sum(axis=(1, 2, 3))
    if b is not None:
        y += b[:, None, None]
    return y, (x, w, b, padded, stride, padding)


def vjp(cache, dy):
    x, w, b, padded, stride, padding = cache
    n, c, height, width = x.shape
    f, _, kh, kw = w.shape
    sh, sw = stride
    ph, pw = padding
    d_padded = np.zeros_like(padded)
    dw = np.zeros_like(w)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            top, left = i * sh, j * sw
            patch = padded[:, :, top : top + kh, left : left + kw]
            for k in range(f):
                share = dy[:, k, i, j].reshape(-1, 1, 1, 1)
                d_padded[:, :, top : top + kh, left : left + kw] += share * w[k]
                dw[k] += (share * patch).sum(axis=0)
    dx = d_padded[:, :, ph : ph + height, pw : pw + width]
    db = None if b is None else dy.sum(axis=(0, 2, 3))
    return dx, dw, db
