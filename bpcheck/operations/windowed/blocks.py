"""The most common layers with one number past a block, and planes as networks have them.

A path works by blocks of 64 or 128 samples, channels or columns and is wrong in what the last one
leaves; another one is for planes of 7 or 14 rows and columns alone. All else is tiny here, so that
such layers cost no more than others.
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

#: Cells of the other axes beyond the least.
_TINY = (1, 2, 0)


def past_blocks(operation: Operation, kin: Kin) -> Iterator[Any]:
    """Of the most common families a layer with each number past a block, and of some all planes."""
    found = chain(
        *(_past(kin, family, turn) for turn, family in enumerate(kin.families[:_NEAREST])),
        *(_planes(kin, family) for family in kin.families[:_NETWORKS]),
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
