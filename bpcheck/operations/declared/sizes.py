"""The geometry of a declared operation: sizes of axes and numbers of params, as one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bpcheck.operations.declared.levels import Whole
from bpcheck.operations.promises import Integers

#: Axes in a group of leading ones, at most.
MOST_LEADING = 3

#: Sizes of an axis for which nothing was declared.
ANY_SIZE = Whole(1, 130, 1)

#: Sizes at which loops and tiles end; their neighbours are just beyond.
TILES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)

#: Cells of all arrays of a drawn case together.
MOST_CELLS = 1_536


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers by key, in the order of the operation's keys."""

    items: tuple[tuple[str, int], ...]

    def numbers(self) -> dict[str, int]:
        """The numbers by key."""
        return dict(self.items)


def leading_keys(group: str) -> tuple[str, ...]:
    """Keys of a group of leading axes: how many there are, and the size of each."""
    return (group, *(f"{group}_{place}" for place in range(MOST_LEADING)))


def leading_shape(group: str, numbers: Mapping[str, int]) -> tuple[int, ...]:
    """The sizes of the leading axes that there are."""
    return tuple(numbers[key] for key in leading_keys(group)[1 : 1 + numbers[group]])


def leading_numbers(group: str, shape: Sequence[int]) -> dict[str, int]:
    """The numbers of a group of leading axes of this shape.

    Examples
    --------
    >>> leading_numbers("batch", (2, 3))
    {'batch': 2, 'batch_0': 2, 'batch_1': 3}
    """
    return dict(zip(leading_keys(group), (len(shape), *shape), strict=False))


def edges_of(levels: Whole) -> tuple[int, ...]:
    """Sizes at which code goes wrong, within what is declared: small ones first.

    Examples
    --------
    >>> edges_of(Whole(1, 20, 1))
    (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 13, 11, 19)
    """
    beside = chain.from_iterable((tile - 1, tile, tile + 1) for tile in TILES)
    primes = (13, 11, 19, 29, 97)
    wanted = dict.fromkeys((*sorted({*beside} - {-1, 0}), *primes))
    zero = (0,) if 0 in levels.drawn else ()
    inside = tuple(each for each in wanted if each in levels.drawn)
    return (*inside, *zero) or tuple(levels.drawn[:8])


def draw_size(levels: Whole, integers: Integers) -> int:
    """A size: often a small one, else one of the edges, or any."""
    edges = edges_of(levels)
    way = integers(0, 9)
    if way < 4:
        return edges[integers(0, min(5, len(edges) - 1))]
    if way < 9:
        return edges[integers(0, len(edges) - 1)]
    return levels.draw(integers)


def smaller(levels: Whole, size: int) -> int:
    """About half of a size that is declared."""
    if levels.only:
        return max((each for each in levels.only if each <= size // 2), default=min(levels.only))
    half = max(levels.start, size // 2)
    return levels.start + (half - levels.start) // levels.step * levels.step


def largest_first(names: Sequence[str], numbers: Mapping[str, int]) -> Iterator[str]:
    """Axes, the longest first."""
    yield from sorted(names, key=lambda name: -numbers[name])
