"""A block of a CNN: a convolution, its activation, and a pool whose windows tile."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reference import avg_pool, conv, identity, max_pool, relu, sigmoid, tanh
from reference.operands import DTYPES, Array

__all__ = ["ACTIVATIONS", "DTYPES", "POOLS", "Residuals", "forward", "vjp"]

ACTIVATIONS = MappingProxyType(
    {"sigmoid": sigmoid, "tanh": tanh, "relu": relu, "identity": identity}
)
POOLS = MappingProxyType({"max": max_pool, "avg": avg_pool})


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the residuals of the three layers, and which layers they are of."""

    conv: conv.Residuals
    activation: Any
    pool: Any
    activation_name: str
    pool_name: str


def forward(
    x: Array,
    w: Array,
    b: Array | None,
    *,
    activation: str,
    pool: str,
    stride: Any,
    padding: Any,
    pool_size: Any,
) -> tuple[Array, Residuals]:
    r"""Return ``pool(activation(conv(x)))``.

    Parameters
    ----------
    x, w, b, stride, padding
        Those of `conv.forward`.
    activation
        "sigmoid", "tanh", "relu" or "identity".
    pool
        "max" or "avg".
    pool_size
        The pool's window, which is also its stride.

    Returns
    -------
    y, residuals
        Output, (n, c_out, \*output), and what `vjp` needs.

    Raises
    ------
    ValueError
        When a name is not known, or a layer's operands or parameters do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> x, w = np.array([[[1.0, -2.0, 3.0, 4.0]]]), np.ones((1, 1, 1))
    >>> forward(x, w, None, activation="relu", pool="avg", stride=1, padding=0, pool_size=2)[0]
    array([[[0.5, 3.5]]])
    """
    for name, value, known in (("activation", activation, ACTIVATIONS), ("pool", pool, POOLS)):
        if value not in known:
            raise ValueError(f"{name}={value!r}: must be one of {', '.join(map(repr, known))}")
    z, of_conv = conv.forward(x, w, b, stride=stride, padding=padding)
    a, of_activation = ACTIVATIONS[activation].forward(z)
    y, of_pool = POOLS[pool].forward(a, kernel_size=pool_size)
    return y, Residuals(of_conv, of_activation, of_pool, activation, pool)


def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array, Array, Array | None]:
    r"""Return ``x_bar``, ``w_bar`` and ``b_bar``, shaped as the operands of `forward`.

    From the top down: the pool upsamples its cotangent to the plane of the activation (it has no
    activation of its own, so no ``f'``); the activation multiplies by its derivative, ``delta =
    f'(z) * upsampled``; and the convolution takes that ``delta`` for its three cotangents.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.

    Examples
    --------
    >>> import numpy as np
    >>> x, w = np.array([[[1.0, -2.0, 3.0, 4.0]]]), np.ones((1, 1, 1))
    >>> y, residuals = forward(
    ...     x, w, None, activation="relu", pool="avg", stride=1, padding=0, pool_size=2
    ... )
    >>> x_bar, w_bar, b_bar = vjp(residuals, np.array([[[2.0, 20.0]]]))
    >>> x_bar  # the unit that is off passes nothing
    array([[[ 1.,  0., 10., 10.]]])
    >>> w_bar
    array([[[71.]]])
    """
    (upsampled,) = POOLS[residuals.pool_name].vjp(residuals.pool, y_bar)
    (delta,) = ACTIVATIONS[residuals.activation_name].vjp(residuals.activation, upsampled)
    return conv.vjp(residuals.conv, delta)
