"""Operations that a person declares by a function on torch's tensors; the rest is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bpcheck.operations.declared.declaration import declaration_of
from bpcheck.operations.declared.declared import Declared
from bpcheck.operations.declared.draws import additive_masks, labels, masks, positive
from bpcheck.operations.declared.levels import between, each

__all__ = [
    "Declared",
    "additive_masks",
    "between",
    "each",
    "labels",
    "masks",
    "operation",
    "positive",
]


def operation(
    operands: str,
    *,
    sizes: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    where: Callable[..., Any] | None = None,
    draw: Mapping[str, Callable[..., Any]] | None = None,
    constant: Sequence[str] = (),
    name: str = "",
) -> Callable[[Callable[..., Any]], Declared]:
    """Make an operation of a function on torch's tensors: a decorator.

    Parameters
    ----------
    operands
        The function's positional arguments with their shapes, by named axes:
        ``"x: *batch c, weight: c?"``. A size is an axis, a whole number or arithmetic in
        parentheses, ``(g*ci)``; ``?`` marks an operand that may be ``None``; ``*batch`` stands for
        any leading axes.
    sizes
        For single axes: a range of sizes, a list of them, or one. By default 1 to 129.
    params
        The function's keyword arguments: a list of values; a range of whole numbers; `between` two
        real ones; `each` of those for so many dimensions; an expression of axes, ``"g"``; or a
        function of what it names (``lambda c: (c,)``).
    where
        Which sizes and params go together: a function of those that it names.
    draw
        For single operands: how their numbers are drawn, such as `labels`; a function of what it
        names among ``rng``, ``shape``, sizes and params.
    constant
        Operands without a gradient: labels, masks, weights of a loss.
    name
        What it is called; by default as the function.

    Returns
    -------
    Callable
        The decorator. The operation that it makes can be called as the function was.

    Raises
    ------
    OperationError
        Where the declaration contradicts itself or the function's signature.

    Examples
    --------
    >>> import torch
    >>> @operation("x: *batch c", params={"scale": [1.0, 2.0]})
    ... def softened(x, *, scale):
    ...     return torch.tanh(scale * x)
    >>> softened.operands, str(softened.found)
    (('x',), 'smooth')
    """

    def decorate(function: Callable[..., Any]) -> Declared:
        declaration = declaration_of(
            function,
            operands,
            sizes=sizes or {},
            params=params or {},
            where=where,
            draw=draw or {},
            constant=constant,
        )
        return Declared(declaration, name or str(getattr(function, "__name__", "operation")))

    return decorate
