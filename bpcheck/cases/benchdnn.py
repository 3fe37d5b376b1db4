"""Descriptors as oneDNN's benchdnn writes them, such as ``mb8ic64ih56oc64oh56kh3ph1n"res2"``.

They differ from the descriptors of case texts in four ways: the batch size is ``mb``, dilation
counts the cells between (``dh1`` is torch's 2), a missing width or depth equals the height, and
output sizes may be given, which must then be right.

Source: oneDNN, tests/benchdnn/doc/knobs_desc.md.
"""

from __future__ import annotations

import re
from typing import Any

from bpcheck.cases.numbers import number_in, require_cells
from bpcheck.errors import CaseError
from bpcheck.operations import Operation
from bpcheck.operations.windowed.dimensions import LETTERS

_NUMBER = re.compile(r"([a-z]+?)([0-9]+)")
_NAME = re.compile(r'n"?[^"]*"?$')


def parse_benchdnn(operation: Operation, text: str) -> Any:
    """The geometry of a descriptor.

    Raises
    ------
    CaseError
        With the position, if the text is not understood; or if an output size given there is not
        the one that follows.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> conv2d = operation_named("conv2d")
    >>> conv2d.output_shape(parse_benchdnn(conv2d, 'mb2ic3ih224oc64oh112kh7sh2ph3n"stem"'))
    (2, 64, 112, 112)
    """
    letters = LETTERS.get(operation.rank, "")
    if not letters or not {f"{key}{letter}" for key in "iks" for letter in letters} <= set(
        operation.keys
    ):
        raise CaseError(
            f"{text}: {operation} has no windows, so benchdnn has no descriptor of it; its keys "
            f"are {' '.join(operation.keys)}"
        )
    numbers = _numbers(text)
    full = {"n": numbers.pop("mb", 1)}
    for prefix in "iksp":
        spatial = _spread(numbers, prefix, letters, default=None if prefix in "ik" else 0)
        for letter, number in spatial.items():
            # benchdnn's stride is 1 where it is left out.
            full[prefix + letter] = number if prefix != "s" else number or 1
    dilation = _spread(numbers, "d", letters, default=0)
    if "d" + letters[0] in operation.keys:
        full |= {f"d{letter}": number + 1 for letter, number in dilation.items()}
    outputs = _spread(numbers, "o", letters, default=-1)
    for key in ("g", "ic", "oc"):
        if key in operation.keys and key in numbers:
            full[key] = numbers.pop(key)
    numbers.pop("g", None)
    if numbers:
        key = next(iter(numbers))
        raise CaseError(
            f"{key}: a benchdnn descriptor has mb, g, ic, oc, and i, o, k, s, p, d with d, h, w",
            text=text,
            position=text.index(key),
        )
    geometry = operation.geometry(full)
    require_cells(operation, geometry, text=text, position=0)
    _require_outputs(text, geometry, outputs)
    return geometry


def _numbers(text: str) -> dict[str, int]:
    numbers: dict[str, int] = {}
    at = 0
    while at < len(text):
        if text[at] == "_":
            at += 1
            continue
        match = _NUMBER.match(text, at)
        if match is None:
            if _NAME.match(text, at):
                break
            raise CaseError(
                f"{text[at:]!r}: a key and its number were expected, such as kh3",
                text=text,
                position=at,
            )
        key, number = match.groups()
        if key in numbers:
            raise CaseError(f"{key}: given twice; keep one", text=text, position=at)
        numbers[key] = number_in(key, number, text=text, position=at)
        at = match.end()
    return numbers


def _spread(
    numbers: dict[str, int], prefix: str, letters: str, *, default: int | None
) -> dict[str, int]:
    """The numbers of one prefix, in every dimension; a missing one equals the others."""
    given = {each: numbers.pop(prefix + each) for each in "dhw" if prefix + each in numbers}
    if not given and default is None:
        raise CaseError(f"{prefix}{letters[0]}: missing; a benchdnn descriptor must give it")
    common = given.get("h", given.get("w", given.get("d", default)))
    return {letter: given.get(letter, common or 0) for letter in letters}


def _require_outputs(text: str, geometry: Any, outputs: dict[str, int]) -> None:
    for (letter, said), actual in zip(outputs.items(), geometry.out, strict=True):
        if said not in (-1, actual) and said != 0:
            raise CaseError(
                f"o{letter}{said}: the other numbers give o{letter}{actual}; asymmetric padding is "
                "not supported",
                text=text,
                position=0,
            )
