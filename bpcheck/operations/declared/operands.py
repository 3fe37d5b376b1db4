"""The operands of a declared operation, read from one line: ``"x: *batch c, weight: c?"``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bpcheck.errors import OperationError
from bpcheck.operations.declared.expressions import Expression
from bpcheck.operations.promises import Shape

_DIMENSION = re.compile(r"\*\w+|\w+|\([^()]*(?:\([^()]*\)[^()]*)*\)|\S")


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand.

    Parameters
    ----------
    name
        Its name.
    dimensions
        The size of each axis, those of a group of leading axes left out.
    leading
        The name of the group of leading axes that it begins with; empty for none.
    is_optional
        Whether it may be ``None``.
    """

    name: str
    dimensions: tuple[Expression, ...]
    leading: str = ""
    is_optional: bool = False

    def shape(self, sizes: Mapping[str, int], leading: Mapping[str, Shape]) -> Shape:
        """Its shape where the axes have these sizes."""
        before = leading[self.leading] if self.leading else ()
        return (*before, *(each.of(sizes) for each in self.dimensions))


def operands_from(text: str) -> tuple[Operand, ...]:
    """The operands that a line declares.

    Raises
    ------
    OperationError
        Where it is no such line: the message says what stands there and what is allowed.

    Examples
    --------
    >>> for each in operands_from("x: *batch c, w: (g*co) ci k?"):
    ...     print(each.name, each.leading, [str(d.text) for d in each.dimensions], each.is_optional)
    x batch ['c'] False
    w  ['(g*co)', 'ci', 'k'] True
    """
    found = tuple(_operand(part) for part in _parts(text))
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice or not found:
        what = f"{twice} is declared twice" if twice else "no operand is declared"
        raise OperationError(f"operands={text!r}: {what}")
    return found


def axes_of(operands: Sequence[Operand]) -> tuple[str, ...]:
    """Names of all axes, in the order in which they first occur."""
    every = (name for each in operands for size in each.dimensions for name in size.names)
    return tuple(dict.fromkeys(every))


def leading_of(operands: Sequence[Operand]) -> tuple[str, ...]:
    """Names of the groups of leading axes."""
    return tuple(dict.fromkeys(each.leading for each in operands if each.leading))


def _parts(text: str) -> list[str]:
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part for part in parts if part.strip()]


def _operand(part: str) -> Operand:
    name, colon, sizes = (each.strip() for each in part.partition(":"))
    if not colon or not name.isidentifier():
        raise OperationError(
            f"{part.strip()!r}: an operand is declared as its name, a colon and its axes, such as "
            "x: n c"
        )
    is_optional = sizes.endswith("?")
    found = _DIMENSION.findall(sizes.removesuffix("?"))
    leading = ""
    if found and found[0].startswith("*"):
        leading = found.pop(0)[1:]
    starred = next((each for each in found if each.startswith("*")), "")
    if starred:
        raise OperationError(f"{part.strip()!r}: {starred} must stand first")
    return Operand(name, tuple(map(Expression, found)), leading, is_optional)
