"""Layers in the shape of the course CS231n: functions with a cache, params in a dictionary.

    bpcheck check conv2d examples/your_code/cs231n.py --style cs231n
    bpcheck check conv2d examples/your_code/cs231n.py --style cs231n --with backward=conv_wrong

The second backward reads the window at i instead of i * stride.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def conv_forward_naive(x: Array, w: Array, b: Array, conv_param: dict[str, int]) -> Any:
    stride, pad = conv_param["stride"], conv_param["pad"]
    (N, _, H, W), (F, _, HH, WW) = x.shape, w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, columns = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, rows, columns), x.dtype)
    for i in range(rows):
        for j in range(columns):
            window = x_pad[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            out[:, :, i, j] = np.tensordot(window, w, axes=((1, 2, 3), (1, 2, 3))) + b
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout: Array, cache: Any) -> Any:
    return _backward(dout, cache, step=cache[3]["stride"])


def conv_wrong(dout: Array, cache: Any) -> Any:
    return _backward(dout, cache, step=1)


def _backward(dout: Array, cache: Any, step: int) -> Any:
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    (_, _, H, W), (_, _, HH, WW) = x.shape, w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad, dw = np.zeros_like(x_pad), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            top, left = i * stride, j * stride
            error = dout[:, :, i, j]
            window = x_pad[:, :, i * step : i * step + HH, j * step : j * step + WW]
            dw += np.tensordot(error, window, axes=((0,), (0,)))
            dx_pad[:, :, top : top + HH, left : left + WW] += np.tensordot(error, w, axes=1)
    return dx_pad[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))


def max_pool_forward_naive(x: Array, pool_param: dict[str, int]) -> Any:
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    out = np.zeros((N, C, 1 + (H - height) // stride, 1 + (W - width) // stride), x.dtype)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            top, left = i * stride, j * stride
            out[:, :, i, j] = x[:, :, top : top + height, left : left + width].max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward_naive(dout: Array, cache: Any) -> Array:
    x, pool_param = cache
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    dx = np.zeros_like(x)
    n, c = np.indices(x.shape[:2])
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            top, left = i * stride, j * stride
            window = x[:, :, top : top + height, left : left + width]
            # argmax takes the first NaN, torch the last: code as it is found in courses.
            flat = window.reshape(*x.shape[:2], height * width)
            row, column = np.divmod(flat.argmax(axis=-1), width)
            np.add.at(dx, (n, c, top + row, left + column), dout[:, :, i, j])
    return dx
