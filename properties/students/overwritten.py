"""Mistake: = where windows that overlap need +=. Coursera's average pool on (m, H, W, C)."""

import numpy as np


def pool_forward(A_prev, hparameters):
    (m, n_H_prev, n_W_prev, n_C) = A_prev.shape
    f, stride = hparameters["f"], hparameters["stride"]
    n_H = int(1 + (n_H_prev - f) / stride)
    n_W = int(1 + (n_W_prev - f) / stride)
    A = np.zeros((m, n_H, n_W, n_C), dtype=A_prev.dtype)
    for h in range(n_H):
        for w in range(n_W):
            a_slice = A_prev[:, h * stride : h * stride + f, w * stride : w * stride + f, :]
            A[:, h, w, :] = np.mean(a_slice, axis=(1, 2))
    return A, (A_prev, hparameters)


def pool_backward(dA, cache):
    (A_prev, hparameters) = cache
    f, stride = hparameters["f"], hparameters["stride"]
    dA_prev = np.zeros_like(A_prev)
    for h in range(dA.shape[1]):
        for w in range(dA.shape[2]):
            vert_start, horiz_start = h * stride, w * stride
            average = dA[:, h, w, :] / (f * f)
            dA_prev[:, vert_start : vert_start + f, horiz_start : horiz_start + f, :] = average[
                :, None, None, :
            ]
    return dA_prev


SQUARE_KERNELS = True
EQUAL_STRIDES = True


def forward(x, *, kernel_size, stride):
    A, cache = pool_forward(x.transpose(0, 2, 3, 1), {"f": kernel_size[0], "stride": stride[0]})
    return A.transpose(0, 3, 1, 2), cache


def vjp(cache, dout):
    return (pool_backward(dout.transpose(0, 2, 3, 1), cache).transpose(0, 3, 1, 2),)
