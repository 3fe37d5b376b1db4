"""A report as Markdown: a table for a kernel's own README, and for a workflow's summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import zip_longest

from bpcheck.inert import code_in_markdown, in_markdown, inert
from bpcheck.report import wording
from bpcheck.report.matrix import Matrix, Row, Standing, matrix_of, said_of_signs
from bpcheck.verdict import Judgement, Report

#: Defects that are told; the page of a workflow has an end.
LISTED = 50


def to_markdown(*reports: Report, targets: Sequence[str | None] = ()) -> str:
    """One section for each report: verdict, overview, defects, and the matrix to be unfolded.

    `targets` are what a shell needs to name each subject again; without one, no replay command is
    given. It holds no times and nothing of the machine, so that a file that is kept changes only
    where the result does.

    Examples
    --------
    >>> to_markdown()
    ''
    """
    named = zip_longest(reports, targets[: len(reports)])
    return "\n".join(line for report, target in named for line in _section(report, target))


def _section(report: Report, target: str | None) -> Iterator[str]:
    named = " · ".join(map(in_markdown, (report.subject, report.operation)))
    yield f"### {'✅' if report.agrees else '❌'} {named}"
    yield ""
    yield in_markdown(wording.conclusion(report))
    yield ""
    matrix = matrix_of(report)
    if report.cases:
        rows = ((group, *squares.values()) for group, squares in matrix.overview())
        yield from _table(("classes", *matrix.results), rows)
    yield from _defects(report, target)
    if report.cases:
        yield from _unfolded(matrix)
    asked = [f"profile {report.profile}", f"seed {report.seed}", " ".join(report.dtypes)]
    counted = wording.plural(report.cases, "case")
    yield in_markdown(f"bpcheck, {counted}, {', '.join(each for each in asked if each)}")
    yield ""


def _unfolded(matrix: Matrix) -> Iterator[str]:
    yield in_markdown(said_of_signs().replace("   ", ", "))
    yield ""
    for group, rows in matrix.grouped():
        yield f"<details><summary>{group}</summary>"
        yield ""
        yield from _table((group, *matrix.results), (_cells(row, matrix) for row in rows))
        yield "</details>"
        yield ""


def _cells(row: Row, matrix: Matrix) -> tuple[str, ...]:
    return (row.label, *(row.squares[result].text for result in matrix.results))


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(heading)
    yield _line(names)
    yield "|" + " --- |" * len(names)
    yield from map(_line, rows)
    yield ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(in_markdown, cells))} |"


def _defects(report: Report, target: str | None) -> Iterator[str]:
    grouped = wording.grouped(report.judgements)
    for judgement, alike in grouped[:LISTED]:
        yield f"- {_mark(judgement)} **{in_markdown(judgement.headline)}**  "
        rows = wording.block(judgement, target=target, alike=alike)
        # Two spaces end a line of Markdown.
        yield "  \n".join(_told(label, text) for label, text in rows)
    if len(grouped) > LISTED:
        yield f"- and {len(grouped) - LISTED:,} more"
    if grouped:
        yield ""


def _mark(judgement: Judgement) -> str:
    return (Standing.WRONG if judgement.verdict.is_defect else Standing.NOT_MET).sign


def _told(label: str, text: str) -> str:
    if "\n" in text:
        # A program, or arithmetic: every line stays as it is, and Markdown reads none of them.
        lines = "\n  ".join(escape(inert(text)).split("\n"))
        return f"  {in_markdown(label)}\n  <pre>{lines}</pre>"
    if label in wording.COPIED:
        return f"  {label}: {code_in_markdown(text)}"
    return f"  {in_markdown(f'{label}: {text}' if label else text)}"
