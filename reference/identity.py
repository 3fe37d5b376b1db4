"""No activation: y = x, with the faces of one."""

from __future__ import annotations

from dataclasses import dataclass

from reference.operands import DTYPES, Array, require_cotangent, require_float

__all__ = ["DTYPES", "Residuals", "forward", "vjp"]


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the input, for its shape and dtype only."""

    x: Array


def forward(x: Array) -> tuple[Array, Residuals]:
    """Return a copy of `x`, of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> forward(np.array([-1.0, 2.0]))[0]
    array([-1.,  2.])
    """
    require_float(x=x)
    return x.copy(), Residuals(x)


def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    """Return ``x_bar = y_bar``: the derivative of the identity is 1.

    So the delta of a convolution with no activation has no factor ``f'`` of its own: what arrives
    from the pool above is already the cotangent of the convolution's output.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.
    """
    require_cotangent(y_bar, residuals.x.shape, residuals.x.dtype)
    return (y_bar.copy(),)
