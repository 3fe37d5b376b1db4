"""A convolution by matrix products, one for each tap of the kernel."""

import numpy as np


def _slices(tap, stride, dilation, count):
    start = tap * dilation
    return slice(start, start + stride * (count - 1) + 1, stride)


def _padded(x, padding):
    ph, pw = padding
    return np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))


def forward(x, w, b=None, *, stride, padding, dilation):
    if padding == "same":
        raise NotImplementedError("padding must be numbers")
    xp = _padded(x, padding)
    kh, kw = w.shape[2:]
    oh = (xp.shape[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (xp.shape[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((len(x), len(w), oh, ow), x.dtype)
    for u in range(kh):
        rows = _slices(u, stride[0], dilation[0], oh)
        for v in range(kw):
            columns = _slices(v, stride[1], dilation[1], ow)
            y += np.einsum("nchw,oc->nohw", xp[:, :, rows, columns], w[:, :, u, v])
    if b is not None:
        y += b.reshape(1, -1, 1, 1)
    return y, (xp, w, b, stride, padding, dilation)


def vjp(residuals, g):
    xp, w, b, stride, padding, dilation = residuals
    kh, kw = w.shape[2:]
    oh, ow = g.shape[2:]
    x_bar = np.zeros_like(xp)
    w_bar = np.zeros_like(w)
    for u in range(kh):
        rows = _slices(u, stride[0], dilation[0], oh)
        for v in range(kw):
            columns = _slices(v, stride[1], dilation[1], ow)
            x_bar[:, :, rows, columns] += np.einsum("nohw,oc->nchw", g, w[:, :, u, v])
            w_bar[:, :, u, v] = np.einsum("nohw,nchw->oc", g, xp[:, :, rows, columns])
    ph, pw = padding
    bottom, right = xp.shape[2] - ph, xp.shape[3] - pw
    x_bar = x_bar[:, :, ph:bottom, pw:right]
    b_bar = None if b is None else g.sum(axis=(0, 2, 3))
    return x_bar, w_bar, b_bar
