"""Hyperbolic tangent: from the real line to (-1, 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.operands import DTYPES, Array, accumulator, require_cotangent, require_float

__all__ = ["DTYPES", "Residuals", "forward", "vjp"]


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the output, which the derivative is a function of."""

    y: Array


def forward(x: Array) -> tuple[Array, Residuals]:
    """Return ``y = tanh(x)``, elementwise on any shape.

    Raises
    ------
    ValueError
        When `x` is not of one of the `DTYPES`.

    Examples
    --------
    >>> import numpy as np
    >>> forward(np.array([-1000.0, 0.0, 1000.0]))[0]
    array([-1.,  0.,  1.])
    """
    require_float(x=x)
    y = np.tanh(x)
    return y, Residuals(y)


def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    """Return ``x_bar``, shaped as `y_bar`.

    With ``y = sinh(x) / cosh(x)``, the derivative is ``f' = (cosh(x)**2 - sinh(x)**2) /
    cosh(x)**2 = 1 - y**2``: 1 at the origin, and 0 in both tails. The chain rule multiplies
    elementwise, ``x_bar = (1 - y**2) y_bar``.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.

    Examples
    --------
    >>> import numpy as np
    >>> y, residuals = forward(np.zeros(2))
    >>> vjp(residuals, np.array([1.0, -4.0]))[0]
    array([ 1., -4.])
    """
    require_cotangent(y_bar, residuals.y.shape, residuals.y.dtype)
    y = residuals.y.astype(accumulator(y_bar.dtype), copy=False)
    return (((1 - y * y) * y_bar).astype(y_bar.dtype, copy=False),)
