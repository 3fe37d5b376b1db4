"""A report on a terminal: the table of checks and results, each defect, the verdict."""

from __future__ import annotations

import io
import textwrap

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bpcheck.inert import inert, one_line
from bpcheck.report import wording
from bpcheck.report.classes import print_classes
from bpcheck.report.matrix import matrix_of
from bpcheck.report.timing import print_timing
from bpcheck.verdict import Cell, Judgement, Report, Verdict

#: What stands for the signs where the encoding lacks them.
_ASCII = {"✓": "ok", "✗": "X", "·": "-", "…": "...", "×": "x", "–": "n/c", wording.GLUE: " "}

_MARK_STYLES = {"✓": "green", "✗": "bold red", "·": "dim"}


def print_report(
    report: Report,
    console: Console,
    *,
    seconds: float | None = None,
    target: str | None = None,
    classes: bool = False,
) -> None:
    """Print a report.

    Parameters
    ----------
    report
        What a run found.
    console
        Where to; its width, colours and encoding are respected.
    seconds
        How long the run took, if that is to be told.
    target
        What a shell needs to name the subject again, such as ``layers:Conv``; without it no replay
        command is printed.
    classes
        Whether to print the conformance matrix too.

    Examples
    --------
    >>> from bpcheck.verdict import Cell, Report, Verdict
    >>> report = Report(
    ...     subject="layers",
    ...     operation="max_pool1d",
    ...     style="NumPy",
    ...     profile="quick",
    ...     seed=0,
    ...     dtypes=("float32",),
    ...     verdict=Verdict.AGREES,
    ...     judgements=(),
    ...     cases=9,
    ...     unsupported=0,
    ...     table={"contract": {"y": Cell(9), "x_bar": Cell(9)}},
    ...     coverage={"batch 1": 9},
    ...     survival_one=1e-3,
    ... )
    >>> print_report(report, Console(width=60))
     layers · max_pool1d · NumPy · float32
               y  x_bar
     contract  ✓    ✓
     9 cases, 1 of 1 edge classes, profile quick, seed 0
     AGREES in 9 cases: 1 of 1 edge classes. Not claimed: nothing.
     A wrong gradient row would survive one exact probe with
     probability < 2e-3.
    """
    named = map(one_line, (report.subject, report.operation, report.style))
    heading = " · ".join((*named, " ".join(report.dtypes)))
    _line(console, heading, style="bold")
    if report.table and report.cases:
        console.print(Padding(_table(report, console), (0, 0, 0, 1), expand=False))
        if any(_is_silent(cell) for row in _telling(report) for cell in report.table[row].values()):
            _line(console, "· a check that says nothing of this result", style="dim")
    for judgement, alike in wording.grouped(report.judgements):
        console.print()
        _print_judgement(judgement, console, target, alike=alike)
    if report.judgements:
        console.print()
    _line(console, wording.counts(report, seconds=seconds), style="dim")
    for line in (*wording.shipped(report), *wording.structure(report)):
        _line(console, line, style="dim")
    for gap in wording.gaps(report):
        _line(console, gap, style="dim")
    if classes:
        print_classes(matrix_of(report), console, lambda text: plain(text, console))
    if report.timing is not None:
        print_timing(report.timing, console, lambda text: plain(text, console))
    _line(console, wording.conclusion(report), style=_verdict_style(report.verdict))


def report_text(report: Report, *, width: int = 80, target: str | None = None) -> str:
    """The report as `print_report` prints it, as plain text."""
    file = io.StringIO()
    console = Console(file=file, width=width, no_color=True, force_terminal=False)
    print_report(report, console, target=target)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def _table(report: Report, console: Console) -> Table:
    columns = list(dict.fromkeys(result for row in report.table.values() for result in row))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("", overflow="fold")
    for column in columns:
        table.add_column(Text(column), justify="center", no_wrap=True)
    for check in _telling(report):
        row = report.table[check]
        marks = (row.get(column, Cell()).mark for column in columns)
        cells = (Text(plain(mark, console), style=_MARK_STYLES[mark]) for mark in marks)
        table.add_row(Text(check), *cells)
    return table


def _telling(report: Report) -> list[str]:
    """The checks that say something of any result."""
    return [
        check
        for check, row in report.table.items()
        if not all(_is_silent(cell) for cell in row.values())
    ]


def _is_silent(cell: Cell) -> bool:
    return not cell.passed + cell.failed


def _print_judgement(
    judgement: Judgement, console: Console, target: str | None, *, alike: tuple[str, ...]
) -> None:
    style = _verdict_style(judgement.verdict)
    mark = "✗" if judgement.verdict.is_defect else "·"
    _line(console, f"{mark} {judgement.headline}", style=style, hanging=2)
    rows = list(wording.block(judgement, target=target, alike=alike))
    width = max(len(label) for label, _ in rows) + 3
    for label, text in rows:
        if not label:
            _line(console, text, indent=5)
        elif label in wording.COPIED:
            _print_copied(console, label, text, width)
        else:
            _line(console, f"{label:{width}}{text}", indent=5, hanging=width)


def _print_copied(console: Console, label: str, text: str, width: int) -> None:
    """Print a line beside its label, or a program below it."""
    lines = [f"{label:{width}}{text}"]
    if "\n" in text:
        lines = [label, *(f"    {line}" for line in text.splitlines())]
    for line in lines:
        console.print(Text(plain(f"     {line}".rstrip(), console)), soft_wrap=True)


def _line(
    console: Console, text: str, *, indent: int = 1, hanging: int = 0, style: str = ""
) -> None:
    """Print `text` wrapped at the console's width, its lines indented."""
    for each in inert(text).split("\n"):
        wrapped = textwrap.fill(
            plain(each, console),
            max(24, console.width),
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_long_words=False,
            break_on_hyphens=False,
        )
        # A line that was broken may begin anew with what was harmless before.
        shown = inert(wrapped).replace(wording.GLUE, " ")
        console.print(Text(shown, style=style), soft_wrap=True)


def plain(text: str, console: Console) -> str:
    r"""`text` in signs that the console's encoding has.

    Examples
    --------
    >>> class Ascii(io.StringIO):
    ...     encoding = "ascii"
    >>> plain("✓ · é", Console(file=Ascii()))
    'ok - \\xe9'
    """
    text = inert(text)
    try:
        text.encode(console.encoding)
    except UnicodeEncodeError:
        for sign, substitute in _ASCII.items():
            text = text.replace(sign, substitute)
        return text.encode(console.encoding, "backslashreplace").decode(console.encoding)
    return text


def _verdict_style(verdict: Verdict) -> str:
    if verdict.is_defect:
        return "bold red"
    return "bold green" if verdict is Verdict.AGREES else "bold yellow"
