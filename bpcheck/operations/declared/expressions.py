"""Arithmetic with names of axes: what shapes, and params that follow from them, are given by."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from bpcheck.errors import OperationError

_OPERATORS: MappingProxyType[type[ast.operator], Callable[[int, int], int]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.FloorDiv: operator.floordiv,
    }
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A sum, difference, product or whole quotient of axes and whole numbers.

    Examples
    --------
    >>> size = Expression("(g*ci)")
    >>> size.names, size.of({"g": 2, "ci": 3})
    (('g', 'ci'), 6)
    """

    text: str

    def __post_init__(self) -> None:
        _checked(self.text, _parsed(self.text))

    @property
    def names(self) -> tuple[str, ...]:
        """The axes in it, each once, in their order."""
        return _names(self.text)

    @property
    def is_axis(self) -> bool:
        """Whether it is one axis and nothing else."""
        return self.text.isidentifier()

    def of(self, sizes: Mapping[str, int]) -> int:
        """Its value where the axes have these sizes."""
        return _value(_parsed(self.text), sizes)


# A plan asks for the sizes of a few axes hundreds of thousands of times.
@lru_cache(maxsize=1024)
def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise OperationError(
            f"{text!r}: a size is the name of an axis, a whole number, or arithmetic of those in "
            "parentheses, such as (g*ci)"
        ) from None


@lru_cache(maxsize=1024)
def _names(text: str) -> tuple[str, ...]:
    found = (each.id for each in ast.walk(_parsed(text)) if isinstance(each, ast.Name))
    return tuple(sorted(set(found), key=text.index))


def _checked(text: str, tree: ast.expr) -> None:
    match tree:
        case ast.Name() | ast.Constant(value=int()):
            return
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            _checked(text, left)
            _checked(text, right)
        case _:
            raise OperationError(
                f"{text!r}: sizes are made of names and whole numbers with + - * // alone"
            )


def _value(tree: ast.expr, sizes: Mapping[str, int]) -> int:
    match tree:
        case ast.Name(id=name):
            return sizes[name]
        case ast.Constant(value=int() as number):
            return number
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left, sizes), _value(right, sizes))
    raise AssertionError(ast.dump(tree))
