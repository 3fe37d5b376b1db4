"""Mistake: every cell that equals the maximum gets the gradient. CS231n's naive max pool."""

import numpy as np


def max_pool_forward_naive(x, pool_param):
    HH, WW = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    H_out = 1 + (H - HH) // stride
    W_out = 1 + (W - WW) // stride
    out = np.zeros((N, C, H_out, W_out), dtype=x.dtype)
    for i in range(H_out):
        for j in range(W_out):
            window = x[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            out[:, :, i, j] = window.max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    HH, WW = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H_out, W_out = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    rows = slice(i * stride, i * stride + HH)
                    columns = slice(j * stride, j * stride + WW)
                    window = x[n, c, rows, columns]
                    mask = window == np.max(window)
                    dx[n, c, rows, columns] += mask * dout[n, c, i, j]
    return dx


def forward(x, *, kernel_size, stride):
    if stride[0] != stride[1]:
        raise NotImplementedError("one stride for height and width")
    pool_param = {
        "pool_height": kernel_size[0],
        "pool_width": kernel_size[1],
        "stride": stride[0],
    }
    return max_pool_forward_naive(x, pool_param)


def vjp(cache, dout):
    return (max_pool_backward_naive(dout, cache),)
