"""The conformance matrix on a terminal."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bpcheck.inert import one_line
from bpcheck.report.matrix import Matrix, Row, Standing, said_of_signs

_STYLES = {
    Standing.RIGHT: "green",
    Standing.WRONG: "bold red",
    Standing.RAISES: "bold magenta",
    Standing.NOT_CLAIMED: "dim",
    Standing.NOT_MET: "dim",
}


def print_classes(matrix: Matrix, console: Console, plain: Callable[[str], str]) -> None:
    """Print the matrix: a class a line, with how each result came out in its cases.

    `plain` puts a text into signs that the console can show.

    Examples
    --------
    >>> from bpcheck.report.matrix import GEOMETRY, Square
    >>> from bpcheck.verdict.evidence import Record
    >>> right = Square(Standing.RIGHT, Record(right=9))
    >>> wrong = Square(Standing.WRONG, Record(right=7, wrong=2))
    >>> row = Row("batch 1", GEOMETRY, 9, {"y": right, "x_bar": wrong})
    >>> print_classes(Matrix(("y", "x_bar"), (row,)), Console(width=80, no_color=True), str)
     conformance, in cases
     ✓ right   ✗ wrong in some cases   ! raises in some   – not claimed   · not met,
     or nothing to judge there
     edge classes of the geometry  y    x_bar
       batch 1                     ✓ 9  ✗ 2 of 9
    """
    console.print(Padding(Text("conformance, in cases", style="bold"), (0, 0, 0, 1)))
    told = Text(plain(said_of_signs()), style="dim")
    console.print(Padding(told, (0, 0, 0, 1)))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    is_first = True
    for group, rows in matrix.grouped():
        if is_first:
            table.add_column(Text(plain(group)), overflow="fold")
            for result in matrix.results:
                table.add_column(Text(result), no_wrap=True)
            is_first = False
        else:
            table.add_row(Text(plain(group), style="bold"))
        for row in rows:
            table.add_row(
                Text(plain(f"  {one_line(row.label)}")), *_cells(row, matrix.results, plain)
            )
    console.print(Padding(table, (0, 0, 0, 1), expand=False))


def _cells(row: Row, results: tuple[str, ...], plain: Callable[[str], str]) -> list[Text]:
    squares = (row.squares[result] for result in results)
    return [Text(plain(each.text), style=_STYLES[each.standing]) for each in squares]
