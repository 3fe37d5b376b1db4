"""Functions as subjects: `pair` and `stateless` of `bpcheck.adapters`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpcheck.adapters.functions import Function, functions_subject
from bpcheck.adapters.presets import PRESETS, in_words
from bpcheck.operations import Operation, as_operation
from bpcheck.subject import Subject


def pair(
    forward: Function,
    backward: Function,
    *,
    operation: Operation | str,
    name: str | None = None,
    preset: str = "pair",
    **words: Any,
) -> Subject:
    """Two functions with a cache between them as a subject.

    Parameters
    ----------
    forward
        ``forward(x, w, b, ...) -> (y, cache)``, with params as it likes them.
    backward
        ``backward(dout, cache) -> (dx, dw, db)``.
    operation
        What they promise to compute, or the name of that.
    name
        How reports call them; by default the forward's name.
    preset
        ``"pair"``, ``"cs231n"`` or ``"coursera"``: what is declared unless `words` say otherwise.
    words
        What the code does differently: ``forward=`` and ``backward=`` are the calls as they are
        written; the others are those of `bpcheck.adapters.declaration.Declaration`. In the place of
        the keyword ``forward`` write `call`, and of ``backward``, `back`.

    Returns
    -------
    Subject
        In cases that the declaration leaves out, it raises `Unsupported`.

    Raises
    ------
    UsageError
        For a word that cannot be understood.
    TargetError
        If it cannot be told how a function is called.

    Examples
    --------
    >>> import numpy as np
    >>> def pool_forward(x, params):
    ...     return x.reshape(*x.shape[:2], -1, params["f"]).max(-1), x
    >>> def pool_backward(dout, cache): ...
    >>> pool = pair(pool_forward, pool_backward, operation="max_pool1d", call="x, {'f': k}")
    >>> pool.forward(np.array([[[1.0, 3.0, 2.0, 0.0]]]), kernel_size=(2,), stride=(2,))[0]
    array([[[3., 2.]]])
    """
    return _functions(forward, backward, operation, name, preset, "y cache", words)


def stateless(
    forward: Function,
    *backwards: Function,
    operation: Operation | str,
    name: str | None = None,
    **words: Any,
) -> Subject:
    """Functions that keep nothing: a backward gets the operands again.

    Parameters
    ----------
    forward
        ``forward(x, w, b, ...) -> y``.
    backwards
        One function that returns all gradients, or one for each.
    operation, name
        As for `pair`.
    words
        As for `pair`; `back` may be a list, with the call of each backward.

    Raises
    ------
    UsageError, TargetError
        As for `pair`.

    Examples
    --------
    >>> import numpy as np
    >>> def pool(x, k):
    ...     return x.reshape(*x.shape[:2], -1, k).mean(-1)
    >>> def grad_x(dy, k, x_shape):
    ...     return np.repeat(dy / k, k, axis=-1)
    >>> subject = stateless(pool, grad_x, operation="avg_pool1d")
    >>> y, residuals = subject.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> subject.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    return _functions(forward, backwards, operation, name, "stateless", "y", words)


def _functions(
    forward: Function,
    backwards: Function | tuple[Function, ...],
    operation: Operation | str,
    name: str | None,
    preset: str,
    returns: str,
    words: Mapping[str, Any],
) -> Subject:
    given = in_words(words)
    operation = as_operation(operation)
    if preset in PRESETS:
        given = PRESETS[preset].words(operation, given)
    return functions_subject(
        forward,
        backwards,
        holder=forward,
        operation=operation,
        name=name or str(getattr(forward, "__name__", "subject")),
        style=preset,
        words=given,
        returns=returns,
    )
