"""Descriptors: the part of a case's text form that says its geometry, ``n1ic64ih13iw13oc96``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from bpcheck.cases.numbers import number_in, require_cells
from bpcheck.errors import CaseError
from bpcheck.operations import Operation

_NUMBER = re.compile(r"([a-z]+)([0-9]+)")
_KEY = re.compile(r"\b([a-z]+)(?==|[0-9])")


def parse_descriptor(operation: Operation, text: str, token: str, start: int) -> Any:
    """The geometry that `token` says, which stands at `start` of `text`; `CaseError` if none."""
    numbers, positions = _numbers(operation, text, token, start)
    try:
        geometry = operation.geometry(numbers)
    except CaseError as error:
        # The first number that is complained of and was given; defaults were not.
        named = (key for key in _KEY.findall(str(error)) if key in positions)
        position = next((positions[key] for key in named), start)
        raise CaseError(str(error), text=text, position=position) from None
    require_cells(operation, geometry, text=text, position=start)
    return geometry


#: Names that are no part of a geometry.
_BEHIND = ("seed", "y_bar")


def spelled(operation: Operation, tokens: Sequence[str]) -> int:
    """How many of the tokens are ``name=value``, as some operations write their geometries."""
    found = takewhile(lambda token: "=" in token and token.partition("=")[0] not in _BEHIND, tokens)
    return sum(1 for _ in found)


def parse_spelled(operation: Operation, text: str, tokens: Sequence[tuple[str, int]]) -> Any:
    """The geometry that tokens ``name=value`` say; `CaseError` if none."""
    given: dict[str, str] = {}
    positions: dict[str, int] = {}
    for token, start in tokens:
        name, _, value = token.partition("=")
        if name in given:
            raise CaseError(f"{name}: given twice; keep one", text=text, position=start)
        given[name], positions[name] = value, start
    try:
        geometry = operation.read(given)
    except CaseError as error:
        named = (name for name in re.findall(r"\w+", str(error)) if name in positions)
        position = next((positions[name] for name in named), tokens[0][1])
        raise CaseError(str(error), text=text, position=position) from None
    require_cells(operation, geometry, text=text, position=tokens[0][1])
    return geometry


def example(operation: Operation) -> str:
    """A small descriptor: ``n1ic1iw4kw2``."""
    sizes = {"i": 4, "k": 2}
    required = (key for key, default in operation.keys.items() if default is None)
    return "n1" + "".join(f"{key}{sizes.get(key[0], 1) if key != 'ic' else 1}" for key in required)


def _numbers(
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
        numbers[key] = number_in(key, number, text=text, position=start + at)
        positions[key] = start + at
        at = match.end()
    return numbers, positions
