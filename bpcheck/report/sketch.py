"""Steps of a computation laid out as a picture: where boxes with numbers are, and text."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.step import Step

#: Elements of an array up to which it is drawn, and steps of a section; others are like these.
MOST_CELLS, MOST_STEPS = 144, 14

#: How wide a picture is at most, in pixels; a sentence, in signs.
WIDTH, SIGNS = 860, 108

_LINE, _ROW, _GAP, _CELL = 18, 26, 22, 26

#: How much of its colour a cell has at least and at most, so that its number can be read.
_WEAKEST, _STRONGEST = 0.1, 0.4


@dataclass(frozen=True, slots=True)
class Box:
    """A cell: where it is, how wide, its number, its colour and how much of it; marked or not."""

    x: int
    y: int
    width: int
    text: str
    colour: str
    strength: float
    is_marked: bool

    height = _CELL


@dataclass(frozen=True, slots=True)
class Label:
    """Text from a place on; its kind is ``"title"``, ``"said"`` or ``"name"``."""

    x: int
    y: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture; `said` is what it shows, in a sentence."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    labels: tuple[Label, ...]
    said: str


def sketch_of(sections: Iterable[tuple[str, Sequence[Step]]], *, said: str) -> Sketch:
    """Sections below each other, each with its heading and its steps.

    Examples
    --------
    >>> step = Step("added up", (("y", np.array([1.0, -2.0])),), {"y": ((1,),)})
    >>> drawn = sketch_of([("y", [step])], said="y")
    >>> [box.text for box in drawn.boxes if box.is_marked]
    ['-2']
    """
    boxes: list[Box] = []
    labels: list[Label] = []
    top = 8
    for title, steps in sections:
        if title:
            top += _LINE + 2
            labels.append(Label(0, top, title, "title"))
            top += 8
        for step in _few(steps):
            for line in textwrap.wrap(step.text, SIGNS, break_on_hyphens=False):
                top += _LINE
                labels.append(Label(0, top, line, "said"))
            top = _grids(step, top + 8, boxes, labels)
    width = max((box.x + box.width for box in boxes), default=0)
    signs = max((len(label.text) for label in labels), default=0)
    return Sketch(max(width + 4, min(WIDTH, 8 * signs)), top + 6, tuple(boxes), tuple(labels), said)


def _few(steps: Sequence[Step]) -> Iterator[Step]:
    """The first steps, and the last two, in which all is added up."""
    if len(steps) <= MOST_STEPS:
        yield from steps
        return
    yield from steps[: MOST_STEPS - 2]
    yield Step(f"and {len(steps) - MOST_STEPS:,} more like these")
    yield from steps[-2:]


def _grids(step: Step, top: int, boxes: list[Box], labels: list[Label]) -> int:
    """Lay the arrays of a step side by side as far as they fit; where the next thing begins."""
    left, bottom = 2, top
    for name, array in step.grids:
        values = np.asarray(array, np.float64)
        if values.size > MOST_CELLS:
            labels.append(Label(left, top + 12, f"{name}: {values.size:,} elements", "name"))
            bottom = max(bottom, top + 20)
            continue
        planes = values.reshape(-1, *(1, 1, *values.shape)[-2:])
        marked = set(step.marks.get(name, ()))
        texts = [short(float(each)) for each in values.ravel()]
        width = max(30, 8 * max(map(len, texts), default=1) + 10)
        wide = max(planes.shape[0] * (planes.shape[2] * width + 6) - 6, 7 * len(name))
        if left > 2 and left + wide > WIDTH:
            left, top = 2, bottom + 8
        labels.append(Label(left, top + 12, name, "name"))
        boxes.extend(_boxes(values, planes, texts, marked, (left, top + 18), width))
        bottom = max(bottom, top + 18 + planes.shape[1] * _CELL)
        left += wide + _GAP
    return bottom + (8 if step.grids else 0)


def _boxes(
    values: Array,
    planes: Array,
    texts: Sequence[str],
    marked: set[tuple[int, ...]],
    place: tuple[int, int],
    width: int,
) -> Iterator[Box]:
    """The cells of an array, its planes beside each other."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max(initial=0.0)) or 1.0
    indices = list(np.ndindex(*values.shape))
    columns = planes.shape[2]
    for at, (plane, row, column) in enumerate(product(*map(range, planes.shape))):
        value = float(planes[plane, row, column])
        share = min(1.0, abs(value) / largest) if math.isfinite(value) else 1.0
        yield Box(
            place[0] + plane * (columns * width + 6) + column * width,
            place[1] + row * _CELL,
            width,
            texts[at],
            colour(value),
            round(_WEAKEST + (_STRONGEST - _WEAKEST) * share, 2) if value else 0.0,
            indices[at] in marked,
        )


def colour(value: float) -> str:
    """The name of the colour of a number."""
    if not math.isfinite(value):
        return "odd"
    return "more" if value > 0 else "less" if value < 0 else "same"


def short(value: float) -> str:
    """A number in a cell: whole ones as they are, others by three digits.

    >>> short(12.0), short(0.123456), short(float("nan")), short(-1e30), short(-0.0)
    ('12', '0.123', 'nan', '-1e+30', '0')
    """
    if math.isfinite(value) and value == round(value) and abs(value) < 1e7:
        return f"{value + 0.0:.0f}"
    return f"{value:.3g}"
