"""Logistic sigmoid: from the real line to (0, 1)."""

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
    """Return ``y = 1 / (1 + exp(-x))``, elementwise on any shape.

    Raises
    ------
    ValueError
        When `x` is not of one of the `DTYPES`.

    Examples
    --------
    >>> import numpy as np
    >>> forward(np.array([-1000.0, 0.0, 1000.0]))[0]
    array([0. , 0.5, 1. ])
    """
    require_float(x=x)
    wide = x.astype(accumulator(x.dtype), copy=False)
    # exp of a number that is never positive cannot overflow: sigmoid(x) = exp(x) / (1 + exp(x))
    # serves the negative side.
    decay = np.exp(-np.abs(wide))
    y = np.where(wide < 0, decay, wide.dtype.type(1)) / (1 + decay)
    y = y.astype(x.dtype, copy=False)
    return y, Residuals(y)


def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    """Return ``x_bar``, shaped as `y_bar`.

    With ``y = 1 / (1 + e)`` and ``e = exp(-x)``, the derivative is ``f' = e / (1 + e)**2 =
    y (1 - y)``: at most 1/4, and 0 in both tails. The chain rule multiplies elementwise,
    ``x_bar = y (1 - y) y_bar``. This is the factor ``f'`` in the delta of a layer with a sigmoid.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.

    Examples
    --------
    >>> import numpy as np
    >>> y, residuals = forward(np.zeros(2))
    >>> vjp(residuals, np.array([1.0, -4.0]))[0]
    array([ 0.25, -1.  ])
    """
    require_cotangent(y_bar, residuals.y.shape, residuals.y.dtype)
    y = residuals.y.astype(accumulator(y_bar.dtype), copy=False)
    return ((y * (1 - y) * y_bar).astype(y_bar.dtype, copy=False),)
