"""Rounding error against the length of sums, a panel for each dtype: where lines and points are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bpcheck.verdict.report import Rounded

#: Inside of a panel, in pixels: where it begins, and how large it is.
LEFT, TOP, WIDTH, HEIGHT = 44, 12, 300, 190

#: A sign for each result, so that no colour has to be told from another.
_SIGNS = ("●", "■", "▲", "◆", "▼", "✚")

#: From a number of terms and an error to a place.
Place = Callable[[float, float], tuple[int, int]]

#: The ends of the vertical axis: errors below have no place on a logarithmic one.
_LEAST, _MOST = 1e-2, 1e5


@dataclass(frozen=True, slots=True)
class Line:
    """A line through places, with what names it at its end."""

    places: str
    name: str
    end: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Panel:
    """One dtype: its points by result, the lines of theory, the axes, and the same as rows."""

    dtype: str
    signs: tuple[tuple[str, str], ...]
    points: tuple[tuple[int, int, str], ...]
    lines: tuple[Line, ...]
    ticks: tuple[tuple[int, int, str, bool], ...]
    rows: tuple[tuple[str, str, str, str], ...]
    said: str


def panels(rounded: Sequence[Rounded]) -> tuple[Panel, ...]:
    """A panel for each dtype, narrowest first.

    Examples
    --------
    >>> (panel,) = panels([Rounded("float32", "y", 64, 0.5, 3), Rounded("float32", "y", 1, 0, 1)])
    >>> panel.said
    'float32: the largest rounding error of y, of sums of 1 to 127 terms, is 0.5'
    """
    dtypes = sorted({each.dtype for each in rounded}, key=lambda name: (name[-2:], name))
    return tuple(
        _panel(dtype, [each for each in rounded if each.dtype == dtype]) for dtype in dtypes
    )


def _panel(dtype: str, own: Sequence[Rounded]) -> Panel:
    results = list(dict.fromkeys(each.result for each in own))
    results.sort(key=lambda name: (name != "y", name != "x_bar", name))
    longest = max(2, *(each.terms for each in own))
    top = min(_MOST, 4.0 * max(longest, *(each.ratio for each in own)))
    sign = dict(zip(results, _SIGNS * (1 + len(results) // len(_SIGNS)), strict=False))

    def place(terms: float, ratio: float) -> tuple[int, int]:
        height = math.log(min(top, max(_LEAST, ratio)) / _LEAST) / math.log(top / _LEAST)
        across = math.log2(max(1.0, terms)) / math.log2(longest)
        return LEFT + round(across * WIDTH), TOP + round((1 - height) * HEIGHT)

    points = tuple((*place(each.terms, each.ratio), sign[each.result]) for each in own)
    worst = max(own, key=lambda each: each.ratio)
    shortest = min(each.terms for each in own)
    said = (
        f"{dtype}: the largest rounding error of {worst.result}, of sums of {shortest:,} to "
        f"{2 * max(each.terms for each in own) - 1:,} terms, is {worst.ratio:.3g}"
    )
    return Panel(
        dtype,
        tuple((sign[name], name) for name in results),
        points,
        tuple(_lines(longest, place)),
        tuple(_ticks(longest, top, place)),
        tuple(
            (each.result, f"{each.terms:,}", f"{each.ratio:.3g}", f"{each.cases:,}") for each in own
        ),
        said,
    )


def _lines(longest: int, place: Place) -> Iterator[Line]:
    """What a sum may lose: once rounded, by chance, and at most."""
    for name, power in (("1", 0.0), ("√n", 0.5), ("n", 1.0)):
        ends = [place(terms, float(terms) ** power) for terms in (1, longest)]
        yield Line(" ".join(f"{x},{y}" for x, y in ends), name, ends[-1])


def _ticks(longest: int, top: float, place: Place) -> Iterator[tuple[int, int, str, bool]]:
    """Numbers along the axes, those of the vertical one marked so."""
    steps = max(1, math.ceil(math.log2(longest) / 5))
    for power in range(0, int(math.log2(longest)) + 1, steps):
        x, _ = place(2**power, _LEAST)
        yield x, TOP + HEIGHT + 16, f"{2**power:,}", False
    for power in range(-2, int(math.log10(top)) + 1):
        _, y = place(1, 10.0**power)
        yield LEFT - 6, y + 4, f"{10.0**power:g}" if power < 4 else f"1e{power}", True
