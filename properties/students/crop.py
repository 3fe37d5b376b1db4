"""Mistake: ``dx[:, :, pad:-pad, pad:-pad]`` is empty where pad is 0. CS231n's naive layer."""

import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, H_out, W_out), dtype=x.dtype)
    for i in range(H_out):
        for j in range(W_out):
            window = x_pad[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            for f in range(F):
                out[:, f, i, j] = np.sum(window * w[f], axis=(1, 2, 3)) + b[f]
    return out, (x_pad, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x_pad, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    F, C, HH, WW = w.shape
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = np.sum(dout, axis=(0, 2, 3))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows = slice(i * stride, i * stride + HH)
            columns = slice(j * stride, j * stride + WW)
            for f in range(F):
                share = dout[:, f, i, j][:, None, None, None]
                dx_pad[:, :, rows, columns] += w[f] * share
                dw[f] += np.sum(x_pad[:, :, rows, columns] * share, axis=0)
    dx = dx_pad[:, :, pad:-pad, pad:-pad]
    return dx, dw, db


def forward(x, w, b, *, stride, padding):
    if padding == "same" or stride[0] != stride[1] or padding[0] != padding[1] or b is None:
        raise NotImplementedError("one number for stride and padding, and always a bias")
    return conv_forward_naive(x, w, b, {"stride": stride[0], "pad": padding[0]})


def vjp(cache, dout):
    return conv_backward_naive(dout, cache)
