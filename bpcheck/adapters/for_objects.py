"""Objects as subjects: `layer` and `tensor` of `bpcheck.adapters`."""

from __future__ import annotations

from typing import Any

from bpcheck.adapters.functions import Function
from bpcheck.adapters.layers import layers_subject
from bpcheck.adapters.presets import PRESETS, in_words
from bpcheck.adapters.tensors import tensors_subject
from bpcheck.operations import Operation, as_operation
from bpcheck.subject import Subject


def layer(
    cls: Any,
    *,
    operation: Operation | str,
    name: str | None = None,
    preset: str = "layer",
    **words: Any,
) -> Subject:
    """A class of layer objects as a subject; each forward gets a new instance.

    Parameters
    ----------
    cls
        The class. Its constructor takes the weights, or makes its own, which are then replaced.
    operation
        What it promises to compute, or the name of that.
    name
        How reports call it; by default the name of the class.
    preset
        ``"layer"`` or ``"saito"``.
    words
        ``make``: the constructor's call, or a function that makes a layer; ``call`` and ``back``:
        the calls of its methods; ``weights`` and ``grads``: the places of the weights and of their
        gradients, as ``("W", "b")`` or ``("params['W']", "params['b']")``; ``rate``: the place of
        the learning rate of a layer that updates itself, if its backward is not passed one; and
        those of `bpcheck.adapters.declaration.Declaration`.

    Returns
    -------
    Subject
        Where a backward takes a learning rate and no ``grads`` are declared, the gradients are what
        the update took away, with a rate so large a power of two that no bit of them is lost.

    Raises
    ------
    UsageError
        For a word that cannot be understood.
    TargetError
        If it cannot be told how a layer is made or called.

    Examples
    --------
    >>> import numpy as np
    >>> class Pool:
    ...     def __init__(self, pool_size):
    ...         self.size = pool_size
    ...
    ...     def forward(self, x):
    ...         return x.reshape(*x.shape[:2], -1, self.size).mean(-1)
    ...
    ...     def backward(self, dout):
    ...         return np.repeat(dout / self.size, self.size, axis=-1)
    >>> subject = layer(Pool, operation="avg_pool1d", ints=True)
    >>> y, residuals = subject.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> subject.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    operation, given = as_operation(operation), in_words(words)
    if preset in PRESETS:
        given = PRESETS[preset].words(operation, given)
    name = name or str(getattr(cls, "__name__", "layer"))
    return layers_subject(cls, operation=operation, name=name, style=preset, words=given)


def tensor(
    fn: Function,
    *,
    to: Function,
    operation: Operation | str,
    name: str | None = None,
    **words: Any,
) -> Subject:
    """A function on the tensors of a NumPy engine, which have ``.backward(dout)`` and ``.grad``.

    Parameters
    ----------
    fn
        ``fn(x, w, b, ...) -> y`` on tensors.
    to
        Makes a tensor of an array: the engine's class.
    operation, name
        As for `pair`.
    words
        ``call``: how `fn` is called; ``back``: the call of the result's method, by default
        ``backward(dy)`` (``backward(to(dy))`` for an engine that wants a tensor there, and
        ``backward()`` for one that begins from what lies in the result's ``grad``); ``value``
        and ``grad``: where a tensor keeps its numbers and its gradient, by default ``data`` and
        ``grad``; and those of `bpcheck.adapters.declaration.Declaration`.

    Returns
    -------
    Subject
        It claims one backward for each forward: such graphs add up gradients.

    Raises
    ------
    UsageError, TargetError
        As for `pair`.

    Examples
    --------
    >>> import numpy as np
    >>> class Tensor:
    ...     def __init__(self, data):
    ...         self.data = data
    >>> def pool(x, kernel_size):
    ...     y = Tensor(x.data.reshape(*x.data.shape[:2], -1, kernel_size).mean(-1))
    ...
    ...     def backward(dout):
    ...         x.grad = np.repeat(dout / kernel_size, kernel_size, axis=-1)
    ...
    ...     y.backward = backward
    ...     return y
    >>> subject = tensor(pool, to=Tensor, operation="avg_pool1d", ints=True)
    >>> y, residuals = subject.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> subject.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    name = name or str(getattr(fn, "__name__", "subject"))
    given = in_words(words)
    return tensors_subject(fn, to, operation=as_operation(operation), name=name, words=given)
