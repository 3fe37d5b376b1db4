"""What code returned, by name: a tuple, a dictionary, or a bare array for one result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bpcheck.adapters.names import gradient_of
from bpcheck.errors import UsageError
from bpcheck.operations import Operation


def by_name(value: Any, names: Sequence[str], *, who: str) -> dict[str, Any]:
    """The parts of a returned value by the names that were declared for them.

    Raises
    ------
    TypeError
        If it has not as many; the contract tells it as the code's own.

    Examples
    --------
    >>> by_name((1, 2), ("dx", "dw"), who="backward"), by_name(3, ("dx",), who="backward")
    ({'dx': 1, 'dw': 2}, {'dx': 3})
    >>> by_name({"dw": 2, "dx": 1}, ("dx", "dw"), who="backward")
    {'dx': 1, 'dw': 2}
    """
    if isinstance(value, Mapping):
        missing = [name for name in names if name not in value]
        if missing:
            raise TypeError(f"{who} returned a dictionary without {', '.join(missing)}")
        return {name: value[name] for name in names}
    if len(names) == 1 and not isinstance(value, tuple | list):
        return {names[0]: value}
    if not isinstance(value, tuple | list):
        kind = type(value).__name__
        raise TypeError(f"{who} returned a {kind} where {', '.join(names)} were expected")
    if len(value) != len(names):
        raise TypeError(
            f"{who} returned {len(value)} values where {len(names)} were expected: "
            f"{', '.join(names)}"
        )
    return dict(zip(names, value, strict=True))


def gradients_by_operand(
    value: Any, names: Sequence[str], operation: Operation, *, who: str
) -> dict[str, Any]:
    """Gradients by operand, of what a backward returned under these names; others are left out."""
    if isinstance(value, Mapping) and not all(name in value for name in names):
        # Its keys are names of gradients too, of the same vocabulary.
        keys = {gradient_of(str(key), operation): key for key in value}
        own = {name: keys.get(gradient_of(name, operation)) for name in names}
        value = {name: value[key] for name, key in own.items() if key is not None}
    found = by_name(value, names, who=who)
    operands = {name: gradient_of(name, operation) for name in names}
    return {operand: found[name] for name, operand in operands.items() if operand is not None}


def gradient_names(names: Sequence[str], operation: Operation, *, word: str) -> tuple[str, ...]:
    """Those names, or the usual ones; at least one must be that of an operand's gradient.

    Raises
    ------
    UsageError
        If none is.
    """
    if not names:
        return tuple(f"d{operand}" for operand in operation.operands)
    if not any(gradient_of(name, operation) for name in names):
        wanted = ", ".join(f"d{operand}" for operand in operation.operands)
        raise UsageError(
            f"{word} returns {', '.join(names)}: none of them names a gradient; write {wanted}"
        )
    return tuple(names)
