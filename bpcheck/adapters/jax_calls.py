"""The calls of JAX that an adapter makes, which transformations of JAX are asked with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class JaxCall:
    """A pure function of JAX's arrays, in the layout of the user's code, and what it was given.

    Parameters
    ----------
    function
        ``y`` of the operands.
    operands
        The operands, in their order.
    y_bar
        The cotangent, if there was a vjp.
    """

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    y_bar: Any = None


#: Where calls are kept meanwhile; nobody asks for them elsewhere.
_kept: ContextVar[list[JaxCall] | None] = ContextVar("_kept", default=None)


@contextlib.contextmanager
def recorded() -> Iterator[list[JaxCall]]:
    """Keep the calls that are made meanwhile."""
    calls: list[JaxCall] = []
    token = _kept.set(calls)
    try:
        yield calls
    finally:
        _kept.reset(token)


def _as_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its outputs one after the other, as transformations are compared by."""
    return lambda *operands: _joined(function(*operands))


def _joined(outputs: tuple[Any, ...]) -> Any:
    import jax.numpy as jnp

    return jnp.concatenate([jnp.ravel(each) for each in outputs])


def kept_vjp(function: Callable[..., Any], *operands: Any) -> tuple[Any, Callable[[Any], Any]]:
    """`jax.vjp`, whose call is kept where somebody asks for that."""
    import jax

    y, pullback = jax.vjp(function, *operands)
    calls = _kept.get()
    if calls is None:
        return y, pullback
    made = JaxCall(_as_one(function) if isinstance(y, tuple) else function, operands)
    calls.append(made)

    def pull(y_bar: Any) -> Any:
        made.y_bar = _joined(y_bar) if isinstance(y_bar, tuple) else y_bar
        return pullback(y_bar)

    return y, pull
