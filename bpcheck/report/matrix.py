"""The conformance matrix: families and edge classes down, results across, how each came out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bpcheck.verdict import Report
from bpcheck.verdict.evidence import Record

#: The groups of rows, in their order, as a heading names them.
FAMILIES, GEOMETRY, SIZES, DTYPES, VALUES, LAYOUTS = (
    "families of shipped layers",
    "edge classes of the geometry",
    "sizes, modulo powers of two",
    "dtypes",
    "kinds of values",
    "memory layouts",
)
GROUPS = (FAMILIES, GEOMETRY, SIZES, DTYPES, VALUES, LAYOUTS)

_RESIDUE = re.compile(r"(.+) \d+ mod \d+")


class Standing(StrEnum):
    """How a result came out in the cases of a class; the text is what reports and JSON call it.

    Earlier members outrank later ones: of what is wrong in one case and raises in another, what is
    silently wrong is told.
    """

    WRONG = "wrong"
    RAISES = "raises"
    RIGHT = "right"
    NOT_CLAIMED = "not claimed"
    NOT_MET = "not met"

    @property
    def sign(self) -> str:
        """One sign, which no two share."""
        return {"wrong": "✗", "raises": "!", "right": "✓", "not claimed": "–", "not met": "·"}[self]


@dataclass(frozen=True, slots=True)
class Square:
    """One cell of the matrix: how a result stands in a class, and in how many cases."""

    standing: Standing
    record: Record

    @property
    def text(self) -> str:
        """The sign and the numbers, as a table shows them.

        >>> Square(Standing.WRONG, Record(right=82, wrong=14)).text
        '✗ 14 of 96'
        >>> Square(Standing.RIGHT, Record(right=1200)).text, Square(Standing.NOT_MET, Record()).text
        ('✓ 1,200', '·')
        """
        record = self.record
        total = record.right + record.wrong + record.raises
        if self.standing is Standing.RIGHT:
            return f"{self.standing.sign} {total:,}"
        if not total:
            return self.standing.sign
        # What is wrong in some cases and raises in others is told by its worst.
        count = record.wrong if self.standing is Standing.WRONG else record.raises
        return f"{self.standing.sign} {count:,} of {total:,}"


@dataclass(frozen=True, slots=True)
class Row:
    """One class: its group, how many cases are evidence for it, and its cells by result."""

    name: str
    group: str
    cases: int
    squares: dict[str, Square]

    @property
    def label(self) -> str:
        """The name, as it reads below the heading of its group."""
        return self.name.removeprefix("family ")


@dataclass(frozen=True, slots=True)
class Matrix:
    """The matrix of one report."""

    results: tuple[str, ...]
    rows: tuple[Row, ...]

    def grouped(self) -> Iterator[tuple[str, tuple[Row, ...]]]:
        """The groups that there are, with their rows; the residues of one size are one row."""
        for group in GROUPS:
            rows = [row for row in self.rows if row.group == group]
            if rows:
                yield group, tuple(_folded(rows, self.results) if group == SIZES else rows)

    def overview(self) -> Iterator[tuple[str, dict[str, str]]]:
        """For each group, and in it for each result, how many of its classes stand how."""
        for group in GROUPS:
            rows = [row for row in self.rows if row.group == group]
            if rows:
                yield group, {name: _summed(rows, name) for name in self.results}


def matrix_of(report: Report) -> Matrix:
    """The matrix of a report.

    Examples
    --------
    >>> from bpcheck.verdict import Cell, Verdict
    >>> report = Report(
    ...     subject="layers",
    ...     operation="max_pool1d",
    ...     style="NumPy",
    ...     profile="quick",
    ...     seed=0,
    ...     dtypes=("float32",),
    ...     verdict=Verdict.BACKWARD_WRONG,
    ...     judgements=(),
    ...     cases=9,
    ...     unsupported=1,
    ...     table={"contract": {"y": Cell(9), "x_bar": Cell(9)}},
    ...     coverage={"batch 1": 9, "ceil_mode on": 0},
    ...     not_claimed=("ceil_mode on",),
    ...     records={("batch 1", "y"): Record(9), ("batch 1", "x_bar"): Record(7, 2)},
    ... )
    >>> for row in matrix_of(report).rows:
    ...     print(row.name, [square.text for square in row.squares.values()])
    batch 1 ['✓ 9', '✗ 2 of 9']
    ceil_mode on ['–', '–']
    """
    results = tuple(dict.fromkeys(name for row in report.table.values() for name in row))
    arrays = {name.removesuffix("_bar") for name in results[1:]} | {"y_bar", "all"}
    refused = frozenset(report.not_claimed)
    rows = (
        Row(
            name,
            _group(name, arrays),
            cases,
            {
                result: _square(
                    report.records.get((name, result)),
                    # Where another result was judged, the class was claimed at least in part.
                    is_refused=name in refused
                    and not any((name, other) in report.records for other in results),
                )
                for result in results
            },
        )
        for name, cases in report.coverage.items()
    )
    return Matrix(results, tuple(rows))


def said_of_signs() -> str:
    """What the signs mean, in a line."""
    said = {
        Standing.RIGHT: "right",
        Standing.WRONG: "wrong in some cases",
        Standing.RAISES: "raises in some",
        Standing.NOT_CLAIMED: "not claimed",
        Standing.NOT_MET: "not met, or nothing to judge there",
    }
    return "   ".join(f"{each.sign} {text}" for each, text in said.items())


def _square(record: Record | None, *, is_refused: bool) -> Square:
    record = record or Record()
    if record.wrong:
        standing = Standing.WRONG
    elif record.raises:
        standing = Standing.RAISES
    elif record.right:
        standing = Standing.RIGHT
    else:
        standing = Standing.NOT_CLAIMED if is_refused else Standing.NOT_MET
    return Square(standing, record)


def _group(name: str, arrays: Iterable[str]) -> str:
    """The group of a class, by its name: that of a layout begins with its array."""
    first, _, rest = name.partition(" ")
    if first == "family":
        return FAMILIES
    if _RESIDUE.fullmatch(name):
        return SIZES
    if first in ("dtype", "values"):
        return DTYPES if first == "dtype" else VALUES
    return LAYOUTS if first in arrays and rest else GEOMETRY


def _folded(rows: Iterable[Row], results: Iterable[str]) -> Iterator[Row]:
    """One row for each size, such as the width, in place of one for each of its residues."""
    factors: dict[str, list[Row]] = {}
    for row in rows:
        match = _RESIDUE.fullmatch(row.name)
        factors.setdefault(match[1] if match else row.name, []).append(row)
    for factor, own in factors.items():
        squares = {name: _worst([row.squares[name] for row in own]) for name in results}
        met = sum(row.cases > 0 for row in own)
        name = f"{factor}: {met} of {len(own)} residues met"
        yield Row(name, SIZES, sum(row.cases for row in own), squares)


def _worst(squares: list[Square]) -> Square:
    order = list(Standing)
    record = Record(
        right=sum(each.record.right for each in squares),
        wrong=sum(each.record.wrong for each in squares),
        raises=sum(each.record.raises for each in squares),
    )
    return Square(min((each.standing for each in squares), key=order.index), record)


def _summed(rows: list[Row], result: str) -> str:
    """``✓ 83``, or ``✗ 3 of 83``: how many classes of a group stand worst, or are right."""
    standings = [row.squares[result].standing for row in rows]
    for bad in (Standing.WRONG, Standing.RAISES):
        if bad in standings:
            return f"{bad.sign} {standings.count(bad):,} of {len(rows):,}"
    right = standings.count(Standing.RIGHT)
    if right == len(rows):
        return f"{Standing.RIGHT.sign} {right:,}"
    if right:
        return f"{Standing.RIGHT.sign} {right:,} of {len(rows):,}"
    return (Standing.NOT_CLAIMED if Standing.NOT_CLAIMED in standings else Standing.NOT_MET).sign
