"""What pytest tells besides its failures: the summary, JUnit properties, lines for a workflow."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

import bpcheck.runner
from bpcheck.verdict import Verdict
from properties.harness.test_pytest_plugin import Runs, judged, report_of

BODY = "\n\ntest_pool = bpcheck.conformance(wrong)\n"


@pytest.fixture
def runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    report = report_of(
        judged(Verdict.BACKWARD_WRONG, "x_bar"),
        coverage={"family 1x1": 3, "family 3x3": 0, "stride > 1": 9},
        reasons={"padding": 4},
        left_out={"padding": 4},
    )
    made = Runs(pytester, report)
    monkeypatch.setattr(bpcheck.runner, "check_subject", made.check_subject)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return made


def test_the_summary_says_what_was_judged_and_met_and_what_is_not_claimed(runs: Runs) -> None:
    result = runs(BODY)
    section = result.stdout.str().partition(" bpcheck ===")[2]
    assert section.count("right, avg_pool1d: 9 cases, 1 of 1 edge classes, profile quick") == 1
    assert "1 of 2 families of shipped layers" in section
    assert "not claimed: padding" in section


def test_junit_properties_carry_verdict_case_and_coverage(runs: Runs) -> None:
    runs(BODY, "--junitxml=junit.xml")
    root = ET.parse(runs.pytester.path / "junit.xml").getroot()  # noqa: S314 - written here
    told = {
        case.get("name"): {each.get("name"): each.get("value") for each in case.iter("property")}
        for case in root.iter("testcase")
    }
    failing = told["test_pool[autograd-x_bar]"]
    assert failing["bpcheck verdict"] == "backward wrong"
    assert failing["bpcheck case"] == "avg_pool1d n1ic1iw4kw2"
    assert str(failing["bpcheck coverage"]).startswith("8 right and 1 wrong of 9 cases, ")
    passing = told["test_pool[autograd-y]"]
    assert passing["bpcheck verdict"] == "agrees"
    assert "bpcheck case" not in passing
    assert told["test_pool[finite-differences-y]"]["bpcheck verdict"] == "nothing to judge"


def test_in_a_workflow_the_line_of_the_conformance_test_is_annotated(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "::error" not in runs(BODY).stdout.str()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    lines = [line for line in runs(BODY).outlines if line.startswith("::error ")]
    (line,) = lines
    assert line.startswith("::error file=test_layers.py,line=")
    assert "x_bar: backward wrong (smallest case: avg_pool1d n1ic1iw4kw2)" in line
    number = int(line.partition("line=")[2].partition(",")[0])
    source = (runs.pytester.path / "test_layers.py").read_text(encoding="utf-8").splitlines()
    assert "bpcheck.conformance(wrong)" in source[number - 1]
