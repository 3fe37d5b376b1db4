"""The page in a real browser: it is shown whole, nothing complains, and anybody can read it."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bpcheck.report.environment import environment
from bpcheck.report.html import to_html
from bpcheck.verdict import Report
from bpcheck.verdict.report import Rounded
from properties.harness.pages import (
    EVERYWHERE,
    HOSTILE,
    RIGHT,
    WRONG,
    asking,
    many,
    rendered,
    said,
)

PAGES: dict[str, tuple[Report, ...]] = {
    "wrong and right": (WRONG, RIGHT),
    "hostile": (EVERYWHERE,),
    "10,000 findings": (many(10_000),),
    "no subject": (),
}

#: The rules that a page is held to.
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]

#: What tells whether a page is as wide as its window, what it draws, and what can be reached.
LOOK = """
    const seen = {dark: matchMedia("(prefers-color-scheme: dark)").matches};
    const root = document.documentElement;
    seen.overflow = root.scrollWidth - root.clientWidth;
    seen.ground = getComputedStyle(document.body).backgroundColor;
    seen.headings = [...document.querySelectorAll("h2")].map(each => each.innerText);
    seen.summaries = [...document.querySelectorAll("summary")].every(each => {
        each.focus();
        return document.activeElement === each;
    });
    seen.cells = document.querySelectorAll(".maps svg rect").length;
    seen.sketched = document.querySelectorAll(".sketch rect.marked").length;
    seen.foreign = performance.getEntriesByType("resource").map(each => each.name);
    document.querySelectorAll("details").forEach(each => { each.open = true; });
    seen.opened = root.scrollWidth - root.clientWidth;
    return seen;
"""


def page_of(*reports: Report) -> str:
    return to_html(*reports, targets=["layers:Conv"] * len(reports), environment=environment())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_rendered_without_an_error_in_the_console(name: str, tmp_path: Path) -> None:
    shown = rendered(page_of(*PAGES[name]), tmp_path, has_picture=True)
    assert shown.console == ""
    assert shown.picture.read_bytes().startswith(b"\x89PNG")
    assert shown.picture.stat().st_size > 5_000
    assert "bpcheck report</h1>" in shown.dom


def test_what_a_page_must_not_run_is_told_in_the_console(tmp_path: Path) -> None:
    # Else no error would be no evidence.
    broken = page_of(WRONG).replace("</body>", "<script>undefined_name()</script></body>")
    assert "Content Security Policy" in rendered(broken, tmp_path).console


@pytest.mark.parametrize(("width", "is_dark"), [(1200, False), (500, True)])
def test_a_page_fits_its_window_in_light_and_dark(
    tmp_path: Path, *, width: int, is_dark: bool
) -> None:
    page = asking(page_of(WRONG, EVERYWHERE), LOOK)
    seen: dict[str, Any] = json.loads(
        said(rendered(page, tmp_path, width=width, is_dark=is_dark).dom)
    )
    assert seen["dark"] is is_dark
    assert seen["ground"] == ("rgb(20, 24, 29)" if is_dark else "rgb(255, 255, 255)")
    assert seen["overflow"] <= 0
    assert seen["opened"] <= 0
    assert seen["summaries"]
    assert seen["cells"] == 12
    assert seen["sketched"] > 0
    assert seen["foreign"] == []
    assert seen["headings"][0] == "layers · conv2d"
    assert HOSTILE[:25] in seen["headings"][1]


@pytest.mark.parametrize("is_dark", [False, True])
def test_a_page_breaks_no_rule_of_accessibility(tmp_path: Path, *, is_dark: bool) -> None:
    spec = find_spec("axe_core_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-core is not installed (the package axe-core-python): no rule is tried")
    axe = Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")
    script = f"""
        {axe}
        document.querySelectorAll("details").forEach(each => {{ each.open = true; }});
        const found = await axe.run(document, {{runOnly: {json.dumps(LEVELS)}}});
        const told = found.violations.map(each => [each.id, each.nodes[0].html]);
        document.querySelector("main").appendChild(document.createElement("img"));
        const broken = await axe.run(document, {{runOnly: ["image-alt"]}});
        return {{violations: told, broken: broken.violations.map(each => each.id)}};
    """
    rounded = tuple(Rounded("float32", result, 64, 0.5, 3) for result in ("y", "w_bar"))
    page = asking(page_of(WRONG, replace(RIGHT, rounded=rounded), EVERYWHERE), script)
    assert 'class="chart"' in page
    assert 'class="sketch"' in page
    found = json.loads(said(rendered(page, tmp_path, is_dark=is_dark).dom))
    assert found["violations"] == []
    # Else no violation would be no evidence.
    assert found["broken"] == ["image-alt"]
