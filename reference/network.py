"""A small CNN: (conv, activation, pool) twice, linear, softmax cross-entropy; its vjp chained."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from reference import block, cross_entropy, linear
from reference.operands import DTYPES, Array

__all__ = ["DTYPES", "OPERATIONS", "Residuals", "forward", "vjp"]

OPERATIONS = ("network",)


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the residuals of every layer, from the input to the loss."""

    first: block.Residuals
    second: block.Residuals
    pooled_shape: tuple[int, ...]
    linear: linear.Residuals
    loss: cross_entropy.Residuals


def forward(
    x: Array,
    w1: Array,
    b1: Array | None,
    w2: Array,
    b2: Array | None,
    w3: Array,
    b3: Array | None,
    *,
    labels: Array,
    activation: str,
    pool: str,
    stride: tuple[Any, Any],
    padding: tuple[Any, Any],
    pool_size: tuple[Any, Any],
) -> tuple[Array, Residuals]:
    r"""Return the loss of the network on a batch.

    Parameters
    ----------
    x
        Input, (n, c0, \*size), with 1, 2 or 3 sizes.
    w1, b1, w2, b2
        Kernels (c1, c0, \*kernel), (c2, c1, \*kernel) and biases (c1,), (c2,) of the
        convolutions; each bias may be None.
    w3, b3
        Weights (classes, features) and bias (classes,) of the linear layer, over the second pool's
        output flattened in C order: channels, then the plane.
    labels
        The right class of each sample, (n,), int64.
    activation
        "sigmoid", "tanh", "relu" or "identity", of both convolutions.
    pool
        "max" or "avg", after both activations.
    stride, padding
        A pair each: those of the first convolution and of the second.
    pool_size
        A pair: the window of the first pool and of the second. The windows tile: the stride is the
        window.

    Returns
    -------
    loss, residuals
        A 0-d array, and what `vjp` needs.

    Raises
    ------
    ValueError
        When a name is not known, or a layer's operands or parameters do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.ones((2, 1, 6, 6))
    >>> w1, w2, w3 = np.ones((3, 1, 3, 3)), np.ones((4, 3, 2, 2)), np.ones((5, 4))
    >>> loss, residuals = forward(
    ...     x,
    ...     w1,
    ...     None,
    ...     w2,
    ...     None,
    ...     w3,
    ...     None,
    ...     labels=np.array([0, 3]),
    ...     activation="tanh",
    ...     pool="avg",
    ...     stride=(1, 1),
    ...     padding=(0, 0),
    ...     pool_size=((2, 2), (1, 1)),
    ... )
    >>> print(round(float(loss), 6))  # five equal logits: log(5)
    1.609438
    """
    pairs: dict[str, Any] = {"stride": stride, "padding": padding, "pool_size": pool_size}
    for name, pair in pairs.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(f"{name}={pair!r}: must be a pair, one for each of the two blocks")
    y, of_first = block.forward(
        x,
        w1,
        b1,
        activation=activation,
        pool=pool,
        stride=stride[0],
        padding=padding[0],
        pool_size=pool_size[0],
    )
    y, of_second = block.forward(
        y,
        w2,
        b2,
        activation=activation,
        pool=pool,
        stride=stride[1],
        padding=padding[1],
        pool_size=pool_size[1],
    )
    logits, of_linear = linear.forward(y.reshape(len(y), prod(y.shape[1:])), w3, b3)
    loss, of_loss = cross_entropy.forward(logits, labels=labels)
    return loss, Residuals(of_first, of_second, y.shape, of_linear, of_loss)


def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array | None, ...]:
    """Return ``(x_bar, w1_bar, b1_bar, w2_bar, b2_bar, w3_bar, b3_bar)``, shaped as the operands.

    The derivative of a chain is the product of the layers' derivatives, and its transpose is the
    product of their transposes in the opposite order: so the vjps run from the loss to the input,
    each taking the cotangent of its output from the layer above and handing the cotangent of its
    input to the layer below.

    1. Softmax and cross-entropy together give the delta of the logits, ``softmax - onehot``.
    2. The linear layer sends it back through its weights; the flattened features take the shape of
       the plane again, which moves no number.
    3. A pool has no weights: its vjp *upsamples* the cotangent to the plane below. Averaging
       shares it out, and a maximum hands it to the winner. Its delta is that of its output; it has
       no activation of its own, so no ``f'`` appears here.
    4. The activation multiplies by its derivative: ``delta = f'(z) * upsampled``. Without an
       activation the factor is 1, and the upsampled cotangent is the convolution's delta as it is.
    5. The convolution correlates its input with this delta for ``w_bar``, sums it over the plane
       for ``b_bar``, and sends it to the layer below by the full convolution with the rotated
       kernel.

    Parameters
    ----------
    residuals
        What `forward` returned.
    y_bar
        Cotangent of the loss, a 0-d array.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> w1, w2, w3 = np.ones((1, 1, 1)), np.ones((1, 1, 1)), np.array([[1.0], [0.0]])
    >>> loss, residuals = forward(
    ...     np.zeros((1, 1, 2)),
    ...     w1,
    ...     None,
    ...     w2,
    ...     None,
    ...     w3,
    ...     None,
    ...     labels=np.array([0]),
    ...     activation="identity",
    ...     pool="avg",
    ...     stride=(1, 1),
    ...     padding=(0, 0),
    ...     pool_size=(2, 1),
    ... )
    >>> vjp(residuals, np.array(1.0))[0]  # the logit's delta is -1/2, shared by two cells
    array([[[-0.25, -0.25]]])
    """
    (delta,) = cross_entropy.vjp(residuals.loss, y_bar)
    delta, w3_bar, b3_bar = linear.vjp(residuals.linear, delta)
    delta = delta.reshape(residuals.pooled_shape)
    delta, w2_bar, b2_bar = block.vjp(residuals.second, delta)
    x_bar, w1_bar, b1_bar = block.vjp(residuals.first, delta)
    return x_bar, w1_bar, b1_bar, w2_bar, b2_bar, w3_bar, b3_bar
