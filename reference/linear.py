"""Fully connected layer: y = x w^T + b."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.operands import DTYPES, Array, accumulator, require_cotangent, require_float

__all__ = ["DTYPES", "Residuals", "forward", "vjp"]


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the operands themselves (not copies)."""

    x: Array
    w: Array
    has_bias: bool


@np.errstate(over="ignore", invalid="ignore")
def forward(x: Array, w: Array, b: Array | None = None) -> tuple[Array, Residuals]:
    """Return ``y[n, k] = b[k] + sum_f x[n, f] w[k, f]``.

    Parameters
    ----------
    x
        Input, (n, features).
    w
        Weights, (classes, features).
    b
        Bias, (classes,), or None.

    Returns
    -------
    y, residuals
        Output, (n, classes), and what `vjp` needs.

    Raises
    ------
    ValueError
        When shapes or dtypes do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> forward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([5.0]))[0]
    array([[16.]])
    """
    require_float(x=x, w=w, b=b)
    if x.ndim != 2 or w.ndim != 2 or x.shape[1] != w.shape[1]:
        raise ValueError(
            f"x.shape={x.shape}, w.shape={w.shape}: must be (n, features) and (classes, features)"
        )
    if b is not None and b.shape != w.shape[:1]:
        raise ValueError(f"b.shape={b.shape}: must be (classes,) = {w.shape[:1]}")
    wide = accumulator(x.dtype)
    y = x.astype(wide, copy=False) @ w.astype(wide, copy=False).T
    if b is not None:
        y += b
    return y.astype(x.dtype, copy=False), Residuals(x, w, b is not None)


@np.errstate(over="ignore", invalid="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array, Array, Array | None]:
    """Return ``x_bar`` (n, features), ``w_bar`` (classes, features), ``b_bar`` (classes,).

    The layer is linear in each operand, so each cotangent is the transposed map applied to
    `y_bar`. From ``<y_bar, u w^T> = <y_bar w, u>`` follows ``x_bar = y_bar w``: the cotangent goes
    back through the same connections. From ``<y_bar, x v^T> = <y_bar^T x, v>`` follows ``w_bar =
    y_bar^T x``: each weight collects input times cotangent over the batch. ``b_bar`` is the sum of
    `y_bar` over the batch, since `b` is added to every row; None without a bias.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.

    Examples
    --------
    >>> import numpy as np
    >>> y, residuals = forward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
    >>> x_bar, w_bar, b_bar = vjp(residuals, np.array([[10.0]]))
    >>> x_bar, w_bar, b_bar
    (array([[30., 40.]]), array([[10., 20.]]), None)
    """
    x, w = residuals.x, residuals.w
    require_cotangent(y_bar, (len(x), len(w)), x.dtype)
    wide = accumulator(x.dtype)
    delta = y_bar.astype(wide, copy=False)
    x_bar = delta @ w.astype(wide, copy=False)
    w_bar = delta.T @ x.astype(wide, copy=False)
    b_bar = delta.sum(axis=0).astype(x.dtype, copy=False) if residuals.has_bias else None
    return x_bar.astype(x.dtype, copy=False), w_bar.astype(x.dtype, copy=False), b_bar
