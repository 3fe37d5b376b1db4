"""Parsing of a case's text form; what does not parse is said with its position."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import prod
from typing import TypeVar

from bpcheck.arithmetic import FORMATS
from bpcheck.cases.case import Case
from bpcheck.cases.layouts import LAYOUTS, layouts_of, parse_layout
from bpcheck.errors import CaseError
from bpcheck.operations import Operation, operation_named

T = TypeVar("T")

_TOKEN = re.compile(r"\S+")
_NUMBER = re.compile(r"([a-z]+)([0-9]+)")
_KEY = re.compile(r"\b([a-z]+)(?==|[0-9])")

#: No array has more cells in one dimension than a number of so many digits can say.
_DIGITS = 12

#: Cells of an operand; more fill the memory of any machine that this runs on.
MOST_CELLS = 2**40

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
    try:
        operation = operation_named(tokens[0][0] if tokens else "")
    except CaseError as error:
        raise CaseError(str(error), text=text, position=tokens[0][1] if tokens else 0) from None
    if len(tokens) < 2:
        raise CaseError(
            f"a descriptor of {operation.name} was expected, such as {_example(operation)}",
            text=text,
            position=len(text),
        )
    numbers, positions = _parse_descriptor(operation, text, *tokens[1])
    try:
        geometry = operation.geometry(numbers)
    except CaseError as error:
        # The first number that is complained of and was given; defaults were not.
        named = (key for key in _KEY.findall(str(error)) if key in positions)
        position = next((positions[key] for key in named), tokens[1][1])
        raise CaseError(str(error), text=text, position=position) from None
    for name, shape in operation.operand_shapes(geometry).items():
        if prod(shape) > MOST_CELLS:
            raise CaseError(
                f"{name} would have {prod(shape)} cells; at most {MOST_CELLS} can be checked",
                text=text,
                position=tokens[1][1],
            )
    case = Case(operation.name, geometry)
    rest = _Rest(text, tokens[2:])
    dtype = rest.take(f"a dtype ({' '.join(_FORMATS)})", _FORMATS.get) or case.dtype
    kinds = {kind: kind for kind in operation.value_kinds}
    values = rest.take(f"a value kind ({' '.join(kinds)})", kinds.get)
    known = f"layouts (c-order, or such as x:{'|'.join(LAYOUTS)})"
    layout = rest.take(known, parse_layout, mark=":")
    arrays = (*operation.operand_shapes(geometry), "y_bar")
    strangers = [name for name in layouts_of(layout or "") if name not in arrays]
    if strangers:
        raise CaseError(
            f"{strangers[0]}: the arrays of this case are {', '.join(arrays)}",
            text=text,
            position=text.index(f"{strangers[0]}:"),
        )
    seed = rest.take("a seed (seed=7)", _parse_seed, mark="seed=")
    one_hot = rest.take("a one-hot cotangent (y_bar=0,0,1)", _parse_index, mark="y_bar=")
    rest.end()
    if one_hot is not None:
        shape = operation.output_shape(geometry)
        inside = len(one_hot) == len(shape) and all(
            i < n for i, n in zip(one_hot, shape, strict=True)
        )
        if not inside:
            raise CaseError(
                f"y_bar={','.join(map(str, one_hot))}: y has the shape {shape}",
                text=text,
                position=text.rindex("y_bar="),
            )
    return Case(
        operation.name,
        geometry,
        dtype=dtype,
        values=values or case.values,
        layout=layout or case.layout,
        seed=seed if seed is not None else 0,
        one_hot=one_hot,
    )


def _example(operation: Operation) -> str:
    """A small descriptor: ``n1ic1iw4kw2``."""
    sizes = {"i": 4, "k": 2}
    required = (key for key, default in operation.keys.items() if default is None)
    return "n1" + "".join(f"{key}{sizes.get(key[0], 1) if key != 'ic' else 1}" for key in required)


def _parse_descriptor(
    operation: Operation, text: str, token: str, start: int
) -> tuple[dict[str, int], dict[str, int]]:
    """The numbers by key, and where each of them stands in the text."""
    numbers: dict[str, int] = {}
    positions: dict[str, int] = {}
    at = 0
    while at < len(token):
        match = _NUMBER.match(token, at)
        if match is None:
            raise CaseError(
                f"{token[at:]!r}: a key and its number were expected, such as kw3",
                text=text,
                position=start + at,
            )
        key, number = match.groups()
        if key not in operation.keys:
            raise CaseError(
                f"{key}: {operation.name} has the keys {' '.join(operation.keys)}",
                text=text,
                position=start + at,
            )
        if key in numbers:
            raise CaseError(f"{key}: given twice; keep one", text=text, position=start + at)
        if len(number) > _DIGITS:
            raise CaseError(
                f"{key}: a number of {len(number)} digits; at most {_DIGITS} are allowed",
                text=text,
                position=start + at,
            )
        numbers[key], positions[key] = int(number), start + at
        at = match.end()
    return numbers, positions


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


def _parse_index(token: str) -> tuple[int, ...] | None:
    match = re.fullmatch(r"y_bar=([0-9]{1,12}(?:,[0-9]{1,12})*)", token)
    return tuple(int(part) for part in match.group(1).split(",")) if match else None
