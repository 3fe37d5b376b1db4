"""What an operation and a fault of it are here: kernels on NumPy arrays, right and wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Forward = Callable[..., tuple[Any, Any]]
Vjp = Callable[[Any, Any], tuple[Any, ...]]

#: Operands in float64 or integers, and params.
Example = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """One operation, with a right kernel.

    Parameters
    ----------
    name
        As torch calls it, where it does.
    reference
        The operation on torch tensors: operands by position, params by keyword.
    forward, vjp
        A right kernel on NumPy arrays, ``forward(*operands, **params) -> (y, residuals)`` and
        ``vjp(residuals, y_bar)``, which returns a gradient for each differentiable operand.
    examples
        Plain cases: operands and params.
    constant
        Operands that have no gradient: labels, masks, tables.
    """

    name: str
    reference: Callable[..., Any]
    forward: Forward
    vjp: Vjp
    examples: Callable[[], tuple[Example, ...]]
    constant: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fault:
    """One mistake in a kernel of an operation, which somebody made.

    Parameters
    ----------
    name
        In kebab-case, unique.
    operation
        The name of the operation.
    source
        The report of a library that shipped this mistake or a sibling of it, somebody who fell for
        it, or the rule that it breaks.
    why
        What is wrong, and when it shows.
    forward, vjp
        The wrong kernel.
    dtype
        One in which it shows on the plain cases.
    """

    name: str
    operation: str
    source: str
    why: str
    forward: Forward
    vjp: Vjp
    dtype: str = "float64"


def github(page: str) -> str:
    """``owner/name#number``, or ``owner/name!number`` of a pull request, as an address.

    >>> github("pytorch/pytorch#964")
    'https://github.com/pytorch/pytorch/issues/964'
    >>> github("larq/larq!707")
    'https://github.com/larq/larq/pull/707'
    """
    kind = "/pull/" if "!" in page else "/issues/"
    return "https://github.com/" + page.replace("!", "#").replace("#", kind)


@dataclass(frozen=True)
class Catalogue:
    """The faults of one operation, whose kernels are right where nothing else is given."""

    operation: Operation

    def fault(
        self,
        name: str,
        page: str,
        why: str,
        *,
        forward: Forward | None = None,
        vjp: Vjp | None = None,
        dtype: str = "float64",
        wide: bool = True,
    ) -> Fault:
        """A fault whose functions compute in a wide type, unless they are about a narrow one."""
        right = self.operation
        if wide:
            pair = widened(forward or right.forward, vjp or right.vjp)
        else:
            pair = forward or right.forward, vjp or right.vjp
        return Fault(name, right.name, github(page), why, *pair, dtype)


def widened(forward: Forward, vjp: Vjp) -> tuple[Forward, Vjp]:
    """A pair on float32 or float64 as one of any dtype, whose results have that of the operands."""

    def wide_forward(*operands: Any, **params: Any) -> tuple[Any, Any]:
        dtype = next(each.dtype for each in operands if _is_float(each))
        y, residuals = forward(*map(_wide, operands), **params)
        return _narrow(y, dtype), (residuals, dtype)

    def wide_vjp(residuals: Any, y_bar: Any) -> tuple[Any, ...]:
        inner, dtype = residuals
        bars = vjp(inner, tuple(map(_wide, y_bar)) if isinstance(y_bar, tuple) else _wide(y_bar))
        return tuple(_narrow(each, dtype) for each in bars)

    return wide_forward, wide_vjp


def draws(*seed: int) -> np.random.Generator:
    """The random numbers of an example."""
    return np.random.default_rng(seed)


def _is_float(operand: Any) -> bool:
    # NumPy takes bfloat16 for a kind of its own.
    return operand is not None and operand.dtype.kind in "fV"


def _wide(operand: Any) -> Any:
    if not _is_float(operand):
        return operand
    return operand.astype(np.promote_types(operand.dtype, np.float32))


def _narrow(result: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(result, tuple):
        return tuple(_narrow(each, dtype) for each in result)
    if result is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(result).astype(dtype)
