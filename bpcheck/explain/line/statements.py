"""The statements of a source by their lines, and the changes of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from bpcheck.explain.line.edit import Edit, Scope
from bpcheck.explain.line.edits import edits_of

#: Statements that are changed as a whole, and those of which the head is.
_PLAIN = (cst.Assign, cst.AugAssign, cst.AnnAssign, cst.Return, cst.Expr, cst.Assert)
_HEADS = (cst.For, cst.While, cst.If, cst.With)


@dataclass(frozen=True, slots=True)
class _Found:
    statement: cst.CSTNode
    function: cst.FunctionDef | cst.Lambda | None


class Source:
    r"""The text of a file, with the statements that stand in each line.

    Examples
    --------
    >>> source = Source("def f(n):\n    return n + 1\n")
    >>> [source.changed(edit).splitlines()[1] for edit in source.edits(2)][:3]
    ['    return n - 1', '    return n * 1', '    return n + 2']
    """

    def __init__(self, text: str):
        self.text = text
        self.lines = text.split("\n")

    @cached_property
    def _wrapper(self) -> MetadataWrapper:
        return MetadataWrapper(cst.parse_module(self.text), unsafe_skip_copy=True)

    @cached_property
    def _positions(self) -> Any:
        return self._wrapper.resolve(PositionProvider)

    @cached_property
    def _by_line(self) -> dict[int, _Found]:
        found: dict[int, _Found] = {}
        self._collect(self._wrapper.module, None, found)
        return found

    def _collect(
        self,
        node: cst.CSTNode,
        function: cst.FunctionDef | cst.Lambda | None,
        found: dict[int, _Found],
    ) -> None:
        if isinstance(node, cst.FunctionDef):
            function = node
        if isinstance(node, (*_PLAIN, *_HEADS)) and function is not None:
            where = self._positions[node]
            last = where.end.line
            if isinstance(node, _HEADS):
                last = self._positions[node.body].start.line - 1
                last = max(last, where.start.line)
            for line in range(where.start.line, last + 1):
                found.setdefault(line, _Found(node, function))
        for child in node.children:
            self._collect(child, function, found)

    def where(self, node: cst.CSTNode) -> CodeRange:
        """The range of a node."""
        found: CodeRange = self._positions[node]
        return found

    def first_line(self, line: int) -> int:
        """The first line of the statement that a line belongs to; 0 if to none."""
        found = self._by_line.get(line)
        return 0 if found is None else self.where(found.statement).start.line

    def edits(self, line: int) -> Iterator[Edit]:
        """The changes of the statement in a line, each once, the plainest first."""
        found = self._by_line.get(line)
        if found is None:
            return
        names = frozenset(_names(found.function)) if found.function else frozenset()
        scope = Scope(self.where, names)
        seen: set[str] = {self.text}
        for edit in sorted(edits_of(found.statement, scope), key=lambda each: each.weight):
            changed = self.changed(edit)
            if changed not in seen:
                seen.add(changed)
                yield edit

    def changed(self, edit: Edit) -> str:
        """The text with a change."""
        return "\n".join(edit.applied(self.lines))


def _names(function: cst.FunctionDef | cst.Lambda) -> Iterator[str]:
    """Names that are bound in a function."""
    for param in (*function.params.params, *function.params.kwonly_params):
        yield param.name.value
    stack: list[cst.CSTNode] = [function.body]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.AssignTarget | cst.For | cst.CompFor | cst.NamedExpr):
            yield from _bound(node.target)
        stack.extend(node.children)


def _bound(target: cst.CSTNode) -> Iterator[str]:
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, cst.Tuple | cst.List):
        for each in target.elements:
            yield from _bound(each.value)
