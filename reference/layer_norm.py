"""Layer normalization over the last axis: forward, and the vjp through mean and variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.operands import WITH_BFLOAT16 as DTYPES
from reference.operands import Array, accumulator, require_cotangent, require_float

__all__ = ["DTYPES", "Residuals", "forward", "vjp"]


@dataclass(frozen=True, slots=True)
class Residuals:
    r"""What the vjp needs.

    Attributes
    ----------
    normal
        The rows with mean 0 and variance 1 (but for eps), (\*batch, c), in the wide dtype.
    rstd
        What each row was multiplied by, (\*batch, 1).
    weight
        The weight in the wide dtype, or None.
    """

    normal: Array
    rstd: Array
    weight: Array | None
    has_bias: bool
    dtype: np.dtype[Any]


# Infinite rows have no variance, and constant ones without an eps no inverse: NaN by definition.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def forward(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5
) -> tuple[Array, Residuals]:
    r"""Return ``y = weight * (x - mean) / sqrt(var + eps) + bias``, row by row.

    The mean and the variance are those of the last axis. The variance divides by ``c``, not by
    ``c - 1``, since it describes the row and estimates nothing. It is the mean of the squares of
    what is left when the mean is taken away: ``mean(x**2) - mean**2`` is the same number, but loses
    all its digits where the mean is large.

    Parameters
    ----------
    x
        Input, (\*batch, c), with any leading axes, of one of the `DTYPES`.
    weight, bias
        Scale and shift, (c,), of the input's dtype; each may be None.
    eps
        What is added to the variance, under the root.

    Returns
    -------
    y, residuals
        Output, (\*batch, c), and what `vjp` needs.

    Raises
    ------
    ValueError
        When a shape, a dtype or eps does not fit.

    Examples
    --------
    >>> y, _ = forward(np.array([[1.0, 3.0], [-5.0, 5.0]]), eps=0.0)
    >>> y
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    require_float(DTYPES, x=x, weight=weight, bias=bias)
    if x.ndim < 1 or x.shape[-1] < 1:
        raise ValueError(f"x.shape={x.shape}: must be (*batch, c) with c at least 1")
    for name, operand in (("weight", weight), ("bias", bias)):
        if operand is not None and operand.shape != x.shape[-1:]:
            raise ValueError(f"{name}.shape={operand.shape}: must be (c,) = {x.shape[-1:]}")
    if not eps >= 0:
        raise ValueError(f"eps={eps}: must be at least 0; 1e-5 is usual")
    wide = accumulator(x.dtype)
    centred = x.astype(wide, copy=False)
    centred = centred - centred.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    rstd = 1 / np.sqrt(variance + wide.type(eps))
    normal = centred * rstd
    scale = None if weight is None else weight.astype(wide)
    y = normal if scale is None else normal * scale
    if bias is not None:
        y = y + bias.astype(wide, copy=False)
    residuals = Residuals(normal, rstd, scale, bias is not None, x.dtype)
    return y.astype(x.dtype), residuals


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array, Array | None, Array | None]:
    r"""Return ``x_bar`` (\*batch, c), and ``weight_bar`` and ``bias_bar`` (c,), or None.

    **weight_bar, bias_bar.** With ``n = (x - mean) rstd`` the layer is ``y = weight * n + bias``,
    where every row has the same weight and bias. So ``weight_bar`` sums ``y_bar * n`` and
    ``bias_bar`` sums `y_bar`, both over all rows.

    **x_bar.** What comes down to the normalized row is ``d = weight * y_bar``. Take a small change
    ``u`` of the row ``x``, and follow it through the three places where ``x`` stands:

    - itself: ``n`` changes by ``rstd u``;
    - in the mean, which changes by ``mean(u)``: by ``-rstd mean(u)`` in every cell;
    - in ``rstd = (var + eps)**(-1/2)``. The variance changes by ``2 mean((x - mean) u)``, the
      part of the mean in it vanishes as ``mean(x - mean)`` is 0; so ``rstd`` changes by ``-rstd**3
      mean((x - mean) u) = -rstd**2 mean(n u)``, and ``n`` by ``-rstd n mean(n u)``.

    In all, ``n`` changes by ``rstd (u - mean(u) - n mean(n u))``. That linear map is symmetric, as
    ``<d, mean(u)> = c mean(d) mean(u) = <mean(d), u>`` and ``<d, n mean(n u)> = c mean(d n)
    mean(n u) = <n mean(d n), u>``; so its transpose is itself::

        x_bar = rstd * (d - mean(d) - n * mean(d * n))

    Both means are taken over ``c``. A constant shift of the row changes nothing, hence the cells of
    ``x_bar`` add up to 0; and stretching the row changes nothing either (but for eps), hence
    ``x_bar`` stands at a right angle to ``n``. With ``c = 1`` nothing is left: ``x_bar`` is 0.

    Parameters
    ----------
    residuals
        What `forward` returned.
    y_bar
        Cotangent of the output, (\*batch, c), of the operands' dtype.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.

    Examples
    --------
    >>> y, residuals = forward(np.array([[-1.0, 0.0, 1.0]]), np.ones(3), eps=0.0)
    >>> x_bar, weight_bar, bias_bar = vjp(residuals, np.array([[1.0, -2.0, 1.0]]))
    >>> np.round(x_bar, 6)  # neither a shift nor a stretch: multiplied by rstd alone
    array([[ 1.224745, -2.44949 ,  1.224745]])
    >>> np.round(weight_bar, 6) + 0.0, bias_bar
    (array([-1.224745,  0.      ,  1.224745]), None)
    """
    normal, rstd, weight = residuals.normal, residuals.rstd, residuals.weight
    require_cotangent(y_bar, normal.shape, residuals.dtype)
    rows = tuple(range(y_bar.ndim - 1))
    delta = y_bar.astype(normal.dtype, copy=False)
    weight_bar, bias_bar = None, None
    if weight is not None:
        weight_bar = (delta * normal).sum(axis=rows).astype(y_bar.dtype, copy=False)
    if residuals.has_bias:
        bias_bar = delta.sum(axis=rows).astype(y_bar.dtype)
    if weight is not None:
        delta = delta * weight
    shift = delta.mean(axis=-1, keepdims=True)
    stretch = (delta * normal).mean(axis=-1, keepdims=True)
    x_bar = rstd * (delta - shift - normal * stretch)
    return x_bar.astype(y_bar.dtype, copy=False), weight_bar, bias_bar
