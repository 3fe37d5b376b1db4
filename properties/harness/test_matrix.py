"""The conformance matrix: each cell right, wrong, raises, not claimed or not met, wherever told."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from bpcheck.report import print_report, to_json, to_markdown
from bpcheck.report.matrix import GROUPS, LAYOUTS, SIZES, Standing, matrix_of
from bpcheck.runner import check_subject
from bpcheck.subject import Subject
from bpcheck.verdict import Report
from bpcheck.verdict.evidence import Record
from properties.harness.pages import EVERYWHERE, RIGHT, WRONG, many
from reference import avg_pool

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"


def standings(report: Report) -> dict[str, dict[str, str]]:
    rows = matrix_of(report).rows
    return {
        row.name: {name: str(each.standing) for name, each in row.squares.items()} for row in rows
    }


def test_each_cell_is_one_of_five() -> None:
    assert standings(WRONG) == {
        "family 1x1": {"y": "raises", "w_bar": "right"},
        "batch 0": {"y": "not claimed", "w_bar": "not claimed"},
        "stride > 1": {"y": "right", "w_bar": "wrong"},
        "width 0 mod 2": {"y": "right", "w_bar": "right"},
        "width 1 mod 2": {"y": "not met", "w_bar": "not met"},
        "dtype float64": {"y": "right", "w_bar": "right"},
        "values exact": {"y": "right", "w_bar": "right"},
        "w fortran": {"y": "right", "w_bar": "right"},
        "dilation > 1": {"y": "not met", "w_bar": "not met"},
    }


def test_what_is_silently_wrong_outranks_what_raises() -> None:
    both = replace(WRONG, records={("stride > 1", "y"): Record(right=1, wrong=1, raises=9)})
    square = next(row for row in matrix_of(both).rows if row.name == "stride > 1").squares["y"]
    assert square.standing is Standing.WRONG
    assert square.text == "✗ 1 of 11"


def test_the_residues_of_a_size_are_one_row_for_people_and_have_the_worst_of_them() -> None:
    spoilt = {**WRONG.records, ("width 0 mod 2", "y"): Record(right=19, wrong=1)}
    groups = dict(matrix_of(replace(WRONG, records=spoilt)).grouped())
    (row,) = groups[SIZES]
    assert row.name == "width: 1 of 2 residues met"
    assert row.squares["y"].text == "✗ 1 of 20"
    assert [row.name for row in groups[LAYOUTS]] == ["w fortran"]
    assert tuple(groups) == GROUPS


class Planted:
    """An average pool of windows that tile, wrong for two channels, that raises beyond three."""

    def forward(self, x: Any, *, kernel_size: Any, stride: Any, **params: Any) -> Any:
        if stride != kernel_size:
            raise NotImplementedError("windows that do not tile")
        y, residuals = avg_pool.forward(x, kernel_size=kernel_size, stride=stride, **params)
        return y, (residuals, x.shape[1])

    def vjp(self, residuals: Any, y_bar: Any) -> Any:
        inner, channels = residuals
        if channels > 3:
            raise ValueError("too many channels")
        (x_bar,) = avg_pool.vjp(inner, y_bar)
        return (3 * x_bar if channels == 2 else x_bar,)


def test_a_run_gives_every_standing_where_it_belongs() -> None:
    planted = Planted()
    subject = Subject(planted.forward, planted.vjp, operation="avg_pool1d", name="planted")
    report = check_subject(subject, profile="quick", count=150)
    found = standings(report)
    assert found["windows tile"] == {"y": "right", "x_bar": "wrong"}
    assert found["windows overlap"] == {"y": "not claimed", "x_bar": "not claimed"}
    assert found["channels 1"] == {"y": "right", "x_bar": "right"}
    # A defect keeps the gradient of these from being compared, which its forward is all the same.
    assert found["channels 0 mod 4"] == {"y": "right", "x_bar": "raises"}
    assert set(found) == set(report.coverage)


def test_a_class_of_which_no_case_was_drawn_is_not_met() -> None:
    few = check_subject(
        Subject(avg_pool.forward, avg_pool.vjp, operation="avg_pool1d"), profile="quick", count=2
    )
    assert "not met" in {cell for row in standings(few).values() for cell in row.values()}
    assert "not claimed" not in {cell for row in standings(few).values() for cell in row.values()}


@pytest.mark.parametrize("report", [RIGHT, WRONG, EVERYWHERE])
def test_the_matrix_in_json_is_as_the_schema_says_and_has_every_class(report: Report) -> None:
    # A lone surrogate has no UTF-8, in a name that no file system gives.
    report = replace(report, subject="s")
    document = json.loads(to_json(report))
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    matrix = document["reports"][0]["matrix"]
    assert list(matrix) == list(report.coverage)
    assert {
        name: {key: cell["standing"] for key, cell in row.items()} for name, row in matrix.items()
    } == standings(report)


def test_the_schema_refuses_a_cell_without_its_numbers() -> None:
    document = json.loads(to_json(WRONG))
    del document["reports"][0]["matrix"]["stride > 1"]["y"]["wrong"]
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(document))


def tables(text: str) -> list[list[list[str]]]:
    """The tables of Markdown, as cells of rows."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            cells = line.replace("\\|", "\0").split("|")[1:-1]
            found[-1].append([cell.strip() for cell in cells])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def test_the_matrix_in_markdown_has_a_table_for_each_group_below_an_overview() -> None:
    overview, *groups = tables(to_markdown(WRONG))
    assert overview[0] == ["classes", "y", "w\\_bar"]
    assert overview[2] == ["families of shipped layers", "\\! 1 of 1", "✓ 1"]
    assert [table[0][0] for table in groups] == list(GROUPS)
    assert ["stride &gt; 1", "✓ 40", "✗ 14 of 40"] in groups[1]
    assert ["batch 0", "–", "–"] in groups[1]


@pytest.mark.parametrize("report", [RIGHT, WRONG, EVERYWHERE, many(300)])
def test_markdown_stays_in_its_tables_whatever_names_say(report: Report) -> None:
    text = to_markdown(report, targets=["layers:Conv"])
    for table in tables(text):
        assert {len(row) for row in table} == {3}
    for tag in ("<script", "<img", "<!--"):
        assert tag not in text
    assert not set(text) & {"\x1b", "\x07", "\u202e", "\ud800"}
    assert text.encode()
    assert len(text) < 60_000


def test_markdown_is_the_same_for_the_same_report_and_empty_for_none() -> None:
    assert to_markdown(WRONG) == to_markdown(WRONG)
    assert to_markdown() == ""
    assert "bpcheck replay" not in to_markdown(WRONG)
    assert "bpcheck replay" in to_markdown(WRONG, targets=["layers:Conv"])


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_the_matrix_on_a_terminal_is_in_signs_that_it_has_and_inert(encoding: str) -> None:
    class Terminal(io.StringIO):
        pass

    Terminal.encoding = encoding
    file = Terminal()
    report = replace(EVERYWHERE, coverage={**EVERYWHERE.coverage, "größer": 1})
    console = Console(file=file, width=100, no_color=True)
    print_report(report, console, classes=True)
    told = file.getvalue()
    assert told.encode(encoding)
    assert not set(told) & {"\x1b", "\x07", "\u202e"}
    assert ("X 14 of 40" if encoding == "ascii" else "✗ 14 of 40") in told
    assert ("n/c" if encoding == "ascii" else "–") in told
    assert ("gr\\xf6" if encoding == "ascii" else "größer") in told
