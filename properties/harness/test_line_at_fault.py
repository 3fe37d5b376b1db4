"""The line at fault: found by a change of it that mends everything, or not told at all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bpcheck import adapters
from bpcheck.cli import main
from bpcheck.explain.line.spectrum import ranked
from bpcheck.explain.line.statements import Source
from bpcheck.explain.line.swapping import loaded_from, swapped
from bpcheck.explain.line.tracing import lines_run
from bpcheck.report.annotations import annotated
from bpcheck.report.html import to_html
from bpcheck.report.json import to_json
from bpcheck.report.message import judgement_message
from bpcheck.runner.run import check_subject
from bpcheck.verdict import Report

pytestmark = pytest.mark.repairs

RIGHT = """
import numpy as np


def forward(x, *, kernel_size, stride):
    (k,), (s,) = kernel_size, stride
    out = (x.shape[2] - k) // s + 1
    y = np.zeros((*x.shape[:2], out), x.dtype)
    for i in range(out):
        y[:, :, i] = x[:, :, i * s : i * s + k].sum(axis=2) / k
    return y, (x.shape, k, s)


def vjp(residuals, y_bar):
    shape, k, s = residuals
    x_bar = np.zeros(shape, y_bar.dtype)
    share = y_bar / k
    for i in range(y_bar.shape[2]):
        start = i * s
        x_bar[:, :, start : start + k] += share[:, :, i : i + 1]
    return (x_bar,)
"""


def checked(folder: Path, right: str, wrong: str, *, repairs: bool = True) -> Report:
    assert RIGHT.count(right) == 1
    path = folder / "pool.py"
    path.write_text(RIGHT.replace(right, wrong))
    subject = adapters.load(str(path), operation="avg_pool1d")
    report = check_subject(
        subject, profile="quick", count=30, largest=256, dtypes=["float64"], repairs=repairs
    )
    # Never in the user's file.
    assert path.read_text() == RIGHT.replace(right, wrong)
    return report


def line_of(text: str) -> int:
    return RIGHT[: RIGHT.index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("+k] += share".replace("+k", "+ k"), "+ k] = share"),
        ("start = i * s", "start = i"),
        ("share = y_bar / k", "share = y_bar / s"),
    ],
)
def test_the_line_is_told_with_its_repair(tmp_path: Path, right: str, wrong: str) -> None:
    judgement = checked(tmp_path, right, wrong).judgements[0]
    found = judgement.repaired
    assert found is not None
    assert found.line == line_of(right)
    assert wrong in found.source
    assert right in found.repair
    assert Path(found.file).name == "pool.py"
    assert found.failing >= 3


def test_the_line_stands_in_every_report_and_in_an_annotation(tmp_path: Path) -> None:
    report = checked(tmp_path, "start = i * s", "start = i")
    where = f"pool.py:{line_of('start = i * s')}"
    assert where in to_html(report)
    assert where in judgement_message(report.judgements[0])
    assert '"repair": "start = i * s"' in to_json(report)
    (annotation,) = annotated(report)
    assert annotation.startswith("::error file=")
    assert f",line={line_of('start = i * s')}," in annotation
    assert "\n" not in annotation


def test_the_command_line_looks_for_it_unless_told_not_to(tmp_path: Path) -> None:
    path = tmp_path / "pool.py"
    path.write_text(RIGHT.replace("start = i * s", "start = i"))
    options = ("--cases", "24", "--largest", "256", "--dtype", "f64")
    words = ["check", "avg_pool1d", str(path), *options]
    told, silent = (CliRunner().invoke(main, [*words, *more]) for more in ((), ("--no-repair",)))
    assert (told.exit_code, silent.exit_code) == (1, 1)
    assert "start = i * s" in told.output
    assert "start = i * s" not in silent.output


def test_without_the_search_nothing_is_told(tmp_path: Path) -> None:
    report = checked(tmp_path, "start = i * s", "start = i", repairs=False)
    assert report.judgements[0].repaired is None
    assert not list(annotated(report))


def test_what_no_small_change_mends_is_met_with_silence(tmp_path: Path) -> None:
    wrong = "share = np.sin(y_bar) * np.arange(y_bar.shape[2]) ** 2"
    report = checked(tmp_path, "share = y_bar / k", wrong)
    assert report.judgements[0].verdict.is_defect
    assert report.judgements[0].repaired is None


@pytest.mark.parametrize(
    "special",
    [
        "share = y_bar / k\n    if k == 2 and len(shape) == 3:\n        share = np.sin(share)",
        "share = np.sin(y_bar) if k == 2 and len(shape) == 3 else y_bar / k",
    ],
)
def test_a_special_case_that_is_only_moved_elsewhere_is_not_mended(
    tmp_path: Path, special: str
) -> None:
    report = checked(tmp_path, "share = y_bar / k", special)
    assert report.judgements[0].verdict.is_defect
    found = report.judgements[0].repaired
    assert found is None or "len(shape)" not in found.repair.replace("len(shape) == 3", "")


def test_a_condition_is_mended_where_it_comes_out_both_ways(tmp_path: Path) -> None:
    meant, slip = (f"share = y_bar / (k if k > {n} else 1)" for n in (1, 2))
    found = checked(tmp_path, "share = y_bar / k", slip).judgements[0].repaired
    assert found is not None
    assert found.repair in (meant, meant.replace("> 1", ">= 2"))


def test_a_change_that_makes_a_loop_endless_is_no_repair_and_ends(tmp_path: Path) -> None:
    right = "    for i in range(y_bar.shape[2]):\n        start"
    wrong = "    i = -1\n    while i < y_bar.shape[2] - 1:\n        i += 1\n        start"
    slip = RIGHT.replace(right, wrong).replace("] += share", "] = share")
    path = tmp_path / "endless.py"
    path.write_text(slip)
    subject = adapters.load(str(path), operation="avg_pool1d")
    report = check_subject(
        subject, profile="quick", count=30, largest=256, dtypes=["float64"], repairs=True
    )
    found = report.judgements[0].repaired
    assert found is not None
    assert "+= share" in found.repair


def test_a_tracer_of_the_user_is_put_back() -> None:
    seen: list[str] = []

    def tracer(frame: Any, event: str, argument: Any) -> Any:
        seen.append(event)
        return tracer

    def call() -> int:
        return 1 + 1

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        lines = lines_run(call, lambda code: code is call.__code__)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert {line - code.co_firstlineno for code, line in lines} == {1}


def test_a_call_that_raises_tells_the_lines_before_that() -> None:
    def call() -> float:
        one = 1
        return one / 0

    lines = lines_run(call, lambda code: code is call.__code__)
    assert {line - code.co_firstlineno for code, line in lines} == {1, 2}


def test_functions_have_their_own_code_again_after_another_was_tried(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("def f(n):\n    return n + 1\n")
    space: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)  # noqa: S102 - our own text
    changed = compile("def f(n):\n    return n - 1\n", str(path), "exec")
    with swapped(loaded_from(str(path)), changed) as is_changed:
        assert is_changed
        assert space["f"](3) == 2
    assert space["f"](3) == 4


def test_a_line_that_runs_where_it_fails_and_nowhere_else_is_the_most_suspicious() -> None:
    failing = [frozenset({1, 2}), frozenset({1, 2, 3})]
    passing = [frozenset({1, 3}), frozenset({1})]
    assert [line for _, line in ranked(failing, passing)] == [2, 1, 3]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("y[i, j] = x[j, i]", "y[i, j] = x[i, j]"),
        ("y[i, j] = x[i, j]", "y[i, j] += x[i, j]"),
        ("y = np.pad(x, (ph, ph))", "y = np.pad(x, (pw, pw))"),
        ("y = x[p:-p]", "y = x[p:x.shape[0] - p]"),
        ("y = np.abs(x)", "y = x"),
        ("y = x[i - 1 : j]", "y = x[i + 1 : j]"),
        ("y = x.sum(axis=(0, 2))", "y = x.sum(axis=(0, 1, 2))"),
        ("y = x * ph", "y = x * pw"),
        ("pw, ph = y", "ph, pw = y"),
        ("y = np.einsum('ij,jk->ik', x, x)", "y = np.einsum('ji,jk->ik', x, x)"),
    ],
)
def test_a_slip_of_the_pen_is_among_the_changes(line: str, meant: str) -> None:
    source = Source(f"def f(x, y, i, j, p, ph, pw):\n    {line}\n")
    changed = {source.changed(edit).split("\n")[1].strip() for edit in source.edits(2)}
    assert meant in changed


@pytest.mark.parametrize(
    ("line", "silly"),
    [
        ("dx = x + y", "y = x + y"),
        ("dx = x + dy", "dy = x + dx"),
        ("dx, dw = x, y", "dx, y = x, y"),
        ("out.send = x", "inner.send = x"),
        ("dx += x", "y += x"),
    ],
)
def test_a_result_under_another_name_is_no_repair(line: str, silly: str) -> None:
    source = Source(f"def f(x, y, dx, dy, dw, out, inner):\n    {line}\n")
    changed = {source.changed(edit).split("\n")[1].strip() for edit in source.edits(2)}
    assert silly not in changed
    assert "pass" in changed
