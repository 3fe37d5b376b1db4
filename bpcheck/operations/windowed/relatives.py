"""Relatives of what people ship: a family with one of its numbers changed, the common ones most.

The dilated layer of a depthwise path, or the next larger kernel of an unrolled one, is in no table
of layers and still what somebody runs on Monday.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bpcheck.errors import CaseError
from bpcheck.operations.base import Operation
from bpcheck.operations.families import Family
from bpcheck.operations.promises import Integers
from bpcheck.operations.windowed import sizes
from bpcheck.operations.windowed.dimensions import LETTERS, choose

#: One drawn geometry in so many is a relative.
EVERY = 4

#: So many of the most common families have a relative by each change in every plan.
NEAREST = 6

#: Multiplications of a relative; what needs more, since a large kernel has grown or many channels
#: meet in three dimensions, is left out.
MOST = 262_144

#: The same of one with room for several tiles.
MOST_OF_TILES = 2**20

#: So many sides have every rest of 2, 3, 4 and 6; by rank the shortest of them, and what lies
#: between the sides of one layer and the next, by dimension.
_SIDES, _SHORTEST, _STEPS = 12, {1: 7, 2: 7, 3: 3}, (5, 7, 1)

#: Input and output channels of such layers.
_BLOCKS = ((16, 16), (16, 16), (8, 16), (16, 24), (16, 16), (16, 8))

#: A step from the numbers of a family to those of a relative.
Change = Callable[[dict[str, int], str, Integers], None]


@dataclass(frozen=True, slots=True)
class Kin:
    """The families of an operation, and what they can be changed in.

    Parameters
    ----------
    families
        Those of most models first.
    letters
        Of the axes.
    is_conv, dilates
        What there is to change beside kernels, strides and padding.
    covers_kernel
        Whether the operation takes no kernel that is larger than the input.
    """

    families: tuple[Family, ...]
    letters: str
    is_conv: bool
    dilates: bool
    covers_kernel: bool

    @property
    def changes(self) -> tuple[Change, ...]:
        """What a relative may differ in."""
        dilation = (_dilation,) if self.dilates else ()
        of_conv = (_groups, _wide, _same) if self.is_conv else ()
        return (_kernel, _stride, _padding, *dilation, *of_conv)


def choose_relative(integers: Integers) -> bool:
    """Draw whether this geometry is to be one; no small number asks for it."""
    return integers(0, EVERY - 1) == EVERY - 1


def draw_relative(operation: Operation, kin: Kin, integers: Integers) -> Any | None:
    """A layer near one of the families; ``None`` where it is not allowed, or too large."""
    # The first families are those of most models.
    last = integers(0, integers(0, len(kin.families) - 1))
    numbers = _relative(kin, kin.families[last], choose(integers, kin.changes), integers)
    return allowed(operation, numbers)


def nearest(operation: Operation, kin: Kin, integers: Integers) -> Iterator[Any]:
    """Of each of the most common families a relative by each change, where there is one."""
    for change in kin.changes:
        for family in kin.families[:NEAREST]:
            near = allowed(operation, _relative(kin, family, change, integers))
            if near is not None:
                yield near


def tiled(operation: Operation, kin: Kin, integers: Integers) -> Iterator[Any]:
    """Layers with room for several tiles of a plane and for blocks of channels at once.

    Fast convolutions, such as those of Winograd, work by tiles of 2, 4 and 6 outputs a side, and
    are taken for many channels alone: the most common family that they are for comes with every
    rest of its sides, and then with one number changed for which they are wrong.
    """
    family = next(
        (
            each
            for each in kin.families
            if each.taps > 1 and each.name.split(" ", 1)[0] not in GROUPED and _is_dense(each, kin)
        ),
        None,
    )
    if family is None or not kin.is_conv:
        return
    for turn, change in enumerate((*(_unchanged,) * _SIDES, *kin.changes)):
        numbers = {**dict(family.numbers), **_channels_of_tiles(turn, change)}
        change(numbers, kin.letters, integers)
        for letter, step in zip(kin.letters, _STEPS, strict=False):
            # Steps without a common divisor: each side has every rest, beside others of the other.
            window = sizes.window_of(numbers, letter, same=bool(numbers.get("same")), ceil=False)
            side = _SHORTEST[len(kin.letters)] + turn * step % _SIDES
            numbers[f"i{letter}"] = max(side, sizes.least_input(window))
        near = allowed(operation, {**numbers, "n": 2 - turn % 2}, MOST_OF_TILES)
        if near is not None:
            yield near


def _is_dense(family: Family, kin: Kin) -> bool:
    """Whether its windows are next to one another in every dimension."""
    return all(family.numbers[f"s{letter}"] == 1 for letter in kin.letters)


def _unchanged(numbers: dict[str, int], axes: str, integers: Integers) -> None:
    """The family itself."""


def _channels_of_tiles(turn: int, change: Change) -> dict[str, int]:
    ic, oc = _BLOCKS[turn % len(_BLOCKS)]
    return {"g": 2 if change is _groups else 1, "ic": ic, "oc": oc, "bias": int(turn % 4 != 1)}


def allowed(operation: Operation, numbers: Mapping[str, int], most: int = MOST) -> Any | None:
    """The geometry of these numbers; ``None`` where it is not allowed, or too large."""
    with contextlib.suppress(CaseError):
        near = operation.geometry(numbers)
        return near if operation.multiplications(near) <= most else None
    return None


def shortened(operation: Operation, geometry: Any, turn: int) -> Any | None:
    """A layer like this one on a plane of a row or a column, of which a tap reads padding alone.

    That is what is left of a photograph's network for a small image, or of a clip's for one frame.
    """
    numbers = {key: number for key, number in geometry.numbers().items() if key in operation.keys}
    short = sizes.short_sides(LETTERS[operation.rank], numbers, turn)
    return allowed(operation, {**numbers, **short}) if short else None


def _relative(kin: Kin, family: Family, change: Change, integers: Integers) -> dict[str, int]:
    numbers, letters = dict(family.numbers), kin.letters
    # Of all axes alike, or of one of them.
    axes = letters if integers(0, 2) else letters[integers(0, len(letters) - 1)]
    change(numbers, axes, integers)
    for letter in letters:
        window = sizes.window_of(
            numbers,
            letter,
            same=bool(numbers.get("same")),
            ceil=bool(numbers.get("ceil")),
        )
        least = sizes.least_input(window, window.k if kin.covers_kernel else 1)
        numbers[f"i{letter}"] = least + integers(0, 1 if change is _wide else 5)
    numbers["n"] = 1 if change is _wide else 1 + integers(0, 2)
    if not kin.is_conv:
        return {**numbers, "ic": 1 + integers(0, 4)}
    first = family.name.split(" ", 1)[0]
    own = first if first in GROUPED else ""
    others = [each for each in ("", *GROUPED) if each != own]
    groups = choose(integers, others) if change is _groups else own
    channels = _many_channels if change is _wide else _channels
    return {**numbers, **channels(groups, integers)}


def _groups(numbers: dict[str, int], axes: str, integers: Integers) -> None:
    """Another kind of groups: the channels tell."""


def _wide(numbers: dict[str, int], axes: str, integers: Integers) -> None:
    """As many channels as layers in the middle of a network have: the channels tell.

    In some of them another number is changed too, since a path for many channels may be taken
    where that is not what it can do.
    """
    also = choose(integers, (None, None, _dilation, _padding, _stride))
    if also is not None:
        also(numbers, axes, integers)


def _same(numbers: dict[str, int], axes: str, integers: Integers) -> None:
    """A padding that is a word, which has no strides."""
    letters = [key[1:] for key in numbers if key[0] == "k"]
    numbers |= {"same": 1} | {f"s{letter}": 1 for letter in letters}
    numbers |= {f"p{letter}": 0 for letter in letters}


def _kernel(numbers: dict[str, int], axes: str, integers: Integers) -> None:
    more = choose(integers, (1, 2, -1))
    for axis in axes:
        numbers[f"k{axis}"] = max(1, numbers[f"k{axis}"] + more)


def _stride(numbers: dict[str, int], axes: str, integers: Integers) -> None:
    stride = choose(integers, (2, 1, 3))
    if numbers.get("same"):
        # Which has no strides.
        numbers["same"] = 0
    for axis in axes:
        numbers[f"s{axis}"] = stride


def _padding(numbers: dict[str, int], axes: str, integers: Integers) -> None:
    half = integers(0, 2)
    numbers |= {"same": 0} if numbers.get("same") else {}
    for axis in axes:
        k = numbers[f"k{axis}"]
        # Where all taps read padding too, a convolution takes it; a pool does not.
        most = k // 2 if _halves(numbers) else max(1, k // 2)
        numbers[f"p{axis}"] = (0, most, min(1, most))[half]


def _dilation(numbers: dict[str, int], axes: str, integers: Integers) -> None:
    """Another dilation; a padding that kept the size of the plane does so still, or is causal."""
    dilation = choose(integers, (2, 3))
    is_causal = integers(0, 2) == 2
    for axis in axes:
        before = numbers.get(f"d{axis}", 1)
        reach = before * (numbers[f"k{axis}"] - 1)
        now = dilation if before == 1 else 1
        numbers[f"d{axis}"] = now
        if 2 * numbers[f"p{axis}"] == reach and not _halves(numbers):
            numbers[f"p{axis}"] = numbers[f"p{axis}"] * now // before
            if is_causal and numbers[f"s{axis}"] == 1:
                # Whose outputs past the input are cut off then.
                numbers[f"p{axis}"] *= 2


def _halves(numbers: Mapping[str, int]) -> bool:
    """Whether padding is at most half of the kernel, as that of pools is."""
    return "ceil" in numbers


#: What names of families call groups.
GROUPED = ("depthwise", "grouped")


def _many_channels(groups: str, integers: Integers) -> dict[str, int]:
    """Whole blocks of channels, of equal number or not."""
    # Blocks that are full, and one channel more than one of 24 or 48.
    own = choose(integers, (64, 49, 32, 96, 128, 25))
    bias = int(integers(0, 3) != 1)
    if groups == "depthwise":
        return {"g": own, "ic": own, "oc": own, "bias": bias}
    if groups == "grouped":
        own -= own % 16
        return {"g": own // 16, "ic": own, "oc": own, "bias": bias}
    return {"g": 1, "ic": own, "oc": choose(integers, (own, 64, 32)), "bias": bias}


def _channels(groups: str, integers: Integers) -> dict[str, int]:
    """Few channels: in one group, in one for each, or in several."""
    own = 1 + integers(0, 4)
    bias = int(integers(0, 3) != 1)
    if groups == "depthwise":
        channels = 1 + own
        return {
            "g": channels,
            "ic": channels,
            "oc": channels * choose(integers, (1, 1, 2)),
            "bias": bias,
        }
    if groups == "grouped":
        g, each = 2 + integers(0, 2), 2 + integers(0, 1)
        return {"g": g, "ic": g * each, "oc": g * (1 + integers(0, 2)), "bias": bias}
    out = choose(integers, (own, 2 * own, 1 + own, 1))
    return {"g": 1, "ic": own, "oc": out, "bias": bias}
