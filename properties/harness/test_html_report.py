"""The page of a report: one file that fetches nothing, inert, small, and told without a picture."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from bpcheck.report.environment import environment
from bpcheck.report.html import LARGEST, to_fragment, to_html
from bpcheck.report.picture import PLANES, STRONGEST, picture_of
from bpcheck.runner import check_subject
from bpcheck.subject import Subject
from bpcheck.verdict import Report
from bpcheck.verdict.drawn import MOST, Drawn
from properties.harness.own import process
from properties.harness.pages import DEFECT, EVERYWHERE, RIGHT, WRONG, many
from reference import avg_pool, conv

REPORTS = {"right": RIGHT, "wrong": WRONG, "hostile": EVERYWHERE}


class Tags(HTMLParser):
    """The elements of a page, and whether each that was opened was closed."""

    VOID = ("meta", "link", "br")

    def __init__(self, page: str):
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(*reports: Report) -> str:
    return to_html(*reports, targets=["layers:Conv"] * len(reports), environment=environment())


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_has_only_elements_of_its_own_and_fetches_nothing(name: str) -> None:
    tags = Tags(page_of(REPORTS[name]))
    assert not tags.open
    found = {tag for tag, _ in tags.seen}
    assert not found & {"script", "img", "iframe", "object", "form", "input", "base"}
    for tag, attributes in tags.seen:
        assert not [key for key in attributes if key.startswith("on") or key == "src"]
        href = attributes.get("href")
        assert href is None or href == "data:," or href.startswith("#"), (tag, href)
    assert "url(" not in page_of(REPORTS[name])
    assert "@import" not in page_of(REPORTS[name])


def test_hostile_text_is_shown_as_text_and_spelt_out() -> None:
    page = page_of(EVERYWHERE)
    assert not set(page) & {"\x1b", "\x07", "\u202e", "\ud800"}
    # Every place shows it whole, and a template's braces are no template.
    assert Tags(page).text.count("<script>alert(1)</script>\"'><img src=x") >= 10
    assert "{{ 7*7 }}" in page
    assert page.encode("utf-8")


def test_a_page_tells_all_that_the_report_has_of_a_defect() -> None:
    text = Tags(page_of(WRONG)).text
    for said in (
        DEFECT.headline,
        DEFECT.because,
        DEFECT.looks_like,
        DEFECT.smallest,
        f"bpcheck replay '{DEFECT.smallest}' layers:Conv",
        "finite differences",
        "14 of 96 cases",
        "not claimed",
        "1 of 2 elements differ",
        "dilation > 1",
    ):
        assert said in text, said
    for name, value in environment().items():
        assert name in text
        assert value in text


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_a_page_stays_small_however_much_was_found(count: int) -> None:
    report = many(count) if count else RIGHT
    page = page_of(report)
    assert len(page.encode()) < LARGEST
    assert page.count("<article") == min(count, 100)
    # What is not told at length is counted.
    if count > 100:
        assert "8,900 more, which the JSON report has" in page


def test_long_texts_make_a_page_tell_fewer_defects_not_a_larger_page() -> None:
    long = replace(
        WRONG,
        judgements=tuple(replace(each, because="x" * 40_000) for each in many(200).judgements),
    )
    page = page_of(long)
    assert len(page.encode()) < LARGEST
    assert 0 < page.count("<article") < 100


def test_text_of_several_lines_keeps_its_lines() -> None:
    report = replace(WRONG, judgements=(replace(DEFECT, reproduction="import torch\n  x = 1"),))
    assert "<pre>import torch\n  x = 1</pre>" in page_of(report)


def test_a_notebook_shows_the_section_of_a_report_without_a_page_around_it() -> None:
    fragment = WRONG._repr_html_()
    assert fragment == to_fragment(WRONG)
    tags = Tags(fragment)
    assert not {"html", "body", "script", "main"} & {tag for tag, _ in tags.seen}
    assert DEFECT.headline in tags.text
    # Two of them may stand on one page.
    assert not [attributes for _, attributes in tags.seen if "id" in attributes]
    # Rules for elements outside would restyle the notebook.
    style = re.sub(r"@media[^{]*{", "", fragment.partition("<style>")[2].partition("</style>")[0])
    selectors = re.findall(r"([^{}]+){", style)
    assert selectors
    assert all(
        part.strip().startswith(".bpcheck") for each in selectors for part in each.split(",")
    )


def test_headings_do_not_skip_a_level_and_tables_have_headers() -> None:
    tags = Tags(page_of(WRONG, RIGHT))
    levels = [int(tag[1]) for tag, _ in tags.seen if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    headers = [attributes for tag, attributes in tags.seen if tag == "th"]
    assert headers
    assert all(attributes.get("scope") in ("col", "row") for attributes in headers)
    assert {"main", "header", "footer", "nav"} <= {tag for tag, _ in tags.seen}
    pictures = [attributes for tag, attributes in tags.seen if tag == "svg"]
    assert pictures
    assert all(each["role"] == "img" and each["aria-label"] for each in pictures)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def over(colour: str, strength: float, ground: str) -> str:
    mixed = (
        round(
            int(colour[at : at + 2], 16) * strength + int(ground[at : at + 2], 16) * (1 - strength)
        )
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{each:02x}" for each in mixed)


def test_text_stands_out_from_its_ground_in_light_and_dark() -> None:
    style = page_of(RIGHT).partition("<style>")[2]
    found = [dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in style.split("}")]
    schemes = [each for each in found if "ink" in each]
    assert len(schemes) == 2
    for scheme in schemes:
        for ground in ("ground", "raised"):
            for text in ("ink", "quiet", "right", "wrong", "raises", "focus"):
                assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
        # The numbers in the cells of maps, at their strongest.
        for colour in ("more", "less", "wrong"):
            cell = over(scheme[colour], STRONGEST, scheme["ground"])
            assert contrast(scheme["ink"], cell) >= 4.5, colour


def test_a_picture_has_the_planes_that_are_off_and_says_what_it_leaves_out() -> None:
    size = 40 * 4
    expected = (0.0,) * size
    got = (*expected[:-1], 7.0)
    picture = picture_of(Drawn("x_bar", (40, 2, 2), got, expected))
    assert [each.title for each in picture.maps] == ["got", "expected", "error"]
    names = [name for _, _, name in picture.maps[2].names]
    assert len(names) == PLANES
    assert names[-1] == "[39]"
    assert "16 of 40 planes" in picture.left
    assert picture.rows[0] == ("39,1,1", "7", "0", "7")
    assert [each for each in picture.maps[2].squares if each.colour == "off"]
    assert picture.said == "1 of 160 elements differ"


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1, 2, 2, 2, 2), (0, 1, 3), (1, 1, 64, 64)])
def test_every_shape_of_a_result_is_drawn(shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    values = tuple(map(float, range(size)))
    drawn = Drawn("y", shape, values, tuple(-each for each in values))
    page = page_of(replace(WRONG, judgements=(replace(DEFECT, drawn=drawn),)))
    assert not Tags(page).open
    maps = re.sub(r"<svg[^>]*class=\"sketch\".*?</svg>", "", page, flags=re.DOTALL)
    assert maps.count("<rect") == 3 * min(size, MOST)


def test_numbers_that_are_not_finite_are_drawn_and_equal_ones_are_no_error() -> None:
    odd = (float("nan"), float("inf"), float("-inf"), 1.0)
    assert Drawn("y", (4,), odd, odd).errors == (0.0,) * 4
    wrong = Drawn("y", (4,), odd, (1.0,) * 4)
    assert sum(each != 0 for each in wrong.errors) == 3
    page = page_of(replace(WRONG, judgements=(replace(DEFECT, drawn=wrong),)))
    assert ">nan<" in page
    assert ">-inf<" in page


def test_a_run_keeps_the_numbers_of_its_smallest_case() -> None:
    def doubled(residuals: Any, y_bar: Any) -> Any:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return x_bar, 2 * w_bar, b_bar

    subject = Subject(conv.forward, doubled, operation="conv1d", name="doubled")
    (judgement,) = check_subject(subject, profile="quick", count=10).judgements
    drawn = judgement.drawn
    assert drawn is not None
    assert drawn.result == "w_bar"
    assert drawn.got == tuple(2 * each for each in drawn.expected)
    assert judgement.answers[0][1] in drawn.got


def test_a_result_of_another_shape_has_no_picture() -> None:
    def flat(residuals: Any, y_bar: Any) -> Any:
        return tuple(each.ravel() for each in avg_pool.vjp(residuals, y_bar))

    subject = Subject(avg_pool.forward, flat, operation="avg_pool1d", name="flat")
    report = check_subject(subject, profile="quick", count=20)
    assert report.judgements
    assert not any(each.drawn for each in report.judgements)
    assert "<article" in to_html(report)


def test_jinja_is_imported_for_a_page_alone() -> None:
    code = (
        "import sys, bpcheck.cli.check, bpcheck.pytest_plugin, bpcheck.report.html\n"
        "assert 'jinja2' not in sys.modules\n"
        "bpcheck.report.html.to_html()\n"
        "assert 'jinja2' in sys.modules\n"
    )
    ran = process("-c", code)
    assert ran.returncode == 0, ran.stderr
