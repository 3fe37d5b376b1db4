"""What a person sees: the table, each defect, the verdict, on every kind of terminal."""

from __future__ import annotations

import io
import shlex
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from bpcheck.cases import parse_case
from bpcheck.finding import Finding, Kind
from bpcheck.report import print_replay, print_report, report_text
from bpcheck.report.wording import below, conclusion
from bpcheck.runner import replay
from bpcheck.subject import Subject
from bpcheck.verdict import Cell, Judgement, Report, Verdict

CASE = "conv2d n1ic1ih2iw3oc1kh2kw2sh2sw2ph1pw1 f64 exact c-order seed=0 y_bar=0,0,0,1"

AGREES = Report(
    subject="reference.conv",
    operation="conv2d",
    style="NumPy",
    profile="default",
    seed=7,
    dtypes=("float64", "float32"),
    verdict=Verdict.AGREES,
    judgements=(),
    table={
        "contract": {"y": Cell(4212), "x_bar": Cell(4212), "w_bar": Cell(4212)},
        "finite differences": {"y": Cell(), "x_bar": Cell(9), "w_bar": Cell(9)},
    },
    cases=4212,
    unsupported=0,
    coverage={"batch 0": 4, "stride > 1": 90},
    survival_one=1.5e-4,
)

WRONG = Judgement(
    verdict=Verdict.BACKWARD_WRONG,
    result="w_bar",
    because="autograd and finite differences are against it, and the forward is right",
    where="stride > 1",
    failing=212,
    judged=4212,
    smallest=CASE,
    findings=(
        Finding(
            kind=Kind.VALUE,
            check="autograd",
            result="w_bar",
            case=CASE,
            message="w_bar[0,0,0,1] is 3, autograd has 5 (1 of 4 elements wrong)",
            index=(0, 0, 0, 1),
            got=3.0,
            expected=5.0,
            error=2.0,
            bound=0.0,
            wrong=1,
            total=4,
        ),
    ),
    answers=(("got", 3.0), ("autograd", 5.0), ("finite differences", 5.0)),
)

RAISES = Judgement(
    verdict=Verdict.RAISES,
    result="x_bar",
    because="vjp raised ValueError: no [bold]markup[/bold] is read",
    where="",
    failing=1,
    judged=1,
    smallest=CASE,
    findings=(),
)

DEFECTS = replace(
    AGREES,
    verdict=Verdict.BACKWARD_WRONG,
    judgements=(WRONG, RAISES),
    table={**AGREES.table, "autograd": {"y": Cell(9), "x_bar": Cell(9), "w_bar": Cell(8, 1)}},
)


def printed(report: Report, *, width: int = 80, encoding: str = "utf-8", **options: Any) -> str:
    """What a terminal with these properties gets."""
    memory = io.BytesIO()
    file = io.TextIOWrapper(memory, encoding=encoding, newline="")
    print_report(report, Console(file=file, width=width, **options), target="layers:Conv")
    file.flush()
    return memory.getvalue().decode(encoding)


def test_a_report_that_agrees_reads_like_this() -> None:
    assert report_text(AGREES).splitlines() == [
        " reference.conv · conv2d · NumPy · float64 float32",
        "                     y  x_bar  w_bar",
        " contract            ✓    ✓      ✓",
        " finite differences  ·    ✓      ✓",
        " · a check that says nothing of this result",
        " 4,212 cases, all 2 edge classes, profile default, seed 7",
        " AGREES in 4,212 cases: all 2 edge classes. Not claimed: nothing. A wrong",
        " gradient row would survive one exact probe with probability < 2e-4.",
    ]


def test_a_report_of_a_defect_reads_like_this() -> None:
    text = report_text(replace(DEFECTS, judgements=(WRONG,)), target="layers:Conv")
    command = f"bpcheck replay '{CASE}' layers:Conv"
    assert text.splitlines()[5:] == [
        " · a check that says nothing of this result",
        "",
        " ✗ w_bar: backward wrong where stride > 1",
        "     autograd and finite differences are against it, and the forward is right",
        "     w_bar[0,0,0,1]   got 3   autograd 5   finite differences 5",
        "     in that case     1 of 4 elements wrong",
        "     seen in          212 of 4,212 cases",
        f"     smallest case    {CASE}",
        f"     replay           {command}",
        "",
        " 4,212 cases, all 2 edge classes, profile default, seed 7",
        " BACKWARD WRONG. 1 defect.",
    ]


@pytest.mark.parametrize("width", [24, 40, 60, 200])
def test_only_what_is_meant_to_be_copied_exceeds_the_width(width: int) -> None:
    lines = report_text(DEFECTS, width=width, target="layers:Conv").splitlines()
    copied = [line for line in lines if CASE in line]
    assert len(copied) == 4
    assert all(len(line) <= max(width, 34) for line in lines if line not in copied)


def test_the_replay_command_survives_a_shell_and_a_narrow_terminal() -> None:
    target = "'my layers.py:Conv' --style torch"
    memory = io.StringIO()
    print_report(DEFECTS, Console(file=memory, width=30), target=target)
    line = next(line for line in memory.getvalue().splitlines() if "bpcheck replay" in line)
    words = shlex.split(line.partition("replay")[2])
    assert words == ["bpcheck", "replay", CASE, "my layers.py:Conv", "--style", "torch"]


def test_without_a_target_no_command_is_given() -> None:
    assert "bpcheck replay" not in report_text(DEFECTS)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_the_signs_gets_others(encoding: str) -> None:
    text = printed(DEFECTS, encoding=encoding)
    assert "X w_bar: backward wrong" in text
    assert any(line.split() == ["contract", "ok", "ok", "ok"] for line in text.splitlines())
    assert any(line.split() == ["autograd", "ok", "ok", "X"] for line in text.splitlines())
    assert "✓" not in text


def test_letters_that_the_encoding_lacks_are_spelt_out() -> None:
    assert "r\\xe9seau" in printed(replace(AGREES, subject="réseau"), encoding="ascii")


def test_what_a_user_writes_is_not_taken_for_markup() -> None:
    assert "no [bold]markup[/bold] is read" in report_text(DEFECTS)


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in printed(DEFECTS)
    assert "\x1b[1;31m" in printed(DEFECTS, force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in printed(DEFECTS, force_terminal=True)


def test_what_was_not_reached_is_said() -> None:
    report = replace(
        AGREES,
        claimed=("sums in float32",),
        left_out={"NaN": 0, "groups": 0, "only 2x2": 40, "declared unsupported": 1},
        not_needed=("empty = False (3 cases beyond it agree)",),
        coverage={"groups > 1": 0, "stride > 1": 3, "batch 0": 0},
        missing=("groups > 1", "batch 0"),
    )
    text = report_text(report, width=200)
    assert " claims: sums in float32\n" in text
    left_out = "NaN, groups, only 2x2 (40 cases), declared unsupported (1 case)"
    # Who agrees says so in the last line, and nowhere else.
    assert f" Not claimed: {left_out}. " in text
    assert " not claimed: " not in text
    defects = report_text(replace(report, verdict=Verdict.RAISES), width=200)
    assert f" not claimed: {left_out}\n" in defects
    assert "seem not to be needed: empty = False (3 cases beyond it agree)\n" in text
    assert "1 of 3 edge classes" in text
    assert "no case of: groups > 1; batch 0" in text


def test_a_run_that_judged_nothing_does_not_look_like_a_pass() -> None:
    report = replace(
        AGREES,
        verdict=Verdict.INCONCLUSIVE,
        cases=0,
        table={"contract": {"y": Cell()}},
        left_out={"nothing yet": 300},
    )
    lines = report_text(report).splitlines()
    assert lines[-2] == " not claimed: nothing yet (300 cases)"
    assert lines[-1].startswith(" INCONCLUSIVE. Nothing could be judged")
    assert "✓" not in "".join(lines)


def test_an_interrupted_run_says_so() -> None:
    report = replace(AGREES, is_complete=False, cases=12)
    assert conclusion(report) == "INTERRUPTED. So far: AGREES, from 12 cases."


def test_an_agreement_without_exact_probes_claims_no_probability() -> None:
    text = conclusion(replace(AGREES, survival_one=1.0))
    assert "probability" not in text


@pytest.mark.parametrize(
    ("probability", "text"), [(1e-3, "< 2e-3"), (9.99e-4, "< 1e-3"), (0.55, "< 6e-1"), (0.0, "0")]
)
def test_a_probability_is_rounded_up_to_one_digit(probability: float, text: str) -> None:
    assert below(probability) == text


def pool(vjp: Any) -> Subject:
    """A max pool of two windows of two cells."""

    def forward(x: Any, **_: Any) -> Any:
        return x.reshape(*x.shape[:2], 2, 2).max(axis=-1), x

    return Subject(forward=forward, vjp=vjp, operation="max_pool1d", name="mine")


def replayed(vjp: Any, *, width: int = 80) -> str:
    memory = io.StringIO()
    case = parse_case("max_pool1d n1ic1iw4kw2sw2 f64 exact")
    print_replay(replay(pool(vjp), case), Console(file=memory, width=width))
    return memory.getvalue()


def right_vjp(x: Any, y_bar: Any) -> Any:
    windows = x.reshape(*x.shape[:2], 2, 2)
    wins = windows == windows.max(axis=-1, keepdims=True)
    return ((wins * y_bar[..., None]).reshape(x.shape),)


def test_a_replay_shows_arrays_oracles_checks_and_the_verdict() -> None:
    text = replayed(right_vjp)
    assert text.startswith("max_pool1d n1ic1iw4kw2sw2 f64 exact c-order seed=0\n")
    for expected in ("kernel_size = (2,)", "x  float64 (1, 1, 4)", "y_bar  float64 (1, 1, 2)"):
        assert expected in text
    assert text.count("autograd: the same numbers") == 2
    assert "finite differences: the same numbers" in text
    assert "✓ contract             y, x_bar" in text
    assert text.endswith("AGREES.\n")


def test_a_replay_of_a_defect_shows_where_the_numbers_part() -> None:
    text = replayed(lambda x, y_bar: (-right_vjp(x, y_bar)[0],))
    for expected in ("x_bar by autograd", "x_bar minus autograd", "x_bar by finite differences"):
        assert expected in text
    assert "✗ autograd             x_bar" in text
    assert "BACKWARD WRONG. x_bar:" in text


def test_a_replay_of_what_gives_no_array_still_shows_the_oracles() -> None:
    text = replayed(lambda *_: None)
    assert "x_bar: the subject gave nothing that can be compared" in text
    assert "x_bar by autograd" in text
    assert "vjp returned None" in text


def test_a_replay_of_an_unsupported_case_gives_the_reason() -> None:
    def forward(x: Any, **_: Any) -> Any:
        raise NotImplementedError("no pools on Sundays")

    memory = io.StringIO()
    subject = Subject(forward=forward, vjp=right_vjp, operation="max_pool1d")
    print_replay(replay(subject, parse_case("max_pool1d n1ic1iw4kw2sw2")), Console(file=memory))
    assert "UNSUPPORTED" in memory.getvalue()
    assert "no pools on Sundays" in memory.getvalue()
