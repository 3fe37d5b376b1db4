"""What is usual of the most common layers, and no small layer of their families has.

A stem reads three colours on sides of any parity, one axis alone is strided where a spectrogram or
a line of text is read, a plane is larger than a strip of rows, and 64 channels become 96.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from bpcheck.operations.base import Operation
from bpcheck.operations.families import Family
from bpcheck.operations.windowed import sizes
from bpcheck.operations.windowed.relatives import GROUPED, MOST_OF_TILES, Kin, allowed

#: So many families are the most common ones, and so many more are common enough for a stem.
_NEAREST, _COMMON = 5, 20

#: Cells beyond the least that a stem reads, by dimension: odd and even sides in all four ways.
_BEYOND = ((1, 2, 1), (2, 4, 0), (3, 1, 2), (4, 3, 3))

#: Outputs along each axis of a plane of several strips, by rank.
_SIDES = {1: (4_099,), 2: (67, 65), 3: (17, 16, 17)}

#: Input and output channels of layers in the middle of a network: a block of 32 or 64 and a half.
#: Without a window more of them cost little.
_DEEP, _POINTWISE = ((32, 48), (64, 96)), ((24, 48), (48, 80), (64, 96))


def usual(operation: Operation, kin: Kin) -> Iterator[Any]:
    """Stems, dilated and unevenly strided layers, large planes and deep layers, the common ones."""
    families = kin.families[:_NEAREST]
    found = chain(
        _stems(kin),
        (numbers for each in families for numbers in _dilated(kin, each)),
        (numbers for each in families for numbers in _strided_along_one(kin, each)),
        (_wide_plane(kin, each) for each in families),
        (numbers for each in families for numbers in _deep(kin, each)),
    )
    for numbers in found:
        near = allowed(operation, numbers, MOST_OF_TILES)
        if near is not None:
            yield near


def _stems(kin: Kin) -> Iterator[dict[str, int]]:
    """Strided windows that overlap, on three colours."""
    for family in kin.families[:_COMMON]:
        numbers = family.numbers
        overlaps = all(numbers[f"k{axis}"] > numbers[f"s{axis}"] > 1 for axis in kin.letters)
        if overlaps and not _groups(family):
            for turn, beyond in enumerate(_BEYOND):
                channels = {"g": 1, "ic": len("RGB"), "oc": (8, 16)[turn % 2], "n": 1 + turn // 2}
                yield {**numbers, **channels, **sizes.sides_beyond(kin.letters, numbers, beyond)}


def _dilated(kin: Kin, family: Family) -> Iterator[dict[str, int]]:
    """With holes between the taps, and padding that keeps what it kept."""
    if family.taps > 1:
        numbers = dict(family.numbers)
        for axis in kin.letters:
            numbers |= {f"d{axis}": 2, f"p{axis}": 2 * numbers[f"p{axis}"]}
        yield {
            **numbers,
            **_channels(family),
            **sizes.sides_beyond(kin.letters, numbers, (3, 4, 2)),
        }


def _strided_along_one(kin: Kin, family: Family) -> Iterator[dict[str, int]]:
    """Each axis strided in turn where none is, and the others are not."""
    if len(kin.letters) > 1 and all(family.numbers[f"s{axis}"] == 1 for axis in kin.letters):
        for axis in kin.letters:
            numbers = {**family.numbers, f"s{axis}": 2}
            yield {
                **numbers,
                **_channels(family),
                **sizes.sides_beyond(kin.letters, numbers, (3, 4, 2)),
            }


def _wide_plane(kin: Kin, family: Family) -> dict[str, int]:
    """A plane of many rows; without a window of its own also three samples of many channels."""
    numbers = dict(family.numbers)
    for axis, out in zip(kin.letters, _SIDES[len(kin.letters)], strict=True):
        reach = numbers[f"d{axis}"] * (numbers[f"k{axis}"] - 1) + 1
        numbers[f"i{axis}"] = (out - 1) * numbers[f"s{axis}"] + reach - 2 * numbers[f"p{axis}"]
    if family.taps == 1 and all(numbers[f"s{axis}"] == 1 for axis in kin.letters):
        return {**numbers, "n": 3, "g": 1, "ic": 24, "oc": 1}
    own = 2 if _groups(family) else 1
    return {**numbers, "n": 1, "g": own, "ic": own, "oc": own}


def _deep(kin: Kin, family: Family) -> Iterator[dict[str, int]]:
    """Channels of the middle of a network, on a small plane."""
    if not _groups(family):
        for ic, oc in _DEEP if family.taps > 1 else _POINTWISE:
            sides = sizes.sides_beyond(kin.letters, family.numbers, (1, 3, 0))
            yield {**family.numbers, "n": 1, "g": 1, "ic": ic, "oc": oc, **sides}


def _channels(family: Family) -> dict[str, int]:
    if _groups(family):
        return {"n": 2, "g": 3, "ic": 3, "oc": 3}
    return {"n": 2, "g": 1, "ic": 3, "oc": 4}


def _groups(family: Family) -> bool:
    return family.name.split(" ", 1)[0] in GROUPED
