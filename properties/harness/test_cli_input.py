"""What cannot be done is said before anything is: the value, the rule, the remedy, exit code 2."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from bpcheck.cli import exits, main
from bpcheck.cli import requests as requests_module

TARGET = "torch.nn.functional:max_pool1d"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BPCHECK_DEBUG", raising=False)
    return tmp_path


def refusal(*arguments: str) -> str:
    """What is said of a command that cannot be run; nothing is printed as a result."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == exits.USAGE, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--json", ""], "--json: the path is empty"),
        (["--json", " "], "--json: the path is empty"),
        (["--json", "no/such/report.json"], "there is no directory no/such; create it first"),
        (["--json", "."], "this is a directory; name a file in it"),
        (["--dtype", "f12"], "--dtype f12: no such dtype; there are f64 (float64), f32"),
        (["--style", "tourch"], "style 'tourch': no such style; did you mean torch? there are"),
        (["--profile", "fast"], "'quick', 'default', 'thorough'"),
        (["--style", "torch", "--cases", "0"], "--cases 0: must be at least 1"),
        (["--style", "torch", "--cases", "many"], "--cases many: "),
        (["--seed", "-1"], "-1 is not in the range x>=0"),
        (["--tolerance", "1e-3"], "No such option"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(options: list[str], expected: str) -> None:
    assert expected in refusal("check", "max_pool1d", TARGET, *options)


def test_a_report_that_may_not_be_written_is_refused(folder: Path) -> None:
    # Not even root may write into /proc, nor a name of 300 letters.
    for path in ("/proc/report.json", "r" * 300):
        assert f"--json {path}: cannot be written (" in refusal(
            "check", "max_pool1d", TARGET, "--json", path
        )
    assert list(folder.iterdir()) == []


def test_looking_at_the_report_file_leaves_things_as_they_were(folder: Path) -> None:
    (folder / "old.json").write_text("old", encoding="utf-8")
    for name in ("old.json", "new.json"):
        refusal("check", "no_such_operation", TARGET, "--json", name)
    assert [(each.name, each.read_text("utf-8")) for each in folder.iterdir()] == [
        ("old.json", "old")
    ]


def test_an_operation_that_is_not_there_lists_those_there_are() -> None:
    message = refusal("check", "conv", TARGET)
    assert "'conv': no such operation; did you mean conv" in message
    assert "there are conv1d, conv2d" in message


def test_operation_and_target_in_the_wrong_order_are_recognised() -> None:
    message = refusal("check", TARGET, "max_pool1d")
    assert f"the operation comes first: bpcheck check max_pool1d {TARGET}" in message


def test_one_argument_is_too_few() -> None:
    assert "bpcheck check OPERATION TARGET" in refusal("check", "conv2d")
    assert "bpcheck replay 'CASE' TARGET" in refusal("replay", "conv2d n1ic1iw2oc1kw1")
    assert "bpcheck replay --from FILE" in refusal("replay")


def test_a_target_that_is_not_there_is_refused() -> None:
    assert "there is no module layers" in refusal("check", "conv2d", "layers")
    assert "there is no module layers" in refusal("replay", "max_pool1d n1ic1iw4kw2", "layers")


def test_the_case_comes_before_the_target() -> None:
    assert "the case comes before the target" in refusal("replay", TARGET, "max_pool1d n1ic1iw4kw2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no subjects in a table [tool.bpcheck.subjects]; add one"),
        ("tool = 3", "has no subjects"),
        ("[tool.bpcheck.subjects]", "has no subjects"),
        ("[tool.bpcheck.subjects\n", "cannot be read: Expected ']'"),
        ("[tool.bpcheck.subjects]\nconv = 'layers'", "subjects.conv is 'layers'; a table was"),
        (
            "[tool.bpcheck.subjects]\nconv = {target='layers', operatoin='conv2d'}",
            "subjects.conv: unknown key 'operatoin'; did you mean operation?",
        ),
        (
            "[tool.bpcheck.subjects]\nconv = {target='layers', colour='red', operation='conv2d'}",
            "unknown key 'colour'; there are target, operation, operations, style",
        ),
        ("[tool.bpcheck.subjects]\nconv = {operation='conv2d'}", "target is missing"),
        (
            "[tool.bpcheck.subjects]\nconv = {target='', operation='conv2d'}",
            "target is ''; a text was expected",
        ),
        (
            "[tool.bpcheck.subjects]\nconv = {target='layers'}",
            "give either operation, or operations as a list",
        ),
        (
            "[tool.bpcheck.subjects]\nconv = {target='layers', operation='a', operations=['b']}",
            "give either operation, or operations as a list",
        ),
        (
            "[tool.bpcheck.subjects]\nconv = {target='layers', operations='conv2d'}",
            "operations is 'conv2d'; a list of names was expected",
        ),
        (
            "[tool.bpcheck.subjects]\nconv = {target='layers', operations=[3]}",
            "operations is 3; a text was expected",
        ),
        (
            "[tool.bpcheck.subjects]\nconv = {target='layers', operation='conv9d'}",
            "'conv9d': no such operation",
        ),
    ],
)
def test_a_project_file_that_cannot_be_used_is_refused(text: str, expected: str) -> None:
    Path("pyproject.toml").write_text(dedent(text), encoding="utf-8")
    message = refusal("check")
    assert expected in message
    if "subjects" in expected:
        assert "pyproject.toml" in message


def test_without_a_project_file_the_command_says_what_to_do() -> None:
    message = refusal("check")
    assert "no pyproject.toml in" in message
    assert '[tool.bpcheck.subjects]\n    conv = { target = "layers:Conv"' in message


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let bpcheck itself fail."""

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(requests_module, "load", broken)


def test_a_failure_of_bpcheck_itself_is_confessed_in_two_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail_with(ZeroDivisionError("oh no\nmore"), monkeypatch)
    result = CliRunner().invoke(main, ["check", "max_pool1d", TARGET])
    assert result.exit_code == exits.OWN_FAILURE
    first, second = result.stderr.splitlines()
    assert first.startswith("bpcheck itself failed (ZeroDivisionError: oh no).")
    assert "BPCHECK_DEBUG=1" in second


def test_a_failure_of_bpcheck_itself_shows_its_traceback_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BPCHECK_DEBUG", "1")
    fail_with(ZeroDivisionError("oh no"), monkeypatch)
    result = CliRunner().invoke(main, ["check", "max_pool1d", TARGET])
    assert result.exit_code == exits.OWN_FAILURE
    assert "Traceback" in result.stderr


def test_memory_that_runs_out_is_not_called_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(MemoryError(), monkeypatch)
    result = CliRunner().invoke(main, ["check", "max_pool1d", TARGET, "--in-process"])
    assert result.exit_code == exits.INCONCLUSIVE
    assert result.stderr.startswith("Memory ran out")
    assert "bug" not in result.stderr
