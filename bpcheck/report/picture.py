"""Got, expected and error of one result as maps: what stands where, for a template to draw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from bpcheck.checks.outcomes import number
from bpcheck.report.sketch import short
from bpcheck.verdict.drawn import Drawn

#: Planes that are drawn of a result, and cells that have their number in them.
PLANES, NUMBERED = 16, 300

#: Rows of the table that says the same in text.
LISTED = 64

#: How much of its colour a cell has at least and at most, so that its number can be read.
WEAKEST, STRONGEST = 0.1, 0.4

#: How wide a map should be, in pixels, so that three stand side by side; the gap between planes,
#: with room for what names each.
_WIDEST, _GAP, _NAMED = 300, 12, 16


@dataclass(frozen=True, slots=True)
class Square:
    """One cell of a map: where it is, its number, and its colour with how much of it."""

    x: int
    y: int
    text: str
    colour: str
    strength: float


@dataclass(frozen=True, slots=True)
class Map:
    """One map: the cells of all planes that are drawn, and the names of those planes."""

    title: str
    width: int
    height: int
    cell: tuple[int, int]
    is_numbered: bool
    squares: tuple[Square, ...]
    names: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Three maps beside each other, and the same as rows of a table.

    `rows` are index, got, expected and error of elements, those that are off first; `left` says
    what is not drawn, if anything.
    """

    maps: tuple[Map, ...]
    rows: tuple[tuple[str, str, str, str], ...]
    said: str
    left: str


def picture_of(drawn: Drawn) -> Picture:
    """The picture of one result.

    Examples
    --------
    >>> picture = picture_of(Drawn("w_bar", (1, 1, 1, 2), (2.0, 3.0), (1.0, 3.0)))
    >>> [map.title for map in picture.maps], picture.rows[0], picture.said
    (['got', 'expected', 'error'], ('0,0,0,0', '2', '1', '1'), '1 of 2 elements differ')
    """
    errors = drawn.errors
    leading, plane = _planes(drawn.shape)
    size = plane[0] * plane[1]
    order = sorted(
        range(len(leading)),
        key=lambda at: (not any(errors[at * size : (at + 1) * size]), at),
    )
    shown = sorted(order[:PLANES])
    differing = sum(each != 0 for each in errors)
    left = ""
    if len(shown) < len(leading):
        left = f"{len(shown)} of {len(leading):,} planes are drawn, those with errors first."
    maps = tuple(
        _map(title, values, leading, shown, plane, is_error=title == "error")
        for title, values in (
            ("got", drawn.got),
            ("expected", drawn.expected),
            ("error", errors),
        )
    )
    rows = tuple(_rows(drawn, errors))
    if len(rows) < len(errors):
        left += f" The table has {len(rows)} of {len(errors):,} elements, those that are off first."
    said = f"{differing:,} of {len(errors):,} elements differ"
    return Picture(maps, rows, said, left.strip())


def _planes(shape: tuple[int, ...]) -> tuple[list[str], tuple[int, int]]:
    """What names each plane, and the rows and columns of one."""
    height, width = (1, 1, *shape)[-2:]
    names = [",".join(map(str, at)) for at in product(*map(range, shape[:-2]))]
    # A vector, or a matrix, is one plane without a name.
    return names, (height, width)


def _map(
    title: str,
    values: Sequence[float],
    leading: list[str],
    shown: list[int],
    plane: tuple[int, int],
    *,
    is_error: bool,
) -> Map:
    rows, columns = plane
    size = rows * columns
    texts = [short(value) for at in shown for value in values[at * size : (at + 1) * size]]
    longest = max(map(len, texts), default=0)
    is_numbered = len(texts) <= NUMBERED and longest <= 9 and columns <= 16
    side = max(3, min(12, _WIDEST // max(1, columns)))
    cell = (max(30, 8 * longest + 10), 28) if is_numbered else (side, side)
    largest = max((abs(each) for each in values if math.isfinite(each)), default=0.0) or 1.0
    wide, high = columns * cell[0] + _GAP, rows * cell[1] + _GAP + _NAMED
    across = max(1, min(len(shown), _WIDEST // wide))
    squares, names = [], []
    for place, at in enumerate(shown):
        left, top = place % across * wide, place // across * high
        if leading[at]:
            names.append((left, top + _NAMED - 4, f"[{leading[at]}]"))
        for row, column in product(range(rows), range(columns)):
            value = values[at * size + row * columns + column]
            squares.append(
                Square(
                    left + column * cell[0],
                    top + _NAMED + row * cell[1],
                    short(value) if is_numbered else "",
                    _colour(value, is_error=is_error),
                    round(_strength(value, largest), 2),
                )
            )
    height = -(-len(shown) // across) * high
    return Map(title, across * wide, height, cell, is_numbered, tuple(squares), tuple(names))


def _colour(value: float, *, is_error: bool) -> str:
    if is_error:
        return "off" if value else "same"
    if not math.isfinite(value):
        return "odd"
    return "more" if value > 0 else "less" if value < 0 else "same"


def _strength(value: float, largest: float) -> float:
    """How much of its colour a cell has: a number that is off is seen however small it is."""
    if not value:
        return 0.0
    share = abs(value) / largest if math.isfinite(value) else 1.0
    return WEAKEST + (STRONGEST - WEAKEST) * share


def _rows(drawn: Drawn, errors: Sequence[float]) -> Iterator[tuple[str, str, str, str]]:
    places = sorted(range(len(errors)), key=lambda at: (errors[at] == 0, at))
    for at in places[:LISTED]:
        index = ",".join(map(str, _unravelled(at, drawn.shape)))
        numbers = (drawn.got[at], drawn.expected[at], errors[at])
        yield (index, *map(number, numbers))  # type: ignore[misc]


def _unravelled(at: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    index = []
    for length in reversed(shape):
        at, rest = divmod(at, length)
        index.append(rest)
    return tuple(reversed(index))
