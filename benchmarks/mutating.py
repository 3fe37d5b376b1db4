"""Small changes of a Python source, one at a time: what a slip of the hand makes of it.

Operators, comparisons, constants by one, indices and slices, arguments and elements exchanged,
conditions turned round, statements removed and doubled. What only refuses input (a ``raise``, and
the condition above it) is left alone, and so are docstrings, annotations and decorators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

#: What an operator is taken for.
OPERATORS: dict[type[cst.CSTNode], tuple[type[cst.CSTNode], ...]] = {
    cst.Add: (cst.Subtract,),
    cst.Subtract: (cst.Add,),
    cst.Multiply: (cst.Add,),
    cst.Divide: (cst.Multiply,),
    cst.FloorDivide: (cst.Multiply,),
    cst.Modulo: (cst.FloorDivide,),
    cst.MatrixMultiply: (cst.Multiply,),
    cst.Power: (cst.Multiply,),
    cst.BitAnd: (cst.BitOr,),
    cst.BitOr: (cst.BitAnd,),
    cst.LessThan: (cst.LessThanEqual, cst.GreaterThanEqual),
    cst.LessThanEqual: (cst.LessThan, cst.GreaterThan),
    cst.GreaterThan: (cst.GreaterThanEqual, cst.LessThanEqual),
    cst.GreaterThanEqual: (cst.GreaterThan, cst.LessThan),
    cst.Equal: (cst.NotEqual,),
    cst.NotEqual: (cst.Equal,),
    cst.Is: (cst.IsNot,),
    cst.IsNot: (cst.Is,),
    cst.In: (cst.NotIn,),
    cst.NotIn: (cst.In,),
    cst.And: (cst.Or,),
    cst.Or: (cst.And,),
    cst.AddAssign: (cst.SubtractAssign,),
    cst.SubtractAssign: (cst.AddAssign,),
    cst.MultiplyAssign: (cst.AddAssign,),
    cst.DivideAssign: (cst.MultiplyAssign,),
    cst.BitAndAssign: (cst.BitOrAssign,),
    cst.BitOrAssign: (cst.BitAndAssign,),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a source.

    Parameters
    ----------
    number
        Its place among those of the source.
    line
        The line that is changed, from 1 on.
    what
        The change in words: ``"a + b -> a - b"``.
    source
        The whole source with it.
    """

    number: int
    line: int
    what: str
    source: str


#: A node, and what stands in its place; ``None`` removes it.
Change = tuple[cst.CSTNode, cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNode]]


def mutants(source: str) -> Iterator[Mutant]:
    r"""Every mutant of a source, in the order of its lines.

    Examples
    --------
    >>> for each in mutants("def area(a, b):\n    return a * b\n"):
    ...     print(each.line, each.what)
    2 return a * b  ->  pass
    2 a * b  ->  a + b
    """
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    finder = _Sites()
    wrapper.module.visit(finder)
    module = wrapper.module
    lines = [positions[node].start.line for node, _ in finder.changes]
    order = sorted(range(len(lines)), key=lambda each: (lines[each], each))
    for number, place in enumerate(order):
        node, other = finder.changes[place]
        changed = module.visit(_Replaced(node, other))
        assert isinstance(changed, cst.Module)
        if changed.code == source:
            # Two equal values exchanged.
            continue
        yield Mutant(number, lines[place], _told(module, node, other), changed.code)


def _told(module: cst.Module, node: cst.CSTNode, other: object) -> str:
    before = " ".join(module.code_for_node(node).split())
    after = "removed"
    if isinstance(other, cst.CSTNode):
        after = " ".join(module.code_for_node(other).split())
    elif isinstance(other, cst.FlattenSentinel):
        after = "twice"
    return f"{before}  ->  {after}"


class _Replaced(cst.CSTTransformer):
    def __init__(self, node: cst.CSTNode, other: object):
        self._node, self._other = node, other

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> object:  # type: ignore[override]
        return self._other if original_node is self._node else updated_node


class _Sites(cst.CSTVisitor):
    """Collects the changes of a module."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._depth = 0

    # What is left alone: no visit below it.

    def visit_Raise(self, node: cst.Raise) -> bool:
        return False

    def visit_Annotation(self, node: cst.Annotation) -> bool:
        return False

    def visit_Decorator(self, node: cst.Decorator) -> bool:
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_If(self, node: cst.If) -> bool:
        if _only_raises(node.body):
            return False
        self._add(node, node.with_changes(test=_turned(node.test)))
        return True

    def visit_IfExp(self, node: cst.IfExp) -> bool:
        self._add(node, node.with_changes(body=node.orelse, orelse=node.body))
        return True

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> bool:
        self._operators(node)
        return True

    def visit_BooleanOperation(self, node: cst.BooleanOperation) -> bool:
        self._operators(node)
        return True

    def visit_AugAssign(self, node: cst.AugAssign) -> bool:
        self._operators(node)
        plain = cst.Assign([cst.AssignTarget(node.target)], node.value)
        self._add(node, plain)
        return True

    def visit_Comparison(self, node: cst.Comparison) -> bool:
        for place, target in enumerate(node.comparisons):
            for other in OPERATORS.get(type(target.operator), ()):
                changed = [*node.comparisons]
                changed[place] = target.with_changes(operator=other())
                self._add(node, node.with_changes(comparisons=changed))
        return True

    def visit_UnaryOperation(self, node: cst.UnaryOperation) -> bool:
        self._add(node, node.expression)
        return True

    def visit_Integer(self, node: cst.Integer) -> bool:
        for other in (node.evaluated_value + 1, node.evaluated_value - 1):
            self._add(node, _integer(other))
        return True

    def visit_Slice(self, node: cst.Slice) -> bool:
        for bound in ("lower", "upper", "step"):
            if getattr(node, bound) is not None:
                gone = {
                    bound: None,
                    **({"second_colon": cst.MaybeSentinel.DEFAULT} if bound == "step" else {}),
                }
                self._add(node, node.with_changes(**gone))
        return True

    def visit_Call(self, node: cst.Call) -> bool:
        plain = [
            place for place, each in enumerate(node.args) if not each.keyword and not each.star
        ]
        for one, two in pairwise(plain):
            self._add(node, node.with_changes(args=_exchanged(node.args, one, two)))
        return True

    def visit_Tuple(self, node: cst.Tuple) -> bool:
        for one in range(len(node.elements) - 1):
            self._add(node, node.with_changes(elements=_exchanged(node.elements, one, one + 1)))
        return True

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        small = node.body[0]
        if isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString):
            return False
        if isinstance(small, (cst.Expr, cst.Assign, cst.AugAssign, cst.Return)) and self._depth:
            self._add(node, node.with_changes(body=[cst.Pass()]))
        if isinstance(small, (cst.Expr, cst.AugAssign)) and self._depth:
            self.changes.append((node, cst.FlattenSentinel([node, node.deep_clone()])))
        return True

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self._depth += 1
        return True

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._depth -= 1

    def _operators(self, node: cst.BinaryOperation | cst.BooleanOperation | cst.AugAssign) -> None:
        for other in OPERATORS.get(type(node.operator), ()):
            self._add(node, node.with_changes(operator=other()))

    def _add(self, node: cst.CSTNode, other: cst.CSTNode) -> None:
        self.changes.append((node, other))


def _only_raises(body: cst.BaseSuite) -> bool:
    return all(
        isinstance(line, cst.SimpleStatementLine)
        and all(isinstance(small, cst.Raise) for small in line.body)
        for line in body.body
    )


def _turned(test: cst.BaseExpression) -> cst.UnaryOperation:
    inner = test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.UnaryOperation(cst.Not(), inner)


def _integer(number: int) -> cst.BaseExpression:
    if number >= 0:
        return cst.Integer(str(number))
    return cst.UnaryOperation(
        cst.Minus(), cst.Integer(str(-number)), lpar=[cst.LeftParen()], rpar=[cst.RightParen()]
    )


def _exchanged(each: Sequence[cst.CSTNode], one: int, two: int) -> list[cst.CSTNode]:
    """The same with two values exchanged; commas stay where they are."""
    values: Callable[[int], cst.CSTNode] = lambda place: each[place].value  # type: ignore[attr-defined]  # noqa: E731
    changed = list(each)
    changed[one] = each[one].with_changes(value=values(two))
    changed[two] = each[two].with_changes(value=values(one).deep_clone())
    return changed
