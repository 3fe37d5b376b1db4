"""In JAX: functions with a `custom_vjp`, right in their plain numbers, that break one promise."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp


def _average(x: Any, k: int, s: int) -> Any:
    outs = (x.shape[-1] - k) // s + 1
    cells = s * jnp.arange(outs)[:, None] + jnp.arange(k)
    return x[..., cells].sum(-1) / k


def _spread(y_bar: Any, width: int, k: int, s: int) -> Any:
    cells = s * jnp.arange(y_bar.shape[-1])[:, None] + jnp.arange(k)
    share = jnp.broadcast_to((y_bar / k)[..., None], (*y_bar.shape, k))
    return jnp.zeros((*y_bar.shape[:-1], width), y_bar.dtype).at[..., cells].add(share)


def _pool(primal: Any, ahead: Any, back: Any) -> Any:
    pool: Any = partial(jax.custom_vjp, nondiff_argnums=(1, 2))(primal)
    pool.defvjp(ahead, back)

    def avg(x: Any, kernel_size: Any, stride: Any) -> Any:
        return pool(x, kernel_size[0], stride[0])

    return avg


def _ahead(x: Any, k: int, s: int) -> Any:
    return _average(x, k, s), x


def _back(k: int, s: int, x: Any, y_bar: Any) -> Any:
    return (_spread(y_bar, x.shape[-1], k, s),)


kept_pool = _pool(_average, _ahead, _back)


# The forward under grad is not the forward. practice: fwd and primal drift apart
def _ahead_off(x: Any, k: int, s: int) -> Any:
    return _average(x.astype(jnp.bfloat16).astype(x.dtype), k, s), x


broken_two_forwards = _pool(_average, _ahead_off, _back)

# A residual kept in a global, not among the residuals. https://github.com/jax-ml/jax/issues/3964
_kept: list[Any] = []


def _ahead_global(x: Any, k: int, s: int) -> Any:
    _kept[:] = [x]
    return _average(x, k, s), None


def _back_global(k: int, s: int, residual: Any, y_bar: Any) -> Any:
    x = _kept[0]
    return (_spread(y_bar, x.shape[-1], k, s) + 0 * x,)


broken_global_residual = _pool(_average, _ahead_global, _back_global)


# The second derivative is cut off. https://github.com/pytorch/pytorch/issues/58509, in JAX
def _conv_plain(x: Any, w: Any) -> Any:
    return jax.lax.conv_general_dilated(x, w, (1,), [(0, 0)])


_conv: Any = jax.custom_vjp(_conv_plain)


def _conv_ahead(x: Any, w: Any) -> Any:
    return _conv(x, w), (x, w)


def _conv_back(kept: Any, y_bar: Any) -> Any:
    return jax.vjp(_conv_plain, *kept)[1](y_bar)


def _conv_back_stopped(kept: Any, y_bar: Any) -> Any:
    return jax.vjp(_conv_plain, *jax.lax.stop_gradient(kept))[1](y_bar)


_conv.defvjp(_conv_ahead, _conv_back)
_stopped: Any = jax.custom_vjp(_conv_plain)
_stopped.defvjp(_conv_ahead, _conv_back_stopped)


def broken_stopped(x: Any, w: Any) -> Any:
    return _stopped(x, w)


def kept_stopped(x: Any, w: Any) -> Any:
    return _conv(x, w)
