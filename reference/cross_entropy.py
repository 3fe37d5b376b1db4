"""Softmax cross-entropy against integer labels, averaged over the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.operands import DTYPES, Array, accumulator, require_cotangent, require_float

__all__ = ["DTYPES", "Residuals", "forward", "vjp"]


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the logarithm of the softmax, (n, classes), and the labels."""

    log_softmax: Array
    labels: Array
    dtype: np.dtype[Any]


# An empty batch has no mean, 0 / 0, and infinite logits no softmax: NaN by definition.
@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def forward(x: Array, *, labels: Array) -> tuple[Array, Residuals]:
    """Return the mean over the batch of ``-log softmax(x)[label]``.

    ``-log softmax(x)[k] = log(sum_j exp(x[j])) - x[k]``. Taking the row's largest logit from every
    logit changes nothing in exact arithmetic and keeps every exponential in (0, 1].

    Parameters
    ----------
    x
        Logits, (n, classes).
    labels
        The right class of each row, (n,), of an integer dtype, each in ``range(classes)``.

    Returns
    -------
    loss, residuals
        A 0-d array, and what `vjp` needs.

    Raises
    ------
    ValueError
        When a shape, a dtype or a label does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> loss, residuals = forward(np.array([[0.0, 0.0]]), labels=np.array([1]))
    >>> print(round(float(loss), 6))  # log(2)
    0.693147
    """
    require_float(x=x)
    if x.ndim != 2 or x.shape[1] < 1:
        raise ValueError(f"x.shape={x.shape}: must be (n, classes) with at least one class")
    if labels.shape != x.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels: got {labels.dtype} of shape {labels.shape}, must be integers of shape "
            f"{x.shape[:1]}, one for each row of x"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < x.shape[1]:
        raise ValueError(
            f"labels from {labels.min()} to {labels.max()}: must lie in range({x.shape[1]})"
        )
    z = x.astype(accumulator(x.dtype), copy=False)
    z = z - z.max(axis=1, keepdims=True)
    log_softmax = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    right = np.take_along_axis(log_softmax, labels[:, None].astype(np.intp), axis=1)
    loss = np.asarray(-right.sum() / right.dtype.type(len(x)), dtype=x.dtype)
    return loss, Residuals(log_softmax, labels, x.dtype)


@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    """Return ``x_bar``, (n, classes), from the cotangent of the loss, a 0-d array.

    The derivative of ``log(sum_j exp(x[j]))`` by ``x[k]`` is ``softmax(x)[k]``, and that of
    ``-x[label]`` is -1 at the label. So each row's cotangent is ``softmax(x) - onehot(label)``,
    what was predicted minus what is right, times ``y_bar / n`` from the mean.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> loss, residuals = forward(np.array([[0.0, 0.0]]), labels=np.array([1]))
    >>> vjp(residuals, np.array(1.0))[0]
    array([[ 0.5, -0.5]])
    """
    require_cotangent(y_bar, (), residuals.dtype)
    softmax = np.exp(residuals.log_softmax)
    rows = np.arange(len(softmax))
    softmax[rows, residuals.labels] -= 1
    x_bar = softmax * (y_bar.astype(softmax.dtype) / softmax.dtype.type(len(softmax)))
    return (x_bar.astype(residuals.dtype, copy=False),)
