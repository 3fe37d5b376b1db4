"""A max pool in JAX with a backward of its own, channels last, and a convolution that is JAX's.

    bpcheck check max_pool1d examples/your_code/jax_pool.py:pool --style jax --with layout=NWC
    bpcheck check max_pool1d examples/your_code/jax_pool.py:pool_wrong --style jax --with layout=NWC

In the second backward the last window that reads a cell decides, where windows share cells.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp


def _windows(x: Any, size: int, stride: int) -> tuple[Any, Any]:
    starts = stride * jnp.arange((x.shape[1] - size) // stride + 1)
    cells = starts[:, None] + jnp.arange(size)
    return x[:, cells], cells


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def pool(x: Any, size: int, stride: int) -> Any:
    return _windows(x, size, stride)[0].max(axis=2)


def _ahead(x: Any, size: int, stride: int) -> tuple[Any, Any]:
    return pool(x, size, stride), x


def _back(size: int, stride: int, x: Any, y_bar: Any) -> tuple[Any]:
    windows, cells = _windows(x, size, stride)
    won = jax.nn.one_hot(windows.argmax(axis=2), size, axis=2, dtype=y_bar.dtype)
    return (jnp.zeros_like(x).at[:, cells].add(won * y_bar[:, :, None]),)


pool.defvjp(_ahead, _back)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def pool_wrong(x: Any, size: int, stride: int) -> Any:
    return pool(x, size, stride)


def _back_wrong(size: int, stride: int, x: Any, y_bar: Any) -> tuple[Any]:
    windows, cells = _windows(x, size, stride)
    won = jax.nn.one_hot(windows.argmax(axis=2), size, axis=2, dtype=y_bar.dtype)
    return (jnp.zeros_like(x).at[:, cells].set(won * y_bar[:, :, None]),)


pool_wrong.defvjp(_ahead, _back_wrong)
