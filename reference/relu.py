"""Rectified linear unit: the positive part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.operands import DTYPES, Array, require_cotangent, require_float

__all__ = ["DTYPES", "Residuals", "forward", "vjp"]


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the output, which is 0 exactly where the unit is off."""

    y: Array


def forward(x: Array) -> tuple[Array, Residuals]:
    """Return ``y = max(x, 0)``, elementwise on any shape; NaN stays NaN.

    Raises
    ------
    ValueError
        When `x` is not of one of the `DTYPES`.

    Examples
    --------
    >>> import numpy as np
    >>> forward(np.array([-1.0, 0.0, 2.0]))[0]
    array([0., 0., 2.])
    """
    require_float(x=x)
    y = np.maximum(x, x.dtype.type(0))
    return y, Residuals(y)


def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    """Return ``x_bar``, shaped as `y_bar`.

    The derivative ``f'`` is 1 where ``x > 0`` and 0 where ``x < 0``, so the chain rule
    ``x_bar = f'(x) * y_bar`` passes the cotangent through the units that are on. At the kink,
    ``x = 0``, every number in [0, 1] is a subgradient; this takes 0, as torch does. The output
    tells the cases apart as well as the input: ``y = 0`` exactly where the unit is off. Where `x`
    is NaN, neither is so, and the cotangent passes.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.

    Examples
    --------
    >>> import numpy as np
    >>> y, residuals = forward(np.array([-1.0, 0.0, 2.0]))
    >>> vjp(residuals, np.array([5.0, 5.0, 5.0]))[0]
    array([0., 0., 5.])
    """
    y = residuals.y
    require_cotangent(y_bar, y.shape, y.dtype)
    return (np.where(y <= 0, y.dtype.type(0), y_bar),)
