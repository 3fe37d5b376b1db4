"""Parsing of a case's text form; what does not parse is said with its position."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from bpcheck.arithmetic import FORMATS
from bpcheck.cases.case import Case
from bpcheck.cases.descriptor import example, parse_descriptor, parse_spelled, spelled
from bpcheck.cases.layouts import (
    C_ORDER,
    LAYOUTS,
    ONE_MEMORY,
    OUTPUT,
    layouts_of,
    parse_layout,
)
from bpcheck.errors import CaseError, TargetError
from bpcheck.operations import Operation, operation_named
from bpcheck.operations.outputs import index_of

T = TypeVar("T")

_TOKEN = re.compile(r"\S+")
_FORMATS = {each.short: each.name for each in FORMATS.values()}


def parse_case(text: str) -> Case:
    """The case whose text form `text` is; parts after the descriptor may be left out.

    Raises
    ------
    CaseError
        With the position of the first part that is not understood, and what was expected there.

    Examples
    --------
    >>> parse_case("max_pool1d n1ic1iw4kw2").dtype
    'float64'
    >>> parse_case("avg_pool1d n1ic1iw2kx2")
    Traceback (most recent call last):
        ...
    bpcheck.errors.CaseError: kx: avg_pool1d has the keys n ic iw kw sw pw ceil cip
        avg_pool1d n1ic1iw2kx2
                           ^ position 19
    """
    tokens = [(match.group(), match.start()) for match in _TOKEN.finditer(text)]
    operation = _operation(text, tokens)
    if len(tokens) < 2:
        raise CaseError(
            f"a descriptor of {operation.name} was expected, such as {example(operation)}",
            text=text,
            position=len(text),
        )
    count = spelled(operation, [token for token, _ in tokens[1:]])
    geometry = (
        parse_spelled(operation, text, tokens[1 : 1 + count])
        if count
        else parse_descriptor(operation, text, *tokens[1])
    )
    case = Case(operation, geometry)
    rest = _Rest(text, tokens[1 + max(1, count) :])
    dtype = rest.take(f"a dtype ({' '.join(_FORMATS)})", _FORMATS.get)
    kinds = {kind: kind for kind in operation.value_kinds}
    values = rest.take(f"a value kind ({' '.join(kinds)})", kinds.get)
    known = f"layouts (c-order, or such as x:{'|'.join(LAYOUTS)})"
    layout = rest.take(known, parse_layout, mark=":")
    _require_arrays(case, text, layout or C_ORDER)
    seed = rest.take("a seed (seed=7)", _parse_seed, mark="seed=")
    if case.outputs:
        lit = "a one-hot cotangent (y_bar=1:0,3, a place in the second output)"
        one_hot = rest.take(lit, partial(_parse_place, case, text), mark="y_bar=")
    else:
        one_hot = rest.take("a one-hot cotangent (y_bar=0,0,1)", _parse_index, mark="y_bar=")
    rest.end()
    if one_hot is not None:
        _require_inside(case, text, one_hot)
        if layouts_of(layout or C_ORDER).get("y_bar") == OUTPUT:
            raise CaseError(
                "y_bar=: with y_bar:output the cotangent is what the forward returns; "
                "leave one of them out",
                text=text,
                position=text.rindex("y_bar="),
            )
    return replace(
        case,
        dtype=dtype or case.dtype,
        values=values or (case.values if case.values in kinds else next(iter(kinds))),
        layout=layout or case.layout,
        seed=seed if seed is not None else case.seed,
        one_hot=one_hot,
    )


def _operation(text: str, tokens: list[tuple[str, int]]) -> Operation:
    name, position = tokens[0] if tokens else ("", 0)
    try:
        return operation_named(name)
    except (CaseError, TargetError) as error:
        raise CaseError(str(error), text=text, position=position) from None


def _require_arrays(case: Case, text: str, layout: str) -> None:
    arrays = (*case.operation.operand_shapes(case.geometry), "y_bar")
    for name, found in layouts_of(layout).items():
        if name not in arrays:
            raise CaseError(
                f"{name}: the arrays of this case are {', '.join(arrays)}",
                text=text,
                position=text.index(f"{name}:"),
            )
        if (found == OUTPUT and name != "y_bar") or (found == ONE_MEMORY and name == "y_bar"):
            what = "the cotangent y_bar alone" if found == OUTPUT else "operands alone"
            raise CaseError(
                f"{name}:{found}: a layout of {what}; give {name} another one",
                text=text,
                position=text.index(f"{name}:"),
            )


def _require_inside(case: Case, text: str, one_hot: tuple[int, ...]) -> None:
    shape = case.operation.output_shape(case.geometry)
    is_inside = len(one_hot) == len(shape) and all(
        i < n for i, n in zip(one_hot, shape, strict=True)
    )
    if not is_inside:
        raise CaseError(
            f"y_bar={','.join(map(str, one_hot))}: y has the shape {shape}",
            text=text,
            position=text.rindex("y_bar="),
        )


class _Rest:
    """The optional parts after the descriptor: each may be left out, and they keep their order."""

    def __init__(self, text: str, tokens: list[tuple[str, int]]):
        self._text = text
        self._tokens = tokens
        self._expected: list[str] = []

    def take(self, what: str, parse: Callable[[str], T | None], *, mark: str = "") -> T | None:
        """The next part if it is `what`, else ``None``.

        What holds the `mark` of a part, such as ``seed=``, is nothing else.
        """
        self._expected.append(what)
        if not self._tokens:
            return None
        token, start = self._tokens[0]
        value = parse(token)
        if value is None and mark and mark in token:
            raise CaseError(f"{token!r}: expected {what}", text=self._text, position=start)
        if value is not None:
            self._tokens.pop(0)
            self._expected.clear()
        return value

    def end(self) -> None:
        """Nothing may be left."""
        if not self._tokens:
            return
        token, start = self._tokens[0]
        wanted = " or ".join(self._expected)
        message = f"expected {wanted} here" if wanted else "the case ends before this"
        raise CaseError(f"{token!r}: {message}", text=self._text, position=start)


def _parse_seed(token: str) -> int | None:
    match = re.fullmatch(r"seed=([0-9]{1,40})", token)
    return int(match.group(1)) if match else None


def _parse_place(case: Case, text: str, token: str) -> tuple[int, ...] | None:
    match = re.fullmatch(r"y_bar=([0-9]{1,4}):(-|[0-9]{1,12}(?:,[0-9]{1,12})*)", token)
    if match is None:
        return None
    place = [] if match.group(2) == "-" else [int(part) for part in match.group(2).split(",")]
    index = index_of(int(match.group(1)), place, case.outputs)
    if index is None:
        raise CaseError(
            f"{token}: the outputs have the shapes {', '.join(map(str, case.outputs))}",
            text=text,
            position=text.rindex("y_bar="),
        )
    return (index,)


def _parse_index(token: str) -> tuple[int, ...] | None:
    match = re.fullmatch(r"y_bar=([0-9]{1,12}(?:,[0-9]{1,12})*)", token)
    return tuple(int(part) for part in match.group(1).split(",")) if match else None
