"""Rounding error against the length of sums: measured in the run, and drawn on the page."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bpcheck.cases import Case, parse_case
from bpcheck.report import to_json
from bpcheck.report.chart import HEIGHT, LEFT, TOP, WIDTH, panels
from bpcheck.report.html import to_html
from bpcheck.runner import check_subject
from bpcheck.subject import Subject
from bpcheck.verdict.report import Rounded
from properties.harness.pages import RIGHT
from reference import conv


def cases() -> list[Case]:
    sizes = ((2, 4), (9, 20), (60, 70))
    return [
        parse_case(f"conv1d n1ic{ic}iw{iw}oc2kw3 {dtype} real seed={ic}")
        for ic, iw in sizes
        for dtype in ("f32", "f64")
    ]


def coarse(x: Any, w: Any, b: Any = None, **params: Any) -> Any:
    """Sums of a right kernel, rounded to float16 before they are returned."""
    y, residuals = conv.forward(x, w, b, **params)
    return (y.astype(np.float16).astype(y.dtype) if y.dtype == np.float32 else y), residuals


def rounded(forward: Any) -> dict[tuple[str, str, int], Rounded]:
    subject = Subject(forward, conv.vjp, operation="conv1d", name="it")
    report = check_subject(subject, cases=cases())
    return {(each.dtype, each.result, each.terms): each for each in report.rounded}


def test_a_run_measures_what_it_judges_on_real_values() -> None:
    found = rounded(conv.forward)
    assert {dtype for dtype, *_ in found} == {"float32", "float64"}
    assert {result for _, result, _ in found} == {"y", "x_bar", "w_bar", "b_bar"}
    for (_, _, terms), each in found.items():
        # What a right sum can lose at most, the oracle's own share in float64 included.
        assert 0 <= each.ratio <= 2 * 2 * terms + 4
        assert terms & (terms - 1) == 0
    assert any(each.ratio for each in found.values())
    # Three cases of each dtype have each of four results.
    assert sum(each.cases for each in found.values()) == 2 * 3 * 4


def test_a_coarser_kernel_lies_far_above_in_its_dtype_and_its_result_alone() -> None:
    right, wrong = rounded(conv.forward), rounded(coarse)
    off = {key for key in wrong if wrong[key].ratio > 20 * max(right[key].ratio, 0.1)}
    assert {key[:2] for key in off} <= {("float32", "y")}


POINTS = (
    Rounded("float64", "y", 1, 0.0, 2),
    Rounded("float32", "w_bar", 1024, 3.5, 7),
    Rounded("float32", "y", 64, 1e9, 1),
    Rounded("float32", "y", 2, 0.25, 1),
)


def test_every_point_lies_in_its_panel_and_stands_in_the_table() -> None:
    one, two = panels(POINTS)
    assert (one.dtype, two.dtype) == ("float32", "float64")
    for panel in (one, two):
        for x, y, _ in panel.points:
            assert LEFT <= x <= LEFT + WIDTH
            assert TOP <= y <= TOP + HEIGHT
        assert len(panel.points) == len(panel.rows)
    assert [name for _, name in one.signs] == ["y", "w_bar"]
    assert len({sign for sign, _ in one.signs}) == 2
    assert one.rows[0] == ("w_bar", "1,024", "3.5", "7")
    # Longer to the right, larger further up.
    (long, *_), (_, large, _), (short, small, _) = one.points
    assert short < long
    assert large < small


def test_the_page_draws_a_panel_for_each_dtype_and_says_it_in_numbers() -> None:
    page = to_html(replace(RIGHT, rounded=POINTS))
    assert page.count('class="chart"') == 2
    assert "float32: the largest rounding error of y" in page
    assert "<caption>float64</caption>" in page
    assert 'class="chart"' not in to_html(RIGHT)


@pytest.mark.parametrize("ratio", [0.0, float("inf"), 3.0])
def test_json_has_the_same(ratio: float) -> None:
    report = replace(RIGHT, rounded=(Rounded("float32", "y", 8, ratio, 4),))
    (told,) = json.loads(to_json(report))["reports"][0]["rounding"]
    assert told == {
        "dtype": "float32",
        "result": "y",
        "terms": 8,
        "largest": ratio if np.isfinite(ratio) else "inf",
        "cases": 4,
    }
    assert to_html(report)
