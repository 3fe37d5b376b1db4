"""Files of a report: from the command line and from pytest, whole, and told before the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from bpcheck.cases import parse_case
from bpcheck.cli import main
from bpcheck.pytest_items.keys import REPORTS
from bpcheck.pytest_plugin import pytest_sessionfinish, pytest_testnodedown
from bpcheck.report import to_markdown
from bpcheck.runner import check_subject
from properties.harness.pages import RIGHT, WRONG
from properties.harness.planting import reference
from properties.harness.test_pytest_plugin import Runs, report_of, runs

__all__ = ["runs"]

CHECK = ("check", "avg_pool1d", "reference.avg_pool", "--cases", "3", "--in-process")


@pytest.fixture(autouse=True)
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The summary of a workflow's step."""
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def test_a_check_writes_every_file_that_is_asked_for(tmp_path: Path, summary: Path) -> None:
    files = {kind: tmp_path / f"r.{kind}" for kind in ("json", "markdown", "html")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    result = CliRunner().invoke(main, [*CHECK, *options])
    assert result.exit_code == 0, result.output
    (report,) = json.loads(files["json"].read_text(encoding="utf-8"))["reports"]
    assert report["matrix"]["windows tile"]["y"]["standing"] == "right"
    assert files["html"].read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    text = files["markdown"].read_text(encoding="utf-8")
    assert text.startswith("### ✅ reference.avg\\_pool · avg\\_pool1d\n")
    assert summary.read_text(encoding="utf-8").strip() == text.strip()


def test_markdown_of_two_runs_is_the_same(tmp_path: Path) -> None:
    for name in ("one.md", "two.md"):
        CliRunner().invoke(main, [*CHECK, "--markdown", str(tmp_path / name)])
    assert (tmp_path / "one.md").read_bytes() == (tmp_path / "two.md").read_bytes()


@pytest.mark.parametrize("kind", ["json", "markdown", "html"])
def test_a_file_that_cannot_be_written_is_told_before_the_run(kind: str, tmp_path: Path) -> None:
    for path, said in ((tmp_path, "this is a directory"), (" ", "the path is empty")):
        result = CliRunner().invoke(main, [*CHECK, f"--{kind}", str(path)])
        assert result.exit_code == 2
        assert f"--{kind}" in result.output
        assert said in " ".join(result.output.split())


def test_pytest_writes_the_reports_with_what_replays_them(runs: Runs, summary: Path) -> None:
    runs.report = report_of()
    result = runs(
        "test_pool = bpcheck.conformance(right)", "--bpcheck-html=r.html", "--bpcheck-json=r.json"
    )
    assert result.ret == 0
    folder = runs.pytester.path
    assert "<h2>" in (folder / "r.html").read_text(encoding="utf-8")
    document = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert len(document["reports"]) == 1
    assert summary.read_text(encoding="utf-8").startswith("### ")


def test_pytest_without_conformance_tests_writes_no_summary(runs: Runs, summary: Path) -> None:
    assert runs("def test_nothing(): pass").ret == 0
    assert not summary.exists()


def test_pytest_refuses_a_file_that_it_cannot_write(runs: Runs) -> None:
    result = runs("test_pool = bpcheck.conformance(right)", "--bpcheck-html=no/such/r.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--bpcheck-html *: there is no directory *"])
    assert not runs.checked


def test_a_page_that_cannot_be_written_at_the_end_is_no_pass(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The disk of a machine that fills up meanwhile.
    runs.report = report_of()
    result = runs("test_pool = bpcheck.conformance(right)", "--bpcheck-html=/dev/full")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--bpcheck-html /dev/full: cannot be written" in result.stderr.str()


def test_the_reports_of_workers_of_xdist_reach_the_process_that_writes(tmp_path: Path) -> None:
    def config_of(**more: Any) -> Any:
        options = {"bpcheck_json": None, "bpcheck_html": str(tmp_path / "r.html")}
        return SimpleNamespace(
            stash=pytest.Stash(),
            getoption=options.__getitem__,
            invocation_params=SimpleNamespace(dir=tmp_path),
            **more,
        )

    controller = config_of()
    for report in (WRONG, RIGHT):
        worker = config_of(workeroutput={})
        worker.stash[REPORTS] = [(report, "layers:Conv")]
        pytest_sessionfinish(SimpleNamespace(config=worker))  # type: ignore[arg-type]
        node = SimpleNamespace(workeroutput=worker.workeroutput, config=controller)
        pytest_testnodedown(node, None)
    assert not (tmp_path / "r.html").exists()
    pytest_sessionfinish(SimpleNamespace(config=controller, exitstatus=0))  # type: ignore[arg-type]
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count("<h2>layers") == 2
    assert "bpcheck replay" in page


def test_a_replay_command_stands_in_markdown_as_it_is_copied() -> None:
    right = reference("avg_pool1d")
    wrong = replace(right, vjp=lambda residuals, y_bar: (2 * right.vjp(residuals, y_bar)[0],))
    report = check_subject(wrong, cases=[parse_case("avg_pool1d n1ic1iw4kw2sw2 f64 small")])
    (judgement,) = report.judgements
    text = to_markdown(report, targets=["my_pool.py:Pool_1d"])
    assert f"`bpcheck replay '{judgement.smallest}' my_pool.py:Pool_1d`" in text
