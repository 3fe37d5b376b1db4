"""What a person says of an operation of his own, checked and taken apart."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bpcheck.errors import OperationError
from bpcheck.operations.declared.levels import Param, Whole, levels_of, param_from
from bpcheck.operations.declared.operands import Operand, axes_of, leading_of, operands_from
from bpcheck.operations.declared.sizes import ANY_SIZE


@dataclass(frozen=True, eq=False)
class Declaration:
    """The parts of a declaration; see `bpcheck.operation`."""

    reference: Callable[..., Any]
    operands: tuple[Operand, ...]
    sizes: Mapping[str, Whole]
    params: tuple[Param, ...]
    constants: tuple[str, ...] = ()
    where: Callable[..., Any] | None = None
    draw: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of all axes of operands, but for leading ones."""
        return axes_of(self.operands)

    @property
    def leading(self) -> tuple[str, ...]:
        """Names of the groups of leading axes."""
        return leading_of(self.operands)

    @property
    def differentiable(self) -> tuple[Operand, ...]:
        """The operands that have gradients."""
        return tuple(each for each in self.operands if each.name not in self.constants)

    def size(self, axis: str) -> Whole:
        """What sizes an axis may have."""
        return self.sizes.get(axis, ANY_SIZE)


def declaration_of(
    reference: Callable[..., Any],
    operands: str,
    *,
    sizes: Mapping[str, Any],
    params: Mapping[str, Any],
    where: Callable[..., Any] | None,
    draw: Mapping[str, Callable[..., Any]],
    constant: Sequence[str],
) -> Declaration:
    """The declaration that these arguments of `bpcheck.operation` make.

    Raises
    ------
    OperationError
        Where they contradict one another or the reference's signature.
    """
    found = operands_from(operands)
    names = [each.name for each in found]
    axes = axes_of(found)
    constants = (constant,) if isinstance(constant, str) else tuple(constant)
    for what, given, known in (
        ("constant", constants, names),
        ("draw", draw, names),
        ("sizes", sizes, axes),
    ):
        unknown = [each for each in given if each not in known]
        if unknown:
            raise OperationError(f"{what}: {unknown[0]} is none of {', '.join(known)}")
    if set(constants) >= set(names):
        raise OperationError("constant: one operand at least must have a gradient")
    _require_taken(reference, names, params)
    return Declaration(
        reference=reference,
        operands=found,
        sizes={axis: _size(axis, given) for axis, given in sizes.items()},
        params=tuple(param_from(name, given, axes) for name, given in params.items()),
        constants=constants,
        where=where,
        draw=dict(draw),
    )


def _size(axis: str, given: Any) -> Whole:
    if isinstance(given, int):
        given = range(given, given + 1)
    if isinstance(given, list | tuple) and given and all(isinstance(each, int) for each in given):
        levels: Any = Whole(min(given), max(given) + 1, only=tuple(given))
    else:
        levels = levels_of(given) if isinstance(given, range) else None
    if not isinstance(levels, Whole) or levels.start < 0:
        raise OperationError(
            f"sizes: {axis}={given!r}: a range of sizes was expected, such as range(1, 65), a list "
            "of them, or one"
        )
    return levels


def _require_taken(
    reference: Callable[..., Any], names: Sequence[str], params: Mapping[str, Any]
) -> None:
    """Raise `OperationError` where the reference has no place for what it would be given."""
    try:
        signature = inspect.signature(reference)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*names, **params)
    except TypeError as error:
        raise OperationError(
            f"{getattr(reference, '__name__', reference)}{signature}: it is called with the "
            f"operands {', '.join(names)} by position and {', '.join(params) or 'no params'} by "
            f"keyword ({error})"
        ) from None
