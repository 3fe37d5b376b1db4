"""Softmax cross-entropy against integer labels: weighted, smoothed, some rows ignored."""

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
    log_softmax, wanted
        The logarithm of the softmax, and what it was multiplied by, both (n, classes, \*size).
    divisor
        What the sum of the losses was divided by, 0-d; None where they were not summed.
    """

    log_softmax: Array
    wanted: Array
    divisor: Array | None
    dtype: np.dtype[Any]


# Rows of which none counts have no mean, 0 / 0, and infinite logits no softmax: NaN by definition.
@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def forward(
    x: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> tuple[Array, Residuals]:
    r"""Return ``-sum_k wanted[k] log softmax(x)[k]``, row by row, and reduced.

    What is wanted of a row is 1 at its label and 0 elsewhere, so that the loss is ``-log
    softmax(x)[label]``. Smoothing by ``s`` takes that for ``1 - s`` of the truth, and for the rest
    all classes alike: ``wanted[k] = (1 - s) onehot[k] + s / classes``. Weights multiply
    ``wanted[k]`` by ``weight[k]``, and an ignored row wants nothing.

    ``-log softmax(x)[k] = log(sum_j exp(x[j])) - x[k]``. Taking the row's largest logit from every
    logit changes nothing in exact arithmetic and keeps every exponential in (0, 1].

    Parameters
    ----------
    x
        Logits, (n, classes, \*size), of one of the `DTYPES`. Every cell of the plane is a row.
    labels
        The right class of each row, (n, \*size), of an integer dtype, each in ``range(classes)`` or
        `ignore_index`.
    weight
        A factor for each class, (classes,), of the dtype of `x`, or None. A constant, as the labels
        are: neither has a gradient.
    ignore_index
        The label of rows that do not count.
    reduction
        "mean", which divides the sum of the losses by the sum of ``weight[label]`` over the rows
        that count (by their number, without weights); "sum"; or "none".
    label_smoothing
        From 0 to 1.

    Returns
    -------
    loss, residuals
        A 0-d array, or (n, \*size) without a reduction, and what `vjp` needs. The mean is NaN where
        no row counts.

    Raises
    ------
    ValueError
        When a shape, a dtype, a label or a parameter does not fit.

    Examples
    --------
    >>> loss, residuals = forward(np.array([[0.0, 0.0], [9.0, 5.0]]), labels=np.array([1, -100]))
    >>> print(round(float(loss), 6))  # log(2): the second row does not count
    0.693147
    """
    _require(x, labels, weight, ignore_index, reduction, label_smoothing)
    wide = accumulator(x.dtype)
    z = x.astype(wide, copy=False)
    z = z - z.max(axis=1, keepdims=True)
    log_softmax = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    counts = labels != ignore_index
    classes = np.arange(x.shape[1]).reshape(-1, *(1,) * (x.ndim - 2))
    onehot = (labels[:, None] == classes) & counts[:, None]
    wanted = np.where(onehot, wide.type(1 - label_smoothing), wide.type(0))
    wanted += np.where(counts, wide.type(label_smoothing / x.shape[1]), wide.type(0))[:, None]
    factor = None if weight is None else weight.astype(wide).reshape(classes.shape)
    if factor is not None:
        wanted *= factor
    # A class that nobody wants may be impossible, with a logarithm of -inf: it adds 0.
    losses = -np.where(wanted == 0, 0, wanted * log_softmax).sum(axis=1)
    divisor = None
    if reduction != "none":
        of_rows = onehot if factor is None else onehot * factor
        divisor = of_rows.sum(dtype=wide) if reduction == "mean" else np.ones((), wide)
        losses = losses.sum() / divisor
    residuals = Residuals(log_softmax, wanted, divisor, x.dtype)
    return np.asarray(losses, dtype=x.dtype), residuals


@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array]:
    r"""Return ``x_bar``, (n, classes, \*size), from the cotangent of the loss.

    A row's loss is ``sum_k wanted[k] (log(sum_j exp(x[j])) - x[k])``. The derivative of the
    logarithm by ``x[k]`` is ``softmax(x)[k]``, whatever the class that it is subtracted from; that
    of ``-wanted[k] x[k]`` is ``-wanted[k]``. So each row's cotangent is ``softmax(x)
    sum(wanted) - wanted``: what was predicted minus what is right, ``softmax(x) - onehot(label)``
    without weights. It comes times the `y_bar` of the row's loss, which is ``y_bar / divisor`` for
    every row of a mean. An ignored row wants nothing, and gets exactly 0, also where the mean is
    NaN since no row counts.

    Parameters
    ----------
    residuals
        What `forward` returned.
    y_bar
        Cotangent of the loss: a 0-d array, or (n, \*size) without a reduction.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the loss.

    Examples
    --------
    >>> loss, residuals = forward(np.array([[0.0, 0.0]]), labels=np.array([1]))
    >>> vjp(residuals, np.array(1.0))[0]
    array([[ 0.5, -0.5]])
    """
    log_softmax, wanted, divisor = residuals.log_softmax, residuals.wanted, residuals.divisor
    rows = (len(wanted), *wanted.shape[2:])
    require_cotangent(y_bar, rows if divisor is None else (), residuals.dtype)
    of_rows = y_bar.astype(wanted.dtype)
    of_rows = of_rows[:, None] if divisor is None else of_rows / divisor
    x_bar = (np.exp(log_softmax) * wanted.sum(axis=1, keepdims=True) - wanted) * of_rows
    counts = (wanted != 0).any(axis=1, keepdims=True)
    return (np.where(counts, x_bar, 0).astype(residuals.dtype, copy=False),)


def _require(
    x: Array,
    labels: Array,
    weight: Array | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> None:
    require_float(DTYPES, x=x, weight=weight)
    if x.ndim < 2 or x.shape[1] < 1:
        raise ValueError(f"x.shape={x.shape}: must be (n, classes, *size) with at least one class")
    rows, classes = (len(x), *x.shape[2:]), x.shape[1]
    if labels.shape != rows or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels: got {labels.dtype} of shape {labels.shape}, must be integers of shape "
            f"{rows}, one for each row of x"
        )
    known = labels[labels != ignore_index]
    if known.size and not 0 <= known.min() <= known.max() < classes:
        raise ValueError(
            f"labels from {known.min()} to {known.max()}: must lie in range({classes}), or be "
            f"ignore_index={ignore_index}"
        )
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"weight.shape={weight.shape}: must be (classes,) = {(classes,)}")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction={reduction!r}: must be 'mean', 'sum' or 'none'")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing={label_smoothing}: must lie between 0 and 1")
