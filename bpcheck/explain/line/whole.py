"""Changes of a whole statement: names exchanged throughout, a factor, an axis turned round."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import libcst as cst

from bpcheck.explain.line.edit import Edit, Scope, instead, nodes_of, text_of
from bpcheck.explain.line.names import twins

#: Names that are tried as a factor, at most.
_FACTORS = 12


def exchanged(nodes: Sequence[cst.CSTNode], scope: Scope, bound: Collection[str]) -> Iterator[Edit]:
    """Names of two axes, exchanged throughout: both of what is bound, or none."""
    names = [node for node in nodes if isinstance(node, cst.Name)]
    used = sorted({node.value for node in names})
    pairs = {
        tuple(sorted((name, twin)))
        for name in used
        for twin in twins(name, scope.names)
        if (name in bound) == (twin in bound)
    }
    for one, other in sorted(pairs):
        to = {one: other, other: one}
        changes = tuple((scope.where(n), to[n.value]) for n in names if n.value in to)
        if len(changes) > 1:
            yield Edit(changes, 1)
    # All that names one axis, for all that names the other.
    every = {
        node.value: twin for node in names for twin in list(twins(node.value, scope.names))[:1]
    }
    every = {one: other for one, other in every.items() if (one in bound) == (other in bound)}
    changes = tuple((scope.where(n), every[n.value]) for n in names if n.value in every)
    if len(changes) > 2:
        yield Edit(changes, 2)


def scaled(nodes: Sequence[cst.CSTNode], scope: Scope) -> Iterator[Edit]:
    """A name that lacks a factor throughout, and its twin that lacks the factor's twin."""
    values: list[cst.CSTNode] = []
    values += [node for node in nodes if isinstance(node, cst.SubscriptElement)]
    values += [node.value for node in nodes if isinstance(node, cst.Assign | cst.AugAssign)]
    inner = [each for node in values for each in nodes_of(node) if isinstance(each, cst.Name)]
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


def of_whole(statement: cst.CSTNode, scope: Scope) -> Iterator[Edit]:
    """A factor that is missing, an axis that is to be turned round or exchanged, a copy."""
    value = getattr(statement, "value", None)
    if isinstance(statement, cst.Assign | cst.AugAssign | cst.Return | cst.AnnAssign):
        wholes = [value] if value is not None else []
        if isinstance(value, cst.Tuple):
            wholes = [each.value for each in value.elements]
        for each in wholes:
            yield from _wrapped(each, scope)
    if isinstance(statement, cst.Assign | cst.AugAssign | cst.Expr):
        yield instead(statement, "pass", scope, 4)


def _wrapped(value: cst.BaseExpression, scope: Scope) -> Iterator[Edit]:
    text = text_of(value)
    plain = text if isinstance(value, cst.Name | cst.Call | cst.Subscript) else f"({text})"
    yield instead(value, f"-{plain}", scope, 3)
    for one in sorted(scope.names):
        for other in (each for each in twins(one, scope.names) if one < each):
            for sign in "/*":
                yield instead(value, f"{plain} {sign} ({one} * {other})", scope, 3)
    for factor in ("2", *sorted(scope.names)[:_FACTORS]):
        yield instead(value, f"{plain} * {factor}", scope, 4)
        yield instead(value, f"{plain} / {factor}", scope, 4)
    yield instead(value, f"{plain}[..., ::-1]", scope, 4)
    yield instead(value, f"{plain}[..., ::-1, ::-1]", scope, 4)
    yield instead(value, f"{plain}.swapaxes(-1, -2)", scope, 4)
    yield instead(value, f"{plain}.swapaxes(0, 1)", scope, 4)
    yield instead(value, f"{plain}.copy()", scope, 4)
