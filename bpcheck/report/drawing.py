"""A case as a picture: the steps of its results, in a file or on a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case, parse_case
from bpcheck.errors import BpcheckError, UsageError
from bpcheck.files import write_whole
from bpcheck.filling import Arrays, fill
from bpcheck.operations.step import Step, cells
from bpcheck.report.sketch import MOST_CELLS, Sketch, sketch_of
from bpcheck.verdict import Judgement

#: The kinds of files, by how their names end.
KINDS = (".svg", ".png")

#: Multiplications of a case up to which its steps are gone through.
_LARGEST = 1_000_000


def steps_of(case: Case, arrays: Arrays, result: str, index: tuple[int, ...]) -> tuple[Step, ...]:
    """The steps of the plane that an element lies in; none where they are too many to be seen."""
    plain = {**arrays.operands, "y_bar": arrays.y_bar}
    planes = [prod(array.shape[2:]) for array in plain.values()]
    if max(*planes, prod(case.shapes["y"][2:])) > MOST_CELLS:
        return ()
    if case.operation.multiplications(case.geometry) > _LARGEST or not prod(case.shapes[result]):
        return ()
    return tuple(case.operation.steps(case.geometry, result, index, plain))


def case_sketch(
    case: Case,
    arrays: Arrays,
    right: Mapping[str, Array],
    got: Mapping[str, Array] | None,
    *,
    asked: Mapping[str, tuple[int, ...] | None] | None = None,
) -> Sketch:
    """All results of a case step by step, and where a subject's differ.

    Parameters
    ----------
    case, arrays, right
        The case, its arrays, and its results as torch computes them in float64.
    got
        What a subject gave; ``None`` where none is asked.
    asked
        The results that are drawn, each with an element if one is asked for; empty for all.
    """
    sections = []
    for result in asked or case.shapes:
        values = right[result]
        off = _off(got, result, values)
        index = (asked or {}).get(result) or _place(values if off is None else off)
        steps = list(steps_of(case, arrays, result, index)) if values.size else []
        if off is not None and got is not None:
            steps.append(_compared(got[result], values, off, index))
        if steps:
            sections.append((f"{result} {values.shape}".replace(",)", ")"), steps))
    if not sections:
        raise UsageError(
            f"{case}: nothing of it is drawn, as its planes have more than {MOST_CELLS} cells or "
            "its operation tells no steps; take a smaller case"
        )
    named = ", ".join(title for title, _ in sections)
    return sketch_of(sections, said=f"{case}, step by step: {named}")


def judgement_sketch(judgement: Judgement) -> Sketch | None:
    """How the element comes about that is furthest off, in the smallest case.

    ``None`` where no single element is wrong, or the steps are too many to be seen.
    """
    index = next((each.index for each in judgement.findings if each.index is not None), None)
    # Of an operation of the user's own no steps are known, and its module is not imported here.
    if index is None or not judgement.answers or ":" in judgement.smallest.partition(" ")[0]:
        return None
    try:
        case = parse_case(judgement.smallest)
    except BpcheckError:
        return None
    shape = case.shapes.get(judgement.result, ())
    if len(shape) != len(index) or not all(map(int.__lt__, index, shape)):
        return None
    if max(prod(each) for each in case.shapes.values()) > _LARGEST:
        return None
    steps = steps_of(case, fill(case), judgement.result, index)
    if not steps:
        return None
    at = f"{judgement.result}[{','.join(map(str, index))}]"
    return sketch_of(
        [("", steps)], said=f"How {at} comes about, step by step; the arithmetic is given as text"
    )


def _off(got: Mapping[str, Array] | None, result: str, right: Array) -> Array | None:
    """How far a subject is off, if it is by more than what the last bits of float64 hide."""
    given = None if got is None else got.get(result)
    if given is None or given.shape != right.shape:
        return None
    with np.errstate(invalid="ignore"):
        off = np.where(np.isnan(given) & np.isnan(right), 0.0, given - right)
    return off if np.any(off) or np.isnan(off).any() else None


def _place(values: Array) -> tuple[int, ...]:
    """The element that is furthest from 0, the first of them; of none, nothing."""
    if not values.size:
        return ()
    away = np.where(np.isnan(values), np.inf, np.abs(values))
    return tuple(int(i) for i in np.unravel_index(int(away.argmax()), values.shape))


def _compared(given: Array, right: Array, off: Array, index: tuple[int, ...]) -> Step:
    plane = index[:-2] if right.ndim > 2 else ()
    at = cells([index[len(plane) :]])
    count = int(np.count_nonzero(off))
    names = ("got", "expected", "got minus expected")
    grids = tuple(zip(names, (given[plane], right[plane], off[plane]), strict=True))
    said = f"what the subject gave: {count:,} of {off.size:,} elements differ"
    return Step(said, grids, dict.fromkeys(names, at))


def asked_picture(text: str | None) -> Path | None:
    """The file of ``--picture``.

    Raises
    ------
    UsageError
        If its name does not say what kind it is.
    """
    if text is None:
        return None
    path = Path(text).expanduser()
    if path.suffix not in KINDS:
        raise UsageError(f"--picture {text}: must end in {' or '.join(KINDS)}")
    if not path.parent.is_dir():
        raise UsageError(f"--picture {text}: there is no directory {path.parent}; create it first")
    return path.absolute()


def write_picture(sketch: Sketch, path: Path) -> None:
    """Write a picture, as the name of the file says.

    Raises
    ------
    UsageError
        If it cannot be written, or matplotlib is missing, which PNG files need.
    """
    if path.suffix == ".svg":
        write_whole(path, to_svg(sketch), option="--picture")
        return
    from bpcheck.report.png import to_png

    write_whole(path, to_png(sketch), option="--picture")


def to_svg(sketch: Sketch) -> str:
    """The picture as a document of its own, in the reader's light or dark."""
    from bpcheck.report.html import template

    return "\n".join(_lines(template("alone.svg").render(sketch=sketch)))


def _lines(text: str) -> Iterator[str]:
    yield from (line for line in text.splitlines() if line.strip())
    yield ""
