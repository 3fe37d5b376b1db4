"""The most common layers with one number past a block, and planes as networks have them.

A path works by blocks of 64 or 128 samples, channels or columns and is wrong in what the last one
leaves; another one is for planes of 7 or 14 rows and columns alone; and a pool of a whole plane has
one of its own. All else is tiny here, so that such layers cost no more than others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, cycle, islice
from typing import Any

from bpcheck.operations.base import Operation
from bpcheck.operations.families import Family
from bpcheck.operations.windowed import sizes
from bpcheck.operations.windowed.relatives import GROUPED, MOST_OF_TILES, Kin, allowed

#: So many families are the most common ones, and so many are common enough for their planes.
_NEAREST, _NETWORKS = 5, 3

#: Past one block of 128, and past two; a block and a half of 128, and five of 64.
_PAST = (130, 257, 192, 320)

#: Rows and columns of the planes of networks for photographs.
_PLANES = (7, 14, 28, 56)

#: Sides of planes that are pooled as a whole, with channels and samples: full blocks of channels,
#: and some that leave every rest.
_WHOLE = ((7, 17, 1), (8, 32, 2), (4, 3, 5), (6, 130, 1), (3, 24, 2), (5, 9, 3), (2, 65, 1))

#: The longest of those sides, by rank, so that a window of three dimensions stays affordable.
_LONGEST = {1: 8, 2: 8, 3: 4}

#: Cells of the other axes beyond the least.
_TINY = (1, 2, 0)


def past_blocks(operation: Operation, kin: Kin) -> Iterator[Any]:
    """Of the most common families a layer with each number past a block, and of some all planes."""
    nearest = kin.families[:_NEAREST]
    found = chain(
        *(_past(kin, family, turn) for turn, family in enumerate(nearest)),
        *(_past_dilated(kin, family) for family in nearest if kin.is_conv),
        *(_planes(kin, family) for family in kin.families[:_NETWORKS]),
        () if kin.is_conv else _whole_planes(kin),
    )
    for numbers in found:
        near = allowed(operation, numbers, MOST_OF_TILES)
        if near is not None:
            yield near


def _past(kin: Kin, family: Family, turn: int) -> Iterator[dict[str, int]]:
    """Samples, channels and sides, one at a time; each family begins with another block."""
    least = sizes.sides_beyond(kin.letters, family.numbers, _TINY)
    small = {**family.numbers, "n": 1, **_channels(kin, family, 2, 3), **least}
    sizes_by_turn = islice(cycle(_PAST), turn % len(_PAST), None)
    yield {**small, "n": next(sizes_by_turn)}
    yield {**small, **_channels(kin, family, next(sizes_by_turn), 3)}
    if kin.is_conv:
        yield {**small, **_channels(kin, family, 2, next(sizes_by_turn))}
    for axis in kin.letters[-2:]:
        yield {**small, f"i{axis}": next(sizes_by_turn)}


def _past_dilated(kin: Kin, family: Family) -> Iterator[dict[str, int]]:
    """A row past two blocks whose windows have holes: they reach farther into the next block."""
    numbers = dict(family.numbers)
    is_dense = all(numbers[f"s{axis}"] == 1 for axis in kin.letters)
    if family.taps == 1 or not is_dense or family.name.split(" ", 1)[0] in GROUPED:
        return
    for axis in kin.letters:
        numbers |= {f"d{axis}": 2, f"p{axis}": 2 * numbers[f"p{axis}"]}
    least = sizes.sides_beyond(kin.letters, numbers, _TINY)
    yield {**numbers, "n": 1, **_channels(kin, family, 2, 3), **least, "iw": _PAST[1]}


def _whole_planes(kin: Kin) -> Iterator[dict[str, int]]:
    """Pools of one window that is the plane, square and not, as the last of a network is."""
    for turn, (side, channels, samples) in enumerate(_WHOLE):
        numbers = {"n": samples, "ic": channels}
        for place, axis in enumerate(kin.letters):
            own = min(side, _LONGEST[len(kin.letters)]) + place * (turn % 2)
            numbers |= {f"i{axis}": own, f"k{axis}": own, f"s{axis}": 1 if turn % 3 == 2 else own}
        yield numbers


def _planes(kin: Kin, family: Family) -> Iterator[dict[str, int]]:
    """As many rows as columns: each of the sides that halve from one stage to the next."""
    if len(kin.letters) == 2:
        for side in _PLANES:
            extents = {f"i{axis}": side for axis in kin.letters}
            yield {**family.numbers, "n": 1, **_channels(kin, family, 2, 3), **extents}


def _channels(kin: Kin, family: Family, own: int, out: int) -> dict[str, int]:
    """Those of the input, and of the output where it has others."""
    if not kin.is_conv:
        return {"ic": own}
    depthwise, grouped = (family.name.startswith(f"{kind} ") for kind in GROUPED)
    if depthwise:
        groups = max(2, out // 2) if out > own else own
        return {"g": groups, "ic": groups, "oc": max(groups, out // groups * groups)}
    if grouped:
        return {"g": 2, "ic": 2 * max(2, own // 2), "oc": 2 * max(2, out // 2)}
    return {"g": 1, "ic": own, "oc": out}
