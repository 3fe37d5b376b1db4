"""One change of a source, and what changes are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst
from libcst.metadata import CodePosition, CodeRange


@dataclass(frozen=True, slots=True)
class Edit:
    """Texts in the place of what stands in some ranges of a source; plainer ones weigh less.

    `one_way` are the same where a condition is changed, with an error where it is met, and with one
    where it is not. Whoever mends as much as that knows no case in which it comes out that way.
    """

    changes: tuple[tuple[CodeRange, str], ...]
    weight: int
    one_way: tuple[Edit, ...] = ()

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


def within(edit: Edit, condition: CodeRange) -> bool:
    """Whether all that an edit changes lies in a condition."""
    first, last = _place(condition.start), _place(condition.end)
    return all(
        first <= _place(where.start) and _place(where.end) <= last for where, _ in edit.changes
    )


def with_both_ways(edit: Edit, condition: CodeRange) -> Edit:
    """An edit of a condition that knows how to tell whether it comes out both ways."""
    start, end = (CodeRange(each, each) for each in (condition.start, condition.end))
    guarded = (
        Edit(((start, "(("), *edit.changes, (end, f") {word} 1 // 0)")), edit.weight)
        for word in ("and", "or")
    )
    return replace(edit, one_way=(*edit.one_way, *guarded))


def _place(position: CodePosition) -> tuple[int, int]:
    return position.line, position.column


@dataclass(frozen=True, slots=True)
class Scope:
    """A statement among its names.

    `where` gives the range of each node, `names` those that the function knows.
    """

    where: Callable[[cst.CSTNode], CodeRange]
    names: frozenset[str]


def nodes_of(statement: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What belongs to a statement, but not the body of a loop or of a condition."""
    yield statement
    for child in statement.children:
        if not isinstance(child, cst.IndentedBlock | cst.Else | cst.SimpleStatementSuite):
            yield from nodes_of(child)


def text_of(node: cst.CSTNode) -> str:
    """The source of a node."""
    return cst.Module([]).code_for_node(node)


def instead(node: cst.CSTNode, text: str, scope: Scope, weight: int) -> Edit:
    """Another text in the place of a node."""
    return Edit(((scope.where(node), text),), weight)


def swap(one: cst.CSTNode, other: cst.CSTNode, scope: Scope, weight: int) -> Edit:
    """Two nodes, each in the place of the other."""
    return Edit(((scope.where(one), text_of(other)), (scope.where(other), text_of(one))), weight)
