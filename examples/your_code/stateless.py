"""Functions that keep nothing: a backward gets the operands again, or there is one for each.

    bpcheck check conv1d examples/your_code/stateless.py:conv1d --style stateless \\
        --with "backward=conv1d_backward(dout, x, w, stride, padding) -> dx, dw, db"
    bpcheck check conv1d examples/your_code/stateless.py:conv1d --style stateless \\
        --with "backward=gradx(w, dout, x_shape, stride, padding) -> dx;
                         gradw(x, dout, w_shape, stride, padding) -> dw; gradb(dout) -> db"

`gradx_wrong` leaves out the cells that the last window does not reach.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def padded(x: Array, padding: int) -> Array:
    return np.pad(x, ((0, 0), (0, 0), (padding, padding)))


def conv1d(x: Array, w: Array, b: Array | None, stride: int = 1, padding: int = 0) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(padded(x, padding), w.shape[2], axis=2)
    y: Array = np.einsum("nctk,ock->not", windows[:, :, ::stride], w)
    return y if b is None else y + b[:, None]


def gradx(w: Array, dout: Array, x_shape: Any, stride: int = 1, padding: int = 0) -> Array:
    n, c, width = x_shape
    dx = np.zeros((n, c, width + 2 * padding), dout.dtype)
    for k in range(w.shape[2]):
        dx[:, :, k : k + stride * dout.shape[2] : stride] += np.einsum(
            "not,oc->nct", dout, w[:, :, k]
        )
    return dx[:, :, padding : padding + width]


def gradx_wrong(w: Array, dout: Array, x_shape: Any, stride: int = 1, padding: int = 0) -> Array:
    dx = gradx(w, dout, x_shape, stride, padding)
    return dx[:, :, : stride * (dout.shape[2] - 1) + w.shape[2] - padding]


def gradw(x: Array, dout: Array, w_shape: Any, stride: int = 1, padding: int = 0) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(padded(x, padding), w_shape[2], axis=2)
    dw: Array = np.einsum("nctk,not->ock", windows[:, :, ::stride], dout)
    return dw


def gradb(dout: Array) -> Array:
    db: Array = dout.sum(axis=(0, 2))
    return db


def conv1d_backward(dout: Array, x: Array, w: Array, stride: int = 1, padding: int = 0) -> Any:
    return {
        "dw": gradw(x, dout, w.shape, stride, padding),
        "dx": gradx(w, dout, x.shape, stride, padding),
        "db": gradb(dout),
    }
