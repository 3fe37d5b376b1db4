"""A malformed y stops its case: no vjp is called, no juror asked, and it is told first."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import bpcheck
from bpcheck import Subject, Verdict, parse_case
from bpcheck.checks import names_for
from bpcheck.cli import main
from bpcheck.finding import Status
from bpcheck.report import report_text
from bpcheck.runner import check_subject
from bpcheck.runner.one import judge
from bpcheck.verdict import Report
from properties.harness.malformed import (
    EQUAL_STRIDES,
    FORWARDS,
    Counted,
    changed,
    equal_strides,
    malformed,
    narrow_pool,
)
from properties.harness.targets import folder, write
from reference import avg_pool, conv

__all__ = ["folder"]

CASE = "conv2d n1ic2ih5iw6oc3kh2kw2 f64 exact c-order seed={}"


#: Layers of one sample and more, with equal strides and others, with square outputs and others.
CASES = {
    operation: [
        parse_case(f"{operation} n{n}ic3ih{ih}iw{iw}{rest} {dtype} exact c-order seed={seed}")
        for seed, (n, ih, iw, rest, dtype) in enumerate(
            (n, ih, iw, rest, dtype)
            for n in (1, 2)
            for ih, iw in ((4, 5), (4, 4), (5, 8))
            for rest in rests
            for dtype in ("f64", "f32")
        )
    ]
    for operation, rests in {
        "conv2d": ("oc3kh2kw2", "oc2kh2kw3sh2sw2", "oc4kh1kw1"),
        "avg_pool2d": ("kh2kw2", "kh2kw3sh2sw2", "kh1kw2sw2"),
    }.items()
}


def told(report: Report) -> list[tuple[Verdict, str]]:
    return [(each.verdict, each.result) for each in report.judgements]


def equal_strides_pool() -> tuple[Subject, Counted]:
    def vjp(residuals: Any, y_bar: Any) -> Any:
        shape, dtype, (kh, kw), s = residuals
        x_bar = np.zeros(shape, dtype)
        for i in range(y_bar.shape[2]):
            for j in range(y_bar.shape[3]):
                at = (..., slice(i * s, i * s + kh), slice(j * s, j * s + kw))
                x_bar[at] += y_bar[:, :, i : i + 1, j : j + 1] / (kh * kw)
        return (x_bar,)

    counted = Counted(vjp)
    return Subject(equal_strides, counted, operation="avg_pool2d"), counted


@pytest.mark.parametrize("name", FORWARDS)
def test_it_is_the_only_thing_that_is_said_and_no_vjp_is_called(name: str) -> None:
    subject, vjp = malformed(name)
    # One seed of each turn, so that no costlier check calls it either.
    for seed in range(6):
        judged = judge(subject, parse_case(CASE.format(seed)))
        (ruling,) = judged.rulings
        assert (ruling.verdict, ruling.result) == (Verdict.CONTRACT_BROKEN, "y")
        assert FORWARDS[name][1] in ruling.because
        assert all(
            outcome.status is Status.NOT_APPLICABLE
            for outcome in judged.outcomes
            if outcome.check != "contract"
        )
        assert {outcome.check for outcome in judged.outcomes} == set(names_for(subject))
        assert not judged.is_compared
    assert vjp.cotangents == []


@pytest.mark.parametrize("kernel", ["equal strides", "NHWC", "no batch", "one more column"])
def test_from_python_it_comes_first_and_a_right_gradient_is_not_blamed(kernel: str) -> None:
    subject, vjp = equal_strides_pool() if kernel == "equal strides" else malformed(kernel)
    report = bpcheck.check(subject, cases=CASES[str(subject.operation)])
    assert told(report)[0] == (Verdict.CONTRACT_BROKEN, "y")
    assert "BACKWARD WRONG" not in report_text(report).upper()
    assert {result for _, result in told(report)} == {"y"}
    shapes = [parse_case(each.smallest).shapes["y"] for each in report.judgements]
    assert shapes
    assert (vjp.cotangents == []) == (kernel == "one more column")


BARE = """
from reference import avg_pool
from reference.avg_pool import vjp

def forward(x, **params):
    return avg_pool.forward(x, **params)[0]
"""

CHANNELS_LAST = """
from reference import avg_pool
from reference.avg_pool import vjp

def forward(x, **params):
    y, residuals = avg_pool.forward(x, **params)
    return y.transpose(0, 2, 3, 1), residuals
"""


@pytest.mark.parametrize("kernel", ["equal strides", "a bare y", "NHWC"])
def test_the_command_line_says_so(folder: Any, kernel: str) -> None:
    text = {"equal strides": EQUAL_STRIDES, "a bare y": BARE, "NHWC": CHANNELS_LAST}[kernel]
    write("mine.py", text)
    result = CliRunner().invoke(main, ["check", "avg_pool2d", "mine.py", "--cases", "60"])
    assert result.exit_code == 1
    assert "✗ y: contract broken" in result.output
    assert "backward wrong" not in result.output
    assert "forward is right" not in result.output
    said = {"equal strides": "y has shape", "a bare y": "(y, residuals)", "NHWC": "NHWC?"}
    assert said[kernel] in result.output


@pytest.mark.parametrize("kernel", ["equal strides", "a bare y"])
def test_pytest_says_so_and_skips_what_was_not_judged(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    # Sixty cases of the profile are enough to see what is said.
    monkeypatch.setattr(bpcheck.runner, "check_subject", partial(some, check_subject))
    text = {"equal strides": EQUAL_STRIDES, "a bare y": BARE}[kernel]
    pytester.makepyfile(
        f"import bpcheck\n{text}\n"
        "mine = bpcheck.Subject(forward, vjp, operation='avg_pool2d')\n"
        "test_mine = bpcheck.conformance(mine)\n"
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    failed = [line for line in result.outlines if line.startswith("FAILED")]
    assert [line.rpartition("::")[2].split(" - ")[0] for line in failed] == [
        "test_mine[contract-y]"
    ]
    result.stdout.fnmatch_lines(["*y: contract broken*"])
    result.stdout.no_fnmatch_line("*backward wrong*")


def some(check: Any, subject: Subject, **options: Any) -> Report:
    found: Report = check(subject, **{**options, "count": 60})
    return found


def test_a_dtype_alone_does_not_stop_a_case() -> None:
    vjp = Counted(avg_pool.vjp)
    subject = Subject(narrow_pool, vjp, operation="avg_pool2d", dtypes=("float64",))
    judge(subject, parse_case("avg_pool2d n1ic1ih3iw3kh2kw2 f64 exact c-order seed=0"))
    assert vjp.cotangents


def test_where_axes_do_not_fit_in_any_order_none_is_suggested() -> None:
    for name in ("no batch", "flat", "one more column"):
        subject, _ = malformed(name)
        (ruling,) = judge(subject, parse_case(CASE.format(0))).rulings
        assert "?" not in ruling.because


def test_axes_of_a_gradient_are_suggested_too() -> None:
    def vjp(residuals: Any, y_bar: Any) -> Any:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return x_bar, w_bar.transpose(2, 3, 1, 0), b_bar

    judged = judge(Subject(conv.forward, vjp, operation="conv2d"), parse_case(CASE.format(0)))
    assert any("HWIO?" in ruling.because for ruling in judged.rulings)


def test_a_malformed_y_of_a_further_run_calls_no_vjp_either() -> None:
    calls = 0

    def forward(x: Any, w: Any, b: Any = None, **params: Any) -> Any:
        nonlocal calls
        calls += 1
        y, residuals = conv.forward(x, w, b, **params)
        return (y[..., :-1] if calls > 1 else y), residuals

    for seed in range(6):
        calls = 0
        vjp = Counted(conv.vjp)
        judge(Subject(forward, vjp, operation="conv2d"), parse_case(CASE.format(seed)))
        assert len(vjp.cotangents) == 1


def test_wrong_values_where_sizes_coincide_come_after_it() -> None:
    subject, _ = malformed("NHWC")
    report = bpcheck.check(subject, cases=CASES["conv2d"])
    assert told(report) == [(Verdict.CONTRACT_BROKEN, "y"), (Verdict.FORWARD_WRONG, "y")]


def test_a_slow_subject_is_timed_without_a_vjp_too() -> None:
    subject = Subject(changed(lambda y: y[..., :0]), Counted(conv.vjp), operation="conv2d")
    bpcheck.check(subject, profile="quick", count=20)
    assert subject.vjp.cotangents == []  # type: ignore[attr-defined]


def test_numbers_that_tie_do_not_make_a_wrong_forward_right() -> None:
    subject, _ = equal_strides_pool()
    # Three rows and columns fit both strides once, and x is one number.
    text = "avg_pool2d n1ic1ih1iw5kh1kw1sh4sw3 f64 exact x:broadcast seed={}"
    for seed in range(4):
        rulings = judge(subject, parse_case(text.format(seed))).rulings
        assert [(each.verdict, each.result) for each in rulings] == [(Verdict.FORWARD_DIFFERS, "y")]
        assert "hide it" in rulings[0].findings[0].message
