"""Cases that failed before run beside the plan, are shown apart, and are never counted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import bpcheck.runner
from bpcheck.runner.kept import FOLDER, MOST, OFF, Kept
from properties.harness.own import command
from properties.harness.targets import folder, write
from properties.harness.test_pytest_plugin import Runs, report_of
from properties.harness.test_replay_from import HALF

__all__ = ["folder"]

CHECK = ("check", "avg_pool1d", "layers", "--in-process", "--cases")
RIGHT = HALF.replace("] = y_bar / k", "] += y_bar / k")


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv(OFF, raising=False)


def code(text: str) -> None:
    # A module that is loaded stays as it was.
    import sys

    sys.modules.pop("layers", None)
    write("layers.py", text)
    write("fails.txt", "avg_pool1d n1ic1iw3kw2 f64 small\n")
    write("passes.txt", "avg_pool1d n1ic1iw2kw2 f64 small\n")


def failed(*options: str) -> tuple[str, int]:
    """What a run says of the cases that failed before, after one that has found some."""
    ran = command(*CHECK, "passes.txt", *options)
    return ran.output, ran.exit_code


def written() -> dict[str, list[str]]:
    document = json.loads(Path(FOLDER, "failed.json").read_text(encoding="utf-8"))
    found: dict[str, list[str]] = document["failed"]
    return found


def found() -> None:
    code(HALF)
    assert command(*CHECK, "fails.txt").exit_code == 1


def test_a_case_that_failed_fails_the_next_run_though_its_plan_does_not_meet_it() -> None:
    found()
    assert list(written()) == ["avg_pool1d layers"]
    output, exit_code = failed("--seed", "3", "--json", "with.json")
    assert "failed before, beside the plan and not counted: 1 case" in output
    assert re.search(r"✗ x_bar: backward wrong +bpcheck replay 'avg_pool1d .*' layers", output)
    assert exit_code == 1
    # The report knows nothing of it.
    alone, code_alone = failed("--seed", "3", "--json", "without.json", "--no-cache")
    assert "failed before" not in alone
    assert code_alone == 0
    assert Path("with.json").read_bytes() == Path("without.json").read_bytes()


def test_a_case_that_the_report_tells_is_not_told_twice() -> None:
    found()
    (case,) = written()["avg_pool1d layers"]
    again = command(*CHECK, "fails.txt")
    assert "✗ 1 as told above" in again.output
    assert again.output.count(f"replay '{case}'") == 1


def test_what_is_mended_is_said_once_and_forgotten() -> None:
    found()
    code(RIGHT)
    output, exit_code = failed()
    assert "✓ 1 right now" in output
    assert exit_code == 0
    assert written() == {}
    assert "failed before" not in failed()[0]


def test_git_is_told_by_the_directory_itself() -> None:
    found()
    assert Path(FOLDER, ".gitignore").read_text(encoding="utf-8").splitlines()[-1] == "*"


@pytest.mark.parametrize("off", ["CI", OFF, "--no-cache"])
def test_nothing_is_kept_in_ci_or_where_it_is_off(
    off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code(HALF)
    options = [off] if off.startswith("-") else []
    if not options:
        monkeypatch.setenv(off, "1")
    command(*CHECK, "fails.txt", *options)
    assert not Path(FOLDER).exists()


def test_a_file_that_cannot_be_read_or_written_is_no_matter_of_the_report() -> None:
    code(RIGHT)
    Path(FOLDER).mkdir()
    for text in ("", "[]", '{"version": 1, "failed": 3}', '{"version": 9}', "\x00"):
        Path(FOLDER, "failed.json").write_text(text, encoding="utf-8")
        assert failed()[1] == 0
    Path(FOLDER, "failed.json").unlink()
    Path(FOLDER).rmdir()
    Path(FOLDER).write_text("a file", encoding="utf-8")
    code(HALF)
    assert command(*CHECK, "fails.txt").exit_code == 1


def test_what_is_no_case_any_more_is_left_out() -> None:
    Path(FOLDER).mkdir()
    good = "avg_pool1d n1ic1iw3kw2"
    texts = [
        "gone:operation n1",
        "avg_pool1d n1",
        good,
        *[f"{good} f64 exact seed={i}" for i in range(40)],
    ]
    Path(FOLDER, "failed.json").write_text(
        json.dumps({"version": 1, "failed": {"key": texts}}), encoding="utf-8"
    )
    cases = Kept.of(Path.cwd(), "key").cases()
    assert cases[0].geometry.n == 1
    assert len(cases) == MOST - 2


def test_under_pytest_the_item_of_its_check_fails_and_the_summary_says_so(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(pytester, report_of())
    monkeypatch.setattr(bpcheck.runner, "check_subject", runs.check_subject)
    kept = {"avg_pool1d test_layers.py::test_it": ["avg_pool1d n1ic1iw3kw2 f64 small"]}
    pytester.mkdir(FOLDER)
    file = pytester.path / FOLDER / "failed.json"
    file.write_text(json.dumps({"version": 1, "failed": kept}), encoding="utf-8")
    body = "test_it = bpcheck.conformance(wrong)\n"
    result = runs(body, "--bpcheck-in-process", "-rf")
    result.stdout.fnmatch_lines(
        [
            "x_bar: backward wrong, in a case that failed before",
            "*bpcheck replay 'avg_pool1d n1ic1iw3kw2 f64 small *' test_layers.py:wrong",
            "*failed before, beside the plan and not counted: 1 case",
        ]
    )
    assert result.ret == 1
    assert "2 failed" in result.stdout.lines[-1]
    assert runs(body, "--bpcheck-in-process", "--bpcheck-no-cache").ret == 0
