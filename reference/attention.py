"""Scaled dot-product attention: forward, and the vjp of queries, keys and values."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from reference.operands import WITH_BFLOAT16 as DTYPES
from reference.operands import Array, accumulator, require_cotangent, require_float

__all__ = ["DTYPES", "Residuals", "forward", "vjp"]


@dataclass(frozen=True, slots=True)
class Residuals:
    r"""What the vjp needs: the operands, and the weights with which values were averaged.

    Attributes
    ----------
    query, key, value
        The operands in the wide dtype.
    weights
        The softmax of the scores, (\*batch, l, s): 0 where the mask forbids.
    scale
        What the products of queries and keys were multiplied by.
    """

    query: Array
    key: Array
    value: Array
    weights: Array
    scale: float
    dtype: np.dtype[Any]


# Infinite scores have no softmax: NaN by definition.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def forward(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
) -> tuple[Array, Residuals]:
    r"""Return ``y = softmax(scale * query key^T + mask) value``.

    Every query looks at all keys, weighs them by a softmax of its products with them, and takes the
    mean of their values with these weights.

    Parameters
    ----------
    query
        (\*batch, l, e), with any leading axes, of one of the `DTYPES`.
    key, value
        (\*batch, s, e) and (\*batch, s, v), with the leading axes of the query, of its dtype.
    mask
        What broadcasts to (\*batch, l, s), or None. Of bool: which keys a query may look at. Of the
        query's dtype: what is added to the scores, with -inf for what it may not look at. It is a
        constant, which has no gradient.
    is_causal
        Whether query ``i`` sees the keys ``0`` to ``i`` only: both are counted from the first, of
        however unequal lengths they are.
    scale
        None is ``1 / sqrt(e)``, which keeps the variance of the products at 1.

    Returns
    -------
    y, residuals
        Output, (\*batch, l, v), and what `vjp` needs. A query that may not look at any key gets 0.

    Raises
    ------
    ValueError
        When a shape or a dtype does not fit, or a mask is given to a causal attention.

    Examples
    --------
    The first query sees the first key alone, and the second weighs two equal products:

    >>> query, key, value = np.zeros((2, 1)), np.zeros((2, 1)), np.array([[2.0], [4.0]])
    >>> forward(query, key, value, is_causal=True)[0]
    array([[2.],
           [3.]])
    """
    scores_shape = _scores_shape(query, key, value)
    allowed, added = _mask(mask, scores_shape, query.dtype, is_causal=is_causal)
    dtype, wide = query.dtype, accumulator(query.dtype)
    query, key, value = (each.astype(wide) for each in (query, key, value))
    scale = 1 / sqrt(query.shape[-1]) if scale is None else float(scale)
    scores = np.matmul(query, key.swapaxes(-1, -2)) * wide.type(scale)
    if added is not None:
        scores = scores + added.astype(wide, copy=False)
    if allowed is not None:
        scores = np.where(allowed, scores, wide.type(-np.inf))
    weights = _softmax(scores)
    y = np.matmul(weights, value).astype(dtype, copy=False)
    return y, Residuals(query, key, value, weights, scale, dtype)


@np.errstate(over="ignore", invalid="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array, Array, Array]:
    r"""Return ``query_bar``, ``key_bar`` and ``value_bar``, shaped as the operands.

    With ``Z = scale Q K^T`` (and the mask), ``P = softmax(Z)`` and ``Y = P V``, the chain rule goes
    back through the three of them.

    **value_bar.** ``Y`` is linear in ``V``. From ``<y_bar, P U> = <P^T y_bar, U>`` follows
    ``value_bar = P^T y_bar``: a value collects the cotangents of all queries that looked at it, by
    the weights with which they did. In the same way ``P_bar = y_bar V^T``.

    **Z_bar.** A row ``p`` of ``P`` is ``exp(z) / sum(exp(z))``. Numerator and denominator both move
    with ``z``: a change ``u`` of it changes ``p`` by ``p u - p sum(p u)``. That linear map is
    symmetric, so ``z_bar = p (p_bar - sum(p p_bar))``. The sum is what the softmax takes back, for
    the weights of a row always add up to 1; the cells of ``z_bar`` add up to 0. A masked cell has
    ``p = 0``, and so ``z_bar = 0``: nothing goes back to a key that the query did not see, and
    nothing at all to a query without keys.

    **query_bar, key_bar.** ``Z`` is bilinear. From ``<Z_bar, scale U K^T> = <scale Z_bar K, U>``
    follows ``query_bar = scale Z_bar K``, and from ``<Z_bar, scale Q U^T> = <scale Z_bar^T Q, U>``
    ``key_bar = scale Z_bar^T Q``. The scale is in both, the mask in neither: it was added.

    Parameters
    ----------
    residuals
        What `forward` returned.
    y_bar
        Cotangent of the output, (\*batch, l, v), of the operands' dtype.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.

    Examples
    --------
    A query of 0 weighs both keys by a half:

    >>> query, key, value = np.zeros((1, 1)), np.array([[1.0], [3.0]]), np.array([[2.0], [4.0]])
    >>> y, residuals = forward(query, key, value, scale=1.0)
    >>> query_bar, key_bar, value_bar = vjp(residuals, np.array([[1.0]]))
    >>> query_bar, value_bar.ravel()
    (array([[1.]]), array([0.5, 0.5]))
    """
    query, key, value, weights = residuals.query, residuals.key, residuals.value, residuals.weights
    shape = (*weights.shape[:-1], value.shape[-1])
    require_cotangent(y_bar, shape, residuals.dtype)
    delta = y_bar.astype(weights.dtype, copy=False)
    value_bar = np.matmul(weights.swapaxes(-1, -2), delta)
    weights_bar = np.matmul(delta, value.swapaxes(-1, -2))
    taken_back = (weights * weights_bar).sum(axis=-1, keepdims=True)
    scores_bar = weights * (weights_bar - taken_back) * weights.dtype.type(residuals.scale)
    query_bar = np.matmul(scores_bar, key)
    key_bar = np.matmul(scores_bar.swapaxes(-1, -2), query)
    narrow = (each.astype(y_bar.dtype, copy=False) for each in (query_bar, key_bar, value_bar))
    query_bar, key_bar, value_bar = narrow
    return query_bar, key_bar, value_bar


def _softmax(scores: Array) -> Array:
    """Rows that add up to 1; one of -inf alone, or of no cell, is 0."""
    largest = scores.max(axis=-1, keepdims=True, initial=-np.inf)
    # -inf less -inf is NaN, so that a row without a key is left as it is.
    exponentials = np.exp(scores - np.where(np.isneginf(largest), 0, largest))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def _scores_shape(query: Array, key: Array, value: Array) -> tuple[int, ...]:
    require_float(DTYPES, query=query, key=key, value=value)
    if min(query.ndim, key.ndim, value.ndim) < 2 or query.shape[-1] < 1:
        raise ValueError(
            f"query.shape={query.shape}, key.shape={key.shape}, value.shape={value.shape}: must be "
            f"(*batch, l, e), (*batch, s, e) and (*batch, s, v) with e at least 1"
        )
    if key.shape != (*query.shape[:-2], key.shape[-2], query.shape[-1]):
        raise ValueError(
            f"key.shape={key.shape}: must be (*batch, s, e) with *batch and e of the query "
            f"{query.shape}"
        )
    if value.shape[:-1] != key.shape[:-1]:
        raise ValueError(
            f"value.shape={value.shape}: must be (*batch, s, v) with *batch and s of the key "
            f"{key.shape}"
        )
    return (*query.shape[:-1], key.shape[-2])


def _mask(
    mask: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any], *, is_causal: bool
) -> tuple[Array | None, Array | None]:
    """Which scores count, and what is added to them; None where there is nothing to do."""
    if is_causal:
        if mask is not None:
            raise ValueError("is_causal=True: must come without a mask; put it into the mask")
        return np.tri(*shape[-2:], dtype=np.bool_), None
    if mask is None:
        return None, None
    if np.broadcast_shapes(mask.shape, shape) != shape:
        raise ValueError(f"mask.shape={mask.shape}: must broadcast to (*batch, l, s) = {shape}")
    if mask.dtype == np.bool_:
        return mask, None
    if mask.dtype != dtype:
        raise ValueError(f"mask.dtype={mask.dtype}: must be bool or that of the query, {dtype}")
    return None, mask
