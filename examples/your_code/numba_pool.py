"""An average pool as a kernel of Numba-CUDA on NumPy arrays, with a backward that is one too.

    bpcheck check avg_pool1d examples/your_code/numba_pool.py --interpret
    bpcheck check avg_pool1d examples/your_code/numba_pool.py:Wrong --interpret

Each thread of the second backward stores its share, where windows that share a cell must add.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda


@cuda.jit
def _mean(x: Any, y: Any, size: int, stride: int) -> None:
    i, c, t = cuda.grid(3)
    if i < y.shape[0] and c < y.shape[1] and t < y.shape[2]:
        total = x[i, c, t * stride]
        for j in range(1, size):
            total += x[i, c, t * stride + j]
        y[i, c, t] = total / size


@cuda.jit
def _spread(dy: Any, dx: Any, size: int, stride: int, adds: bool) -> None:
    i, c, t = cuda.grid(3)
    if i < dy.shape[0] and c < dy.shape[1] and t < dy.shape[2]:
        for j in range(size):
            share = dy[i, c, t] / size
            if adds:
                cuda.atomic.add(dx, (i, c, t * stride + j), share)
            else:
                dx[i, c, t * stride + j] = share


def _blocks(shape: tuple[int, ...]) -> Any:
    return tuple(-(-length // 4) for length in shape), (4, 4, 4)


def forward(x: Any, *, kernel_size: tuple[int], stride: tuple[int]) -> Any:
    (size,), (step,) = kernel_size, stride
    y = np.zeros((*x.shape[:2], (x.shape[2] - size) // step + 1), x.dtype)
    if y.size:
        _mean[_blocks(y.shape)](np.ascontiguousarray(x), y, size, step)
    return y, (x.shape, size, step)


def vjp(residuals: Any, dy: Any) -> Any:
    return _back(residuals, dy, adds=True)


def _back(residuals: Any, dy: Any, *, adds: bool) -> Any:
    shape, size, stride = residuals
    dx = np.zeros(shape, dy.dtype)
    if dy.size:
        _spread[_blocks(dy.shape)](np.ascontiguousarray(dy), dx, size, stride, adds)
    return (dx,)


class Wrong:
    forward = staticmethod(forward)

    @staticmethod
    def vjp(residuals: Any, dy: Any) -> Any:
        return _back(residuals, dy, adds=False)
