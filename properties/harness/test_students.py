"""Twelve wrong layers of courses: the right verdict first, a name that is true, a tiny case."""

from __future__ import annotations

import json
import re
from math import prod
from pathlib import Path

import pytest
from click.testing import CliRunner

import bpcheck
from bpcheck.cases import parse_case
from bpcheck.cli import main
from bpcheck.explain.faults import faults_of
from bpcheck.report import report_text
from bpcheck.runner.one import judge
from bpcheck.verdict import Verdict
from properties import students

#: The first cases of a quick run, of those that loops in Python do not take long for: by then every
#: mistake has shown often enough to be named.
CASES, LARGEST = 60, 2_048

#: For each layer: its operation, what comes first, and the fault that it makes.
STUDENTS = {
    "crop": ("conv2d", Verdict.CONTRACT_BROKEN, "x_bar", "x-bar-cropped-to-nothing"),
    "stride_ignored:Conv": (
        "conv2d",
        Verdict.BACKWARD_WRONG,
        "w_bar",
        "w-bar-window-at-j-for-j-times-stride",
    ),
    "overwritten": ("avg_pool2d", Verdict.BACKWARD_WRONG, "x_bar", "x-bar-overlap-overwritten"),
    "all_ties": ("max_pool2d", Verdict.BACKWARD_WRONG, "x_bar", "x-bar-all-ties-rewarded"),
    "zero_padding:MaxPool": (
        "max_pool2d",
        Verdict.FORWARD_DIFFERS,
        "y",
        "zero-padding-wins-throughout",
    ),
    "first_sample": ("conv2d", Verdict.BACKWARD_WRONG, "w_bar", "w-bar-of-the-first-sample"),
    "square_image": (
        "avg_pool2d",
        Verdict.BACKWARD_WRONG,
        "x_bar",
        "x-bar-columns-as-many-as-rows",
    ),
    "nhwc:Conv": ("conv2d", Verdict.CONTRACT_BROKEN, "x_bar", "x-bar-channels-last"),
    "mean_not_divided": ("avg_pool2d", Verdict.BACKWARD_WRONG, "x_bar", "x-bar-not-divided"),
    "unpadded": ("conv2d", Verdict.CONTRACT_BROKEN, "w_bar", "w-bar-of-the-unpadded-input"),
    "bias:Conv2D": ("conv2d", Verdict.CONTRACT_BROKEN, "b_bar", "b-bar-of-every-sample"),
    "window_at_j": (
        "max_pool2d",
        Verdict.BACKWARD_WRONG,
        "x_bar",
        "x-bar-window-at-j-for-j-times-stride",
    ),
}


@pytest.mark.parametrize("name", STUDENTS)
def test_a_layer_of_a_course_gets_the_right_verdict_its_name_and_a_tiny_case(name: str) -> None:
    operation, verdict, result, fault = STUDENTS[name]
    module, _, attribute = name.partition(":")
    target = f"properties.students.{module}" + (f":{attribute}" if attribute else "")
    subject = bpcheck.adapters.load(target, operation=operation)
    report = bpcheck.check(subject, profile="quick", count=CASES, largest=LARGEST)
    first = report.judgements[0]
    assert (first.verdict, first.result) == (verdict, result)
    whats = {each.name: each.what for each in faults_of(operation)}
    assert first.looks_like.startswith(whats[fault]), report_text(report)
    # No other name is given to anything that the same mistake does.
    assert {each.looks_like for each in report.judgements[1:]} <= {""}, report_text(report)
    case = parse_case(first.smallest)
    operands = case.operation.operand_shapes(case.geometry).values()
    assert sum(prod(shape) for shape in operands) <= 16
    assert any((r.verdict, r.result) == (verdict, result) for r in judge(subject, case).rulings)


#: Students whose arrays are made by ``np.zeros(shape)``, float64 whatever the operands are.
WIDE = ("crop", "mean_not_divided")


@pytest.mark.parametrize("name", WIDE)
def test_a_layer_that_makes_float64_of_all_operands_gets_the_same_verdict_first(
    name: str, tmp_path: Path
) -> None:
    operation, verdict, result, fault = STUDENTS[name]
    code = (Path(students.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    code = re.sub(r"(, dtype=|, )\w+\.dtype\)", ")", code)
    code = re.sub(r"np\.zeros_like\((\w+)\)", r"np.zeros(\1.shape)", code)
    target, report = tmp_path / f"{name}_wide.py", tmp_path / "report.json"
    target.write_text(code, encoding="utf-8")
    words = ["--cases", "40", "--largest", "512", "--in-process"]
    said = CliRunner().invoke(
        main, ["check", operation, str(target), *words, "--json", str(report)]
    )
    assert said.exit_code == 1, said.output
    first, *others = json.loads(report.read_text(encoding="utf-8"))["reports"][0]["judgements"]
    assert (first["judgement"], first["result"]) == (str(verdict), result)
    what = next(each.what for each in faults_of(operation) if each.name == fault)
    assert first["looks_like"].startswith(what)
    assert {each["judgement"] for each in others} == {str(Verdict.WIDER)}


def test_there_are_twelve() -> None:
    assert len(STUDENTS) == 12
