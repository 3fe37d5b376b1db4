"""`bpcheck replay --from`: whatever a report was pasted through, its very cases are run again."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.sax.saxutils import escape, quoteattr

import pytest

from bpcheck.errors import UsageError
from bpcheck.report import report_text, to_json, to_markdown
from bpcheck.report.message import brief_message, judgement_message
from bpcheck.report.recorded import Recorded, recorded_in
from properties.harness.own import command
from properties.harness.pages import DEFECT, RIGHT, WRONG
from properties.harness.targets import folder, write

__all__ = ["folder"]

CASE = "max_pool1d n1ic1iw4kw2 f64 small c-order seed=0 y_bar=0,0,1"
TARGET = "layers:Pool --style layer --with axis=1"
SAID = (("got", "0"), ("autograd", "0.5"), ("finite differences", "0.5"))

JUDGEMENT = replace(
    DEFECT,
    result="x_bar",
    smallest=CASE,
    findings=tuple(
        replace(each, result="x_bar", case=CASE, index=(0, 0, 1)) for each in DEFECT.findings
    ),
    answers=(("got", 0.0), ("autograd", 0.5), ("finite differences", 0.5)),
)
REPORT = replace(WRONG, judgements=(JUDGEMENT,))
MESSAGE = judgement_message(JUDGEMENT, target=TARGET)

JUNIT = (
    '<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite><testcase name="a">'
    f"<failure message={quoteattr(MESSAGE)}>{escape(MESSAGE)}</failure></testcase>"
    f"<testcase name='b'><failure>{escape(brief_message(JUDGEMENT, item='a', target=TARGET))}"
    "</failure></testcase></testsuite></testsuites>"
)

TEXTS = {
    "terminal": report_text(REPORT, target=TARGET),
    "narrow terminal": report_text(REPORT, width=40, target=TARGET),
    "pytest": "\n".join(f"E   {line}" for line in MESSAGE.splitlines()),
    "log of CI": "\n".join(f"2026-01-02T03:04:05.6789012Z {line}" for line in MESSAGE.splitlines()),
    "colours": MESSAGE.replace("bpcheck replay", "\x1b[1mbpcheck replay\x1b[0m"),
    "carriage returns": MESSAGE.replace("\n", "\r\n"),
    "a line broken at a space": MESSAGE.replace("f64 small", "f64\n  small"),
    "a line broken in a word": MESSAGE.replace("c-order", "c-or\nder"),
    "JSON": to_json(REPORT, targets=[TARGET]),
    "Markdown": to_markdown(REPORT, targets=[TARGET]),
    "JUnit": JUNIT,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_report_gives_its_case_once_with_its_target(name: str) -> None:
    (found,) = recorded_in(TEXTS[name], origin="-")
    assert (found.case, found.target) == (CASE, TARGET)


@pytest.mark.parametrize("name", [each for each in TEXTS if each != "Markdown"])
def test_the_numbers_of_the_jurors_are_read(name: str) -> None:
    (found,) = recorded_in(TEXTS[name], origin="-")
    assert (found.element, found.said) == ("x_bar[0,0,1]", SAID)


def test_each_case_keeps_the_numbers_that_stand_above_it() -> None:
    other = replace(JUDGEMENT, smallest=CASE.replace("iw4", "iw5"), answers=(("got", 7.0),))
    plain = f"{judgement_message(other)}\n{MESSAGE}\n{judgement_message(other)}"
    one, two = recorded_in(plain, origin="-")
    assert (one.case, one.said, one.target) == (other.smallest, (), "")
    assert two.said == SAID


def test_a_case_alone_is_enough() -> None:
    assert recorded_in(f"see {CASE}, please", origin="-") == (Recorded(CASE),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no case of bpcheck stands there"),
        ("nothing to see", "no case of bpcheck stands there"),
        (to_json(RIGHT), "no case of bpcheck stands there"),
        ("{", "this is no JSON that can be read"),
        ("<a>", "this is no XML that can be read"),
        ('{"format": "bpcheck-report", "reports": [1]}', "not as bpcheck writes it"),
        (json.dumps({"other": 1}), "no case of bpcheck stands there"),
    ],
)
def test_what_holds_no_case_is_refused_with_what_to_give(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        recorded_in(text, origin="report")


HALF = """
    import numpy as np
    def forward(x, *, kernel_size, stride):
        (k,), (s,) = kernel_size, stride
        windows = np.lib.stride_tricks.sliding_window_view(x, k, axis=-1)[..., ::s, :]
        return windows.mean(axis=-1), (x.shape, k, s)
    def vjp(residuals, y_bar):
        shape, k, s = residuals
        x_bar = np.zeros(shape, y_bar.dtype)
        for j in range(k):
            x_bar[..., j : j + s * y_bar.shape[-1] : s] = y_bar / k
        return (x_bar,)
"""
FAILS = "avg_pool1d n1ic1iw3kw2 f64 small c-order seed=0 y_bar=0,0,1"


def test_a_report_is_replayed_and_its_numbers_are_compared() -> None:
    write("layers.py", HALF)
    said = "x_bar[0,0,1]  got {}   autograd 0.5   finite differences 0.5\n"
    text = f"{said.format(0)}bpcheck replay '{FAILS}' layers\n"
    write("pasted.txt", text)
    same = command("replay", "--from", "pasted.txt", "--in-process")
    assert same.exit_code == 1
    assert "the very numbers of the report: x_bar[0,0,1]  got 0" in same.output
    write("pasted.txt", text.replace("got 0", "got 3"))
    other = command("replay", "--from", "pasted.txt", "layers", "--in-process")
    assert "not the numbers of the report: x_bar[0,0,1]  got 3" in other.output
    assert "here  got 0" in other.output


def test_a_report_without_a_target_asks_for_one() -> None:
    write("pasted.txt", f"{FAILS}\n")
    asked = command("replay", "--from", "pasted.txt", "--in-process")
    assert asked.exit_code == 2
    assert "bpcheck replay --from pasted.txt TARGET" in asked.output
    assert command("replay", "--from", "none.txt").exit_code == 2
    assert command("replay", "--from", "pasted.txt", FAILS, "layers").exit_code == 2
