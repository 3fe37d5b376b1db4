"""Layer objects: gradients in attributes, in a dictionary, or nowhere, as they update themselves.

    bpcheck check conv2d examples/your_code/layers.py:Convolution --style saito
    bpcheck check conv2d examples/your_code/layers.py:Own --style layer \\
        --with "weights=params['W'], params['b']" --with "grads=grads['W'], grads['b']" \\
        --with accumulating=true --with dtypes=float64
    bpcheck check conv2d examples/your_code/layers.py:Trains --style layer

`TrainsFirst` sends the error back through weights that it has already changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def im2col(x: Array, height: int, width: int, stride: int, pad: int) -> Array:
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(2, 3))
    return windows[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 4, 5)


def col2im(col: Array, shape: tuple[int, ...], stride: int, pad: int) -> Array:
    n, rows, columns, c, height, width = col.shape
    x = np.zeros((n, c, shape[2] + 2 * pad, shape[3] + 2 * pad), col.dtype)
    for i in range(height):
        for j in range(width):
            down, right = (
                slice(i, i + stride * rows, stride),
                slice(j, j + stride * columns, stride),
            )
            x[:, :, down, right] += col[:, :, :, :, i, j].transpose(0, 3, 1, 2)
    return x[:, :, pad : pad + shape[2], pad : pad + shape[3]]


class Convolution:
    def __init__(self, W: Array, b: Array, stride: int = 1, pad: int = 0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x: Array) -> Array:
        self.shape, (height, width) = x.shape, self.W.shape[2:]
        self.col = im2col(x, height, width, self.stride, self.pad)
        out = np.tensordot(self.col, self.W, axes=((3, 4, 5), (1, 2, 3))) + self.b
        return out.transpose(0, 3, 1, 2)

    def backward(self, dout: Array) -> Array:
        self.db = dout.sum(axis=(0, 2, 3))
        self.dW = np.tensordot(dout, self.col, axes=((0, 2, 3), (0, 1, 2)))
        return self.back_through(dout)

    def back_through(self, dout: Array) -> Array:
        dcol = np.tensordot(dout, self.W, axes=((1,), (0,)))
        return col2im(dcol, self.shape, self.stride, self.pad)


class Own:
    """Makes its weights itself, and adds up gradients until they are taken."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1):
        rng = np.random.default_rng(0)
        W = rng.normal(size=(out_channels, in_channels, kernel_size, kernel_size))
        self.params = {"W": W, "b": np.zeros(out_channels)}
        self.grads: dict[str, Any] = {}
        self.stride = stride

    def forward(self, x: Array) -> Array:
        self.inner = Convolution(self.params["W"], self.params["b"], self.stride)
        return self.inner.forward(x)

    def backward(self, dout: Array) -> Array:
        dx = self.inner.backward(dout)
        for name in ("W", "b"):
            self.grads[name] = self.grads.get(name, 0) + getattr(self.inner, f"d{name}")
        return dx


class Trains(Convolution):
    """Has no gradient to show: its backward is a step of training."""

    def backward(self, dout: Array, learning_rate: float = 0.1) -> Array:
        dx = super().backward(dout)
        self.W = self.W - learning_rate * self.dW
        self.b -= learning_rate * self.db
        del self.dW, self.db
        return dx


class TrainsFirst(Convolution):
    def backward(self, dout: Array, learning_rate: float = 0.1) -> Array:
        super().backward(dout)
        self.W = self.W - learning_rate * self.dW
        self.b -= learning_rate * self.db
        del self.dW, self.db
        return self.back_through(dout)
