"""An average pool as a kernel of Pallas (JAX), with a backward that is one too.

    bpcheck check avg_pool1d examples/your_code/pallas_pool.py:pool --style jax --interpret
    bpcheck check avg_pool1d examples/your_code/pallas_pool.py:pool_wrong --style jax --interpret

In the second backward the last window that reads a cell decides, where windows share cells.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl


def _mean(x: Any, y: Any, *, size: int, stride: int) -> None:
    for t in range(y.shape[1]):
        y[:, t] = x[:, t * stride : t * stride + size].sum(axis=1) / size


def _spread(dy: Any, dx: Any, *, size: int, stride: int, adds: bool) -> None:
    dx[...] = jnp.zeros(dx.shape, dx.dtype)
    for t in range(dy.shape[1]):
        cells = slice(t * stride, t * stride + size)
        share = jnp.broadcast_to(dy[:, t][:, None] / size, (dx.shape[0], size))
        dx[:, cells] = dx[:, cells] + share if adds else share


def _run(kernel: Any, rows: Any, width: int) -> Any:
    if not rows.size:
        return jnp.zeros((len(rows), width), rows.dtype)
    out = jax.ShapeDtypeStruct((len(rows), width), rows.dtype)
    return pl.pallas_call(kernel, out_shape=out)(rows)


def _ahead(x: Any, size: int, stride: int) -> Any:
    n, c, width = x.shape
    out = (width - size) // stride + 1
    kernel = partial(_mean, size=size, stride=stride)
    return _run(kernel, x.reshape(n * c, width), out).reshape(n, c, out)


def _made(*, adds: bool) -> Any:
    @partial(jax.custom_vjp, nondiff_argnums=(1, 2))
    def pool(x: Any, size: int, stride: int) -> Any:
        return _ahead(x, size, stride)

    def back(size: int, stride: int, shape: tuple[int, ...], dy: Any) -> tuple[Any]:
        n, c, width = shape
        kernel = partial(_spread, size=size, stride=stride, adds=adds)
        return (_run(kernel, dy.reshape(n * c, dy.shape[2]), width).reshape(shape),)

    pool.defvjp(lambda x, size, stride: (_ahead(x, size, stride), x.shape), back)
    return pool


_right, _wrong = _made(adds=True), _made(adds=False)


def pool(x: Any, size: int, stride: int) -> Any:
    return _right(x, size, stride)


def pool_wrong(x: Any, size: int, stride: int) -> Any:
    return _wrong(x, size, stride)
