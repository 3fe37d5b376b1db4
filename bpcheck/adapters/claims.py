"""What a user's code claims of itself: dtypes, operations, and which cases it supports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS
from bpcheck.claims import DEFAULT_DTYPES, Claims
from bpcheck.errors import TargetError
from bpcheck.operations import Operation

_SHORT = {each.short: name for name, each in FORMATS.items()}


def dtype_name(value: Any) -> str | None:
    """NumPy's name of a dtype given by name, short name, NumPy dtype or torch dtype.

    Examples
    --------
    >>> dtype_name("f32"), dtype_name(np.float64), dtype_name("int8")
    ('float32', 'float64', None)
    """
    if isinstance(value, str):
        name = value
    elif type(value).__module__ == "torch":
        name = str(value).removeprefix("torch.")
    else:
        try:
            name = np.dtype(value).name
        except TypeError:
            return None
    name = _SHORT.get(name, name)
    return name if name in FORMATS else None


def dtype_names(values: Any, *, origin: str) -> tuple[str, ...]:
    """The names of claimed dtypes; `origin` says in a `TargetError` whose claim it is."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TargetError(
            f"{origin}: the dtypes are {values!r}; give a tuple of names, such as ('float32',)"
        )
    values = tuple(values)
    names = tuple(dtype_name(value) for value in values)
    unknown = [value for value, name in zip(values, names, strict=True) if name is None]
    if unknown or not names:
        what = f"{unknown[0]!r} is not a dtype that can be checked" if unknown else "no dtype"
        raise TargetError(f"{origin}: the dtypes hold {what}; choose from {', '.join(FORMATS)}")
    return tuple(name for name in dict.fromkeys(names) if name is not None)


def claims_of(
    target: Any, *, operation: Operation, origin: str, dtypes: tuple[str, ...] = DEFAULT_DTYPES
) -> Claims:
    """What `target` states in its attributes.

    These are ``DTYPES`` (or ``dtypes``; without them, the argument holds), ``supports``,
    ``OPERATIONS``, ``TORCH_TIES`` (whether ties are claimed to be broken as torch does),
    ``ACCUMULATES`` (the dtype in which narrower operands are claimed to be added up) and
    ``SINGLE_USE`` (whether residuals serve one vjp only).

    Raises
    ------
    TargetError
        If a claim cannot be understood, or leaves out the operation that was asked for.
    """
    operations = getattr(target, "OPERATIONS", None)
    if isinstance(operations, list | tuple | set | frozenset) and not _names(operation, operations):
        raise TargetError(
            f"{origin} does not claim {operation}: its OPERATIONS are {operations!r}; "
            "check one of those, or add it there"
        )
    claimed = getattr(target, "DTYPES", getattr(target, "dtypes", None))
    supports = getattr(target, "supports", None)
    if supports is not None and not callable(supports):
        raise TargetError(
            f"{origin}: supports is {supports!r}; it must be a function "
            "supports(params, shapes) -> bool, or absent"
        )
    wide = getattr(target, "ACCUMULATES", None)
    return Claims(
        operations=tuple(operations) if isinstance(operations, list | tuple) else (),
        dtypes=dtypes if claimed is None else dtype_names(claimed, origin=origin),
        supports=supports,
        torch_ties=bool(getattr(target, "TORCH_TIES", False)),
        single_use=bool(getattr(target, "SINGLE_USE", False)),
        accumulates=None if wide is None else dtype_names((wide,), origin=origin)[0],
    )


def _names(operation: Operation, operations: Iterable[Any]) -> bool:
    """Whether these names, or operations, name this one."""
    return any(each in (operation.name, operation.address, operation) for each in operations)
