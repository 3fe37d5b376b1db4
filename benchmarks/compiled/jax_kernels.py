"""A convolution and a max pool in JAX, with backwards of their own, compiled by jax.jit."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


@partial(jax.jit, static_argnums=(3, 4, 5, 6))
def _convolve(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    sides = padding.upper() if isinstance(padding, str) else [(p, p) for p in padding]
    y = lax.conv_general_dilated(
        x, w, stride, sides, rhs_dilation=dilation, feature_group_count=groups
    )
    return y if b is None else y + b[None, :, None, None]


@partial(jax.custom_vjp, nondiff_argnums=(3, 4, 5, 6))
def conv2d(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return _convolve(x, w, b, stride, padding, dilation, groups)


def _ahead(x: Any, w: Any, b: Any, *params: Any) -> tuple[Any, Any]:
    return _convolve(x, w, b, *params), (x, w, b)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _back(stride: Any, padding: Any, dilation: Any, groups: int, kept: Any, dy: Any) -> Any:
    x, w, b = kept
    params = stride, padding, dilation, groups
    dx, dw = jax.vjp(lambda x, w: _convolve(x, w, None, *params), x, w)[1](dy)
    return dx, dw, None if b is None else dy.sum((0, 2, 3))


conv2d.defvjp(_ahead, _back)


@partial(jax.jit, static_argnums=(1, 2, 3))
def _largest(x: Any, kernel: Any, stride: Any, padding: Any) -> Any:
    sides = [(0, 0), (0, 0), *((p, p) for p in padding)]
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, *kernel), (1, 1, *stride), sides)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def max_pool2d(x: Any, kernel_size: Any, stride: Any, padding: Any) -> Any:
    return _largest(x, kernel_size, stride, padding)


def _pool_ahead(x: Any, *params: Any) -> tuple[Any, Any]:
    return _largest(x, *params), x


@partial(jax.jit, static_argnums=(0, 1, 2))
def _pool_back(kernel: Any, stride: Any, padding: Any, x: Any, dy: Any) -> Any:
    return jax.vjp(lambda x: _largest(x, kernel, stride, padding), x)[1](dy)


max_pool2d.defvjp(_pool_ahead, _pool_back)
