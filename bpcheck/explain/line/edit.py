"""One change of a source, and what changes are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import CodeRange


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
