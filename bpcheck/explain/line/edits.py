"""Small changes of one statement: what a slip of the pen may have been meant as."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import libcst as cst
from libcst.metadata import CodeRange

from bpcheck.explain.line.names import twins

#: Names and numbers that are tried in the place of another one, at most.
_NAMES = 12

#: Operators that are mistaken for each other.
_OPERATORS: Mapping[type[cst.CSTNode], tuple[str, ...]] = {
    cst.Add: ("-", "*"),
    cst.Subtract: ("+",),
    cst.Multiply: ("/", "+", "//"),
    cst.Divide: ("*", "//"),
    cst.FloorDivide: ("*", "%", "/"),
    cst.Modulo: ("//",),
    cst.LessThan: ("<=", ">", ">="),
    cst.LessThanEqual: ("<", ">=", "=="),
    cst.GreaterThan: (">=", "<", "<="),
    cst.GreaterThanEqual: (">", "<=", "=="),
    cst.Equal: ("!=", ">="),
    cst.NotEqual: ("==",),
    cst.AddAssign: ("=", "-="),
    cst.SubtractAssign: ("=", "+="),
    cst.MultiplyAssign: ("/=",),
    cst.DivideAssign: ("*=",),
    cst.And: ("or",),
    cst.Or: ("and",),
}


@dataclass(frozen=True, slots=True)
class Edit:
    """Texts in the place of what stands in some ranges of a source; plainer ones weigh less."""

    changes: tuple[tuple[CodeRange, str], ...]
    weight: int

    def applied(self, lines: Sequence[str]) -> list[str]:
        """The lines of the source with the change."""
        changed = list(lines)
        # From the end on, so that what stands before keeps its place.
        ordered = sorted(self.changes, key=lambda e: (e[0].start.line, e[0].start.column))
        for where, text in reversed(ordered):
            start, end = where.start, where.end
            head = changed[start.line - 1][: start.column]
            tail = changed[end.line - 1][end.column :]
            between = [""] * (end.line - start.line)
            changed[start.line - 1 : end.line] = [f"{head}{text}{tail}", *between]
        return changed


@dataclass(frozen=True, slots=True)
class Scope:
    """A statement among its names.

    `where` gives the range of each node, `names` those that the function knows.
    """

    where: Callable[[cst.CSTNode], CodeRange]
    names: frozenset[str]


def edits_of(statement: cst.CSTNode, scope: Scope) -> Iterator[Edit]:
    """The changes, each of one thing, in the order of the source."""
    nodes = list(_nodes(statement))
    for node in nodes:
        for kind, edit in _BY_KIND:
            if isinstance(node, kind):
                yield from edit(node, scope)
    yield from _exchanged(nodes, scope)
    yield from _scaled(nodes, scope)
    yield from _of_whole(statement, scope)


def _nodes(statement: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What belongs to a statement, but not the body of a loop or of a condition."""
    yield statement
    for child in statement.children:
        if not isinstance(child, cst.IndentedBlock | cst.Else | cst.SimpleStatementSuite):
            yield from _nodes(child)


def _text(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def _instead(node: cst.CSTNode, text: str, scope: Scope, weight: int) -> Edit:
    return Edit(((scope.where(node), text),), weight)


def _operators(node: Any, scope: Scope) -> Iterator[Edit]:
    for each in _OPERATORS.get(type(node), ()):
        # The range of an operator is that of its sign alone.
        yield _instead(node, each, scope, 1)


def _plus_equals(node: cst.Assign, scope: Scope) -> Iterator[Edit]:
    if len(node.targets) == 1 and not isinstance(node.targets[0].target, cst.Tuple):
        between = CodeRange(scope.where(node.targets[0].target).end, scope.where(node.value).start)
        yield Edit(((between, " += "),), 1)


def _integers(node: cst.Integer, scope: Scope) -> Iterator[Edit]:
    number = int(node.value, 0)
    for other in (number + 1, number - 1):
        yield _instead(node, str(other) if other >= 0 else f"({other})", scope, 1)
    if number:
        yield _instead(node, f"-{number}", scope, 2)


def _binary(node: cst.BinaryOperation, scope: Scope) -> Iterator[Edit]:
    left, right = _text(node.left), _text(node.right)
    # A factor too many, or an offset.
    yield _instead(node, left, scope, 2)
    yield _instead(node, right, scope, 2)
    if isinstance(node.operator, cst.Subtract | cst.MatrixMultiply | cst.Divide | cst.FloorDivide):
        operator = _text(node.operator).strip()
        yield _instead(node, f"{right} {operator} {left}", scope, 2)


def _call(node: cst.Call, scope: Scope) -> Iterator[Edit]:
    if isinstance(node.func, cst.Attribute):
        yield _instead(node, _text(node.func.value), scope, 2)
    if node.args:
        yield _instead(node, _text(node.args[0].value), scope, 2)
    for one, other in combinations(node.args, 2):
        if one.keyword is None and other.keyword is None:
            yield _swap(one.value, other.value, scope, 2)
    if _text(node.func) in ("range", "slice"):
        for each in node.args:
            yield from _by_one(each.value, scope)


def _subscript(node: cst.Subscript, scope: Scope) -> Iterator[Edit]:
    for one, other in combinations(node.slice, 2):
        yield _swap(one.slice, other.slice, scope, 2)
    yield _instead(node, _text(node.value), scope, 3)
    yield from _from_the_end(node, scope)


def _from_the_end(node: cst.Subscript, scope: Scope) -> Iterator[Edit]:
    """What ends so far from the end, and is empty where that is 0: ``x[p:-p]``."""
    changes = []
    for axis, each in enumerate(node.slice):
        upper = each.slice.upper if isinstance(each.slice, cst.Slice) else None
        if isinstance(upper, cst.UnaryOperation) and isinstance(upper.operator, cst.Minus):
            length = f"{_text(node.value)}.shape[{axis}]"
            changes.append((scope.where(upper), f"{length} - {_text(upper.expression)}"))
    if changes:
        yield Edit(tuple(changes), 1)


def _slice(node: cst.Slice, scope: Scope) -> Iterator[Edit]:
    for each in (node.lower, node.upper):
        if each is not None:
            yield from _by_one(each, scope)
    if node.step is not None:
        lower, upper = (_text(each) if each else "" for each in (node.lower, node.upper))
        yield _instead(node, f"{lower}:{upper}", scope, 2)
    else:
        yield _instead(node, f"{_text(node).strip()}:-1", scope, 3)


def _index(node: cst.Index, scope: Scope) -> Iterator[Edit]:
    yield from _by_one(node.value, scope)


def _by_one(node: cst.BaseExpression, scope: Scope) -> Iterator[Edit]:
    if isinstance(node, cst.Integer):
        return
    text = _text(node)
    for sign in "+-":
        yield _instead(node, f"{text} {sign} 1", scope, 2)


def _tuple(node: cst.Tuple, scope: Scope) -> Iterator[Edit]:
    for one, other in combinations(node.elements, 2):
        yield _swap(one.value, other.value, scope, 2)
    numbers = [each.value.value for each in node.elements if isinstance(each.value, cst.Integer)]
    if len(numbers) == len(node.elements):
        # Axes, one of which was forgotten, or is one too many.
        for axis in "0123":
            others = [each for each in numbers if each != axis]
            axes = others if axis in numbers else sorted((*numbers, axis))
            text = f"{', '.join(axes)}{',' * (len(axes) == 1)}"
            # The range of a tuple is what stands between its parentheses.
            yield _instead(node, text if node.lpar else f"({text})", scope, 2)


def _unary(node: cst.UnaryOperation, scope: Scope) -> Iterator[Edit]:
    yield _instead(node, _text(node.expression), scope, 1)


def _name(node: cst.Name, scope: Scope) -> Iterator[Edit]:
    near = list(twins(node.value, scope.names))
    for each in near:
        yield _instead(node, each, scope, 1)
    if node.value in ("True", "False"):
        yield _instead(node, "False" if node.value == "True" else "True", scope, 1)
    elif node.value in scope.names:
        others = sorted(each for each in scope.names if each not in (node.value, *near))
        for each in others[:_NAMES]:
            yield _instead(node, each, scope, 3)


def _string(node: cst.SimpleString, scope: Scope) -> Iterator[Edit]:
    """Two letters exchanged in one part of what may be subscripts of a sum."""
    text = node.value
    if "->" not in text and "," not in text:
        return
    letters = sorted({each for each in text if each.isalpha()})
    for one, other in combinations(letters, 2):
        table = str.maketrans(one + other, other + one)
        start = 0
        for part in text.replace("->", ",,").split(","):
            if part.translate(table) != part:
                end = start + len(part)
                changed = f"{text[:start]}{part.translate(table)}{text[end:]}"
                yield _instead(node, changed, scope, 3)
            start += len(part) + 1


def _condition(node: cst.If | cst.IfExp, scope: Scope) -> Iterator[Edit]:
    yield _instead(node.test, f"not ({_text(node.test)})", scope, 2)


def _swap(one: cst.CSTNode, other: cst.CSTNode, scope: Scope, weight: int) -> Edit:
    return Edit(((scope.where(one), _text(other)), (scope.where(other), _text(one))), weight)


def _exchanged(nodes: Sequence[cst.CSTNode], scope: Scope) -> Iterator[Edit]:
    """Names of two axes, exchanged throughout."""
    names = [node for node in nodes if isinstance(node, cst.Name)]
    used = sorted({node.value for node in names})
    pairs = {tuple(sorted((name, twin))) for name in used for twin in twins(name, scope.names)}
    for one, other in sorted(pairs):
        to = {one: other, other: one}
        changes = tuple((scope.where(n), to[n.value]) for n in names if n.value in to)
        if len(changes) > 1:
            yield Edit(changes, 1)
    # All that names one axis, for all that names the other.
    every = {
        node.value: twin for node in names for twin in list(twins(node.value, scope.names))[:1]
    }
    changes = tuple((scope.where(n), every[n.value]) for n in names if n.value in every)
    if len(changes) > 2:
        yield Edit(changes, 2)


def _scaled(nodes: Sequence[cst.CSTNode], scope: Scope) -> Iterator[Edit]:
    """A name that lacks a factor throughout, and its twin that lacks the factor's twin."""
    values: list[cst.CSTNode] = []
    values += [node for node in nodes if isinstance(node, cst.SubscriptElement)]
    values += [node.value for node in nodes if isinstance(node, cst.Assign | cst.AugAssign)]
    inner = [each for node in values for each in _nodes(node) if isinstance(each, cst.Name)]
    by_name: dict[str, list[cst.Name]] = {}
    for node in {id(each): each for each in inner}.values():
        if node.value in scope.names:
            by_name.setdefault(node.value, []).append(node)
    for name, uses in by_name.items():
        for factor in sorted(scope.names - {name}):
            scaled = [(scope.where(each), f"{name} * {factor}") for each in uses]
            yield Edit(tuple(scaled), 2)
            for twin in twins(name, by_name.keys()):
                for other in twins(factor, scope.names):
                    also = [(scope.where(each), f"{twin} * {other}") for each in by_name[twin]]
                    yield Edit((*scaled, *also), 2)


def _of_whole(statement: cst.CSTNode, scope: Scope) -> Iterator[Edit]:
    """A factor that is missing, an axis that is to be turned round or exchanged, a copy."""
    value = getattr(statement, "value", None)
    if isinstance(statement, cst.Assign | cst.AugAssign | cst.Return | cst.AnnAssign):
        wholes = [value] if value is not None else []
        if isinstance(value, cst.Tuple):
            wholes = [each.value for each in value.elements]
        for each in wholes:
            yield from _wrapped(each, scope)
    if isinstance(statement, cst.Assign | cst.AugAssign | cst.Expr):
        yield _instead(statement, "pass", scope, 4)


def _wrapped(value: cst.BaseExpression, scope: Scope) -> Iterator[Edit]:
    text = _text(value)
    plain = text if isinstance(value, cst.Name | cst.Call | cst.Subscript) else f"({text})"
    yield _instead(value, f"-{plain}", scope, 3)
    for one in sorted(scope.names):
        for other in (each for each in twins(one, scope.names) if one < each):
            for sign in "/*":
                yield _instead(value, f"{plain} {sign} ({one} * {other})", scope, 3)
    for factor in ("2", *sorted(scope.names)[:_NAMES]):
        yield _instead(value, f"{plain} * {factor}", scope, 4)
        yield _instead(value, f"{plain} / {factor}", scope, 4)
    yield _instead(value, f"{plain}[..., ::-1]", scope, 4)
    yield _instead(value, f"{plain}[..., ::-1, ::-1]", scope, 4)
    yield _instead(value, f"{plain}.swapaxes(-1, -2)", scope, 4)
    yield _instead(value, f"{plain}.swapaxes(0, 1)", scope, 4)
    yield _instead(value, f"{plain}.copy()", scope, 4)


_BY_KIND: tuple[tuple[Any, Callable[[Any, Scope], Iterator[Edit]]], ...] = (
    (tuple(_OPERATORS), _operators),
    (cst.Assign, _plus_equals),
    (cst.Integer, _integers),
    (cst.BinaryOperation, _binary),
    (cst.Call, _call),
    (cst.Subscript, _subscript),
    (cst.Slice, _slice),
    (cst.Index, _index),
    (cst.Tuple, _tuple),
    (cst.UnaryOperation, _unary),
    (cst.Name, _name),
    (cst.SimpleString, _string),
    ((cst.If, cst.IfExp), _condition),
)
