"""Layers in the shape of Coursera's deep learning course: channels last, W (f, f, in, out).

    bpcheck check conv2d examples/your_code/coursera.py --style coursera
    bpcheck check conv2d examples/your_code/coursera.py --style coursera --with backward=wrong
    bpcheck check avg_pool2d examples/your_code/coursera.py --style coursera

The second backward forgets that samples have a dW each, and keeps that of the last one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def conv_forward(A_prev: Array, W: Array, b: Array, hparameters: dict[str, int]) -> Any:
    stride, pad = hparameters["stride"], hparameters["pad"]
    m, n_H_prev, n_W_prev, _ = A_prev.shape
    f_H, f_W, _, n_C = W.shape
    n_H, n_W = (n_H_prev - f_H + 2 * pad) // stride + 1, (n_W_prev - f_W + 2 * pad) // stride + 1
    Z = np.zeros((m, n_H, n_W, n_C), A_prev.dtype)
    A_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    for h in range(n_H):
        for w in range(n_W):
            slice_ = A_pad[:, h * stride : h * stride + f_H, w * stride : w * stride + f_W]
            Z[:, h, w] = np.tensordot(slice_, W, axes=3) + b[0, 0, 0]
    return Z, (A_prev, W, b, hparameters)


def conv_backward(dZ: Array, cache: Any) -> Any:
    A_prev, W, b, hparameters = cache
    stride, pad = hparameters["stride"], hparameters["pad"]
    f_H, f_W = W.shape[:2]
    A_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dA_pad, dW, db = np.zeros_like(A_pad), np.zeros_like(W), np.zeros_like(b)
    for h in range(dZ.shape[1]):
        for w in range(dZ.shape[2]):
            rows, columns = slice(h * stride, h * stride + f_H), slice(w * stride, w * stride + f_W)
            dA_pad[:, rows, columns] += np.tensordot(dZ[:, h, w], W, axes=((1,), (3,)))
            dW += np.tensordot(A_pad[:, rows, columns], dZ[:, h, w], axes=((0,), (0,)))
            db += dZ[:, h, w].sum(axis=0)
    H, W_ = A_prev.shape[1:3]
    return dA_pad[:, pad : pad + H, pad : pad + W_], dW, db


def wrong(dZ: Array, cache: Any) -> Any:
    A_prev, *rest = cache
    dA, dW, db = conv_backward(dZ, cache)
    if len(A_prev):
        _, dW, _ = conv_backward(dZ[-1:], (A_prev[-1:], *rest))
    return dA, dW, db


def pool_forward(A_prev: Array, hparameters: dict[str, int], mode: str = "max") -> Any:
    f, stride = hparameters["f"], hparameters["stride"]
    m, n_H_prev, n_W_prev, n_C = A_prev.shape
    A = np.zeros((m, 1 + (n_H_prev - f) // stride, 1 + (n_W_prev - f) // stride, n_C), A_prev.dtype)
    for h in range(A.shape[1]):
        for w in range(A.shape[2]):
            slice_ = A_prev[:, h * stride : h * stride + f, w * stride : w * stride + f]
            A[:, h, w] = slice_.max(axis=(1, 2)) if mode == "max" else slice_.mean(axis=(1, 2))
    return A, (A_prev, hparameters)


def pool_backward(dA: Array, cache: Any, mode: str = "max") -> Array:
    A_prev, hparameters = cache
    f, stride = hparameters["f"], hparameters["stride"]
    dA_prev = np.zeros_like(A_prev)
    for h in range(dA.shape[1]):
        for w in range(dA.shape[2]):
            rows, columns = slice(h * stride, h * stride + f), slice(w * stride, w * stride + f)
            da = dA[:, h : h + 1, w : w + 1]
            if mode == "max":
                slice_ = A_prev[:, rows, columns]
                dA_prev[:, rows, columns] += (slice_ == slice_.max(axis=(1, 2), keepdims=True)) * da
            else:
                dA_prev[:, rows, columns] += da / (f * f)
    return dA_prev
