"""Small changes of one statement: what a slip of the pen may have been meant as."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import libcst as cst
from libcst.metadata import CodeRange

from bpcheck.explain.line.edit import (
    Edit,
    Scope,
    instead,
    nodes_of,
    swap,
    text_of,
    with_both_ways,
    within,
)
from bpcheck.explain.line.names import twins
from bpcheck.explain.line.whole import exchanged, of_whole, scaled

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


def edits_of(statement: cst.CSTNode, scope: Scope) -> Iterator[Edit]:
    """The changes, each of one thing, in the order of the source."""
    nodes = list(nodes_of(statement))
    tests = [node.test for node in nodes if isinstance(node, cst.If | cst.IfExp)]
    tests += [node for node in nodes if isinstance(node, cst.Comparison)]
    conditions = [scope.where(test) for test in tests]
    for edit in _all_of(statement, nodes, scope):
        for condition in conditions:
            if within(edit, condition):
                edit = with_both_ways(edit, condition)  # noqa: PLW2901 - once for each
        yield edit


def _all_of(statement: cst.CSTNode, nodes: Sequence[cst.CSTNode], scope: Scope) -> Iterator[Edit]:
    bound = list(_bound(statement))
    for node in nodes:
        # A result under another name is thrown away: that a line is not to be is said by `pass`.
        if any(node is each for each in bound):
            continue
        for kind, edit in _BY_KIND:
            if isinstance(node, kind):
                yield from edit(node, scope)
    yield from exchanged(nodes, scope, frozenset(each.value for each in bound))
    yield from scaled(nodes, scope)
    yield from of_whole(statement, scope)


def _bound(statement: cst.CSTNode) -> Iterator[cst.Name]:
    """The names that a statement binds, and those whose attributes it sets."""
    targets: list[cst.BaseExpression] = []
    if isinstance(statement, cst.Assign):
        targets = [each.target for each in statement.targets]
    elif isinstance(statement, cst.AugAssign | cst.AnnAssign):
        targets = [statement.target]
    while targets:
        target = targets.pop()
        if isinstance(target, cst.Name):
            yield target
        elif isinstance(target, cst.Attribute):
            targets.append(target.value)
        elif isinstance(target, cst.Tuple | cst.List):
            targets += [each.value for each in target.elements]


def _operators(node: Any, scope: Scope) -> Iterator[Edit]:
    for each in _OPERATORS.get(type(node), ()):
        # The range of an operator is that of its sign alone.
        yield instead(node, each, scope, 1)


def _plus_equals(node: cst.Assign, scope: Scope) -> Iterator[Edit]:
    if len(node.targets) == 1 and not isinstance(node.targets[0].target, cst.Tuple):
        between = CodeRange(scope.where(node.targets[0].target).end, scope.where(node.value).start)
        yield Edit(((between, " += "),), 1)


def _integers(node: cst.Integer, scope: Scope) -> Iterator[Edit]:
    number = int(node.value, 0)
    for other in (number + 1, number - 1):
        yield instead(node, str(other) if other >= 0 else f"({other})", scope, 1)
    if number:
        yield instead(node, f"-{number}", scope, 2)


def _binary(node: cst.BinaryOperation, scope: Scope) -> Iterator[Edit]:
    left, right = text_of(node.left), text_of(node.right)
    # A factor too many, or an offset.
    yield instead(node, left, scope, 2)
    yield instead(node, right, scope, 2)
    if isinstance(node.operator, cst.Subtract | cst.MatrixMultiply | cst.Divide | cst.FloorDivide):
        operator = text_of(node.operator).strip()
        yield instead(node, f"{right} {operator} {left}", scope, 2)


def _call(node: cst.Call, scope: Scope) -> Iterator[Edit]:
    if isinstance(node.func, cst.Attribute):
        yield instead(node, text_of(node.func.value), scope, 2)
    if node.args:
        yield instead(node, text_of(node.args[0].value), scope, 2)
    for one, other in combinations(node.args, 2):
        if one.keyword is None and other.keyword is None:
            yield swap(one.value, other.value, scope, 2)
    if text_of(node.func) in ("range", "slice"):
        for each in node.args:
            yield from _by_one(each.value, scope)


def _subscript(node: cst.Subscript, scope: Scope) -> Iterator[Edit]:
    for one, other in combinations(node.slice, 2):
        yield swap(one.slice, other.slice, scope, 2)
    yield instead(node, text_of(node.value), scope, 3)
    yield from _from_the_end(node, scope)


def _from_the_end(node: cst.Subscript, scope: Scope) -> Iterator[Edit]:
    """What ends so far from the end, and is empty where that is 0: ``x[p:-p]``."""
    changes = []
    for axis, each in enumerate(node.slice):
        upper = each.slice.upper if isinstance(each.slice, cst.Slice) else None
        if isinstance(upper, cst.UnaryOperation) and isinstance(upper.operator, cst.Minus):
            length = f"{text_of(node.value)}.shape[{axis}]"
            changes.append((scope.where(upper), f"{length} - {text_of(upper.expression)}"))
    if changes:
        yield Edit(tuple(changes), 1)


def _slice(node: cst.Slice, scope: Scope) -> Iterator[Edit]:
    for each in (node.lower, node.upper):
        if each is not None:
            yield from _by_one(each, scope)
    if node.step is not None:
        lower, upper = (text_of(each) if each else "" for each in (node.lower, node.upper))
        yield instead(node, f"{lower}:{upper}", scope, 2)
    else:
        yield instead(node, f"{text_of(node).strip()}:-1", scope, 3)


def _index(node: cst.Index, scope: Scope) -> Iterator[Edit]:
    yield from _by_one(node.value, scope)


def _by_one(node: cst.BaseExpression, scope: Scope) -> Iterator[Edit]:
    if isinstance(node, cst.Integer):
        return
    text = text_of(node)
    for sign in "+-":
        yield instead(node, f"{text} {sign} 1", scope, 2)


def _tuple(node: cst.Tuple, scope: Scope) -> Iterator[Edit]:
    for one, other in combinations(node.elements, 2):
        yield swap(one.value, other.value, scope, 2)
    numbers = [each.value.value for each in node.elements if isinstance(each.value, cst.Integer)]
    if len(numbers) == len(node.elements):
        # Axes, one of which was forgotten, or is one too many.
        for axis in "0123":
            others = [each for each in numbers if each != axis]
            axes = others if axis in numbers else sorted((*numbers, axis))
            text = f"{', '.join(axes)}{',' * (len(axes) == 1)}"
            # The range of a tuple is what stands between its parentheses.
            yield instead(node, text if node.lpar else f"({text})", scope, 2)


def _unary(node: cst.UnaryOperation, scope: Scope) -> Iterator[Edit]:
    yield instead(node, text_of(node.expression), scope, 1)


def _name(node: cst.Name, scope: Scope) -> Iterator[Edit]:
    near = list(twins(node.value, scope.names))
    for each in near:
        yield instead(node, each, scope, 1)
    if node.value in ("True", "False"):
        yield instead(node, "False" if node.value == "True" else "True", scope, 1)
    elif node.value in scope.names:
        others = sorted(each for each in scope.names if each not in (node.value, *near))
        for each in others[:_NAMES]:
            yield instead(node, each, scope, 3)


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
                yield instead(node, changed, scope, 3)
            start += len(part) + 1


def _condition(node: cst.If | cst.IfExp, scope: Scope) -> Iterator[Edit]:
    yield instead(node.test, f"not ({text_of(node.test)})", scope, 2)


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
