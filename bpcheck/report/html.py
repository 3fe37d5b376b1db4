"""A report as one page for a browser, or as a fragment for a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from bpcheck.checks.outcomes import number
from bpcheck.inert import inert
from bpcheck.report import wording
from bpcheck.report.chart import panels
from bpcheck.report.claims import said_of_claims
from bpcheck.report.drawing import judgement_sketch
from bpcheck.report.matrix import matrix_of, said_of_signs
from bpcheck.report.picture import picture_of
from bpcheck.report.timing import HEADING, rows_of, said_of_timing
from bpcheck.verdict import Cell, Judgement, Report

if TYPE_CHECKING:
    from jinja2 import Environment, Template

#: What a page may have, in bytes: no browser is slow with that, and no mail refuses it.
LARGEST = 2_000_000

#: Defects of which it is drawn how the wrong element comes about.
_SKETCHED = 20

#: How many defects are told at length, and how many by their headline alone: tried from the first
#: pair on, until the page is small enough.
_TOLD = ((100, 1_000), (30, 300), (10, 100), (3, 30), (1, 0))


def to_html(
    *reports: Report,
    targets: Sequence[str | None] = (),
    environment: Mapping[str, str] | None = None,
) -> str:
    """One page that holds all it shows: no script, and nothing that is fetched from elsewhere.

    Parameters
    ----------
    reports
        What is told, one section each.
    targets
        What a shell needs to name each subject again; without it no replay command is given.
    environment
        Versions and machine, by name.

    Examples
    --------
    >>> to_html()[:15]
    '<!DOCTYPE html>'
    """
    named = list(zip_longest(reports, targets[: len(reports)]))
    text = ""
    for most, listed in _TOLD:
        text = template("page.html").render(
            reports=[_shown(report, target, most, listed) for report, target in named],
            agreeing=sum(report.agrees for report in reports),
            environment=environment or {},
        )
        if len(text.encode()) < LARGEST:
            break
    return text


def to_fragment(report: Report) -> str:
    """The section of one report with its own style, as a notebook shows a value."""
    return template("fragment.html").render(report=_shown(report, None, *_TOLD[1]))


def _shown(report: Report, target: str | None, most: int, listed: int) -> dict[str, Any]:
    """What the templates show of a report."""
    matrix = matrix_of(report)
    grouped = wording.grouped(report.judgements)
    results = matrix.results
    return {
        "report": report,
        "mark": "✓" if report.agrees else "✗" if report.verdict.is_defect else "·",
        "kind": "right" if report.agrees else "wrong" if report.verdict.is_defect else "unknown",
        "conclusion": wording.conclusion(report),
        "counts": [wording.counts(report), *wording.shipped(report), *wording.structure(report)],
        "results": results,
        "table": [
            (check, [row.get(result, Cell()) for result in results])
            for check, row in report.table.items()
            if any(cell.passed + cell.failed for cell in row.values())
        ],
        "defects": [
            _defect(each, alike, target, is_sketched=at < _SKETCHED)
            for at, (each, alike) in enumerate(grouped[:most])
        ],
        "headlines": [each.headline for each, _ in grouped[most : most + listed]],
        "untold": max(0, len(grouped) - most - listed),
        "matrix": list(matrix.grouped()),
        "overview": list(matrix.overview()),
        "signs": said_of_signs(),
        "panels": panels(report.rounded),
        "timing": [] if report.timing is None else list(rows_of(report.timing)),
        "timing_heading": HEADING,
        "timing_said": said_of_timing(report.timing) if report.timing is not None else "",
        "claims": list(said_of_claims(report)),
        "notes": [*report.remarks, *report.notes],
        "missing": list(report.missing),
    }


def _defect(
    judgement: Judgement, alike: tuple[str, ...], target: str | None, *, is_sketched: bool
) -> dict[str, Any]:
    """One defect: its rows, what each juror says, and its picture."""
    element = wording.element(judgement)
    rows = wording.block(judgement, target=target, alike=alike)
    return {
        "headline": judgement.headline,
        "is_defect": judgement.verdict.is_defect,
        "element": element,
        "rows": [
            # The jurors have a table of their own here.
            (label, text)
            for label, text in rows
            if not (judgement.answers and label == element)
        ],
        "answers": [
            ("the subject" if juror in ("got", "subject") else juror, number(value))
            for juror, value in judgement.answers
        ],
        "result": judgement.result,
        "smallest": judgement.smallest,
        "sketch": judgement_sketch(judgement) if is_sketched else None,
        "picture": None if judgement.drawn is None else picture_of(judgement.drawn),
    }


def template(name: str) -> Template:
    """A template of the package, which escapes all that it is given."""
    return _environment().get_template(name)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """The templates, which escape all that they are given, and spell out what is no sign."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("bpcheck.report", "page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        # A subclass of text has passed through a macro, and is markup.
        finalize=lambda value: inert(value) if type(value) is str else value,
    )
