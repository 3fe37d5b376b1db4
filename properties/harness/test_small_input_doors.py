"""What kernels do to their process is told on the command line too, and exits alike by jobs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bpcheck.cli import main
from bpcheck.verdict import Verdict
from properties.harness.depth import deep
from properties.harness.hostile import EXPECTED

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="what is watched is Linux's"
)

#: Of those the test of all kernels has, the ones that end or hang a process, or spoil a result.
NAMES = (
    *("crash", "exit_on_the_20th_call", "exit_in_an_exception", "shapeless", "set_error_state"),
    *("make_read_only", "change_directory", "leave_a_thread", "fork", "huge", "masked", "hang"),
    *("end_by_sigterm", "ignore_sigint"),
)

Run = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Check kernels by name: the exit code and the reports."""
    monkeypatch.chdir(tmp_path)

    def call(names: tuple[str, ...], *words: str) -> tuple[int, list[dict[str, Any]]]:
        tables = (
            f'[tool.bpcheck.subjects.{name}]\ntarget = "properties.harness.hostile:kernels.{name}"'
            '\noperation = "avg_pool1d"\n'
            for name in names
        )
        (tmp_path / "pyproject.toml").write_text("".join(tables), encoding="utf-8")
        with pytest.raises(SystemExit) as ended:
            main(["check", "--json", "r.json", "--call-timeout", "0.3", "--cases", "3", *words])
        assert isinstance(ended.value.code, int)
        document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
        return ended.value.code, document["reports"]

    return call


#: Each with either number of workers; in a run that is not thorough, with one of them by turns.
TRIED = {"1": deep(NAMES[::2], NAMES), "2": deep(NAMES[1::2], NAMES)}


@pytest.mark.verdicts
@pytest.mark.parametrize("jobs", TRIED)
def test_every_small_input_is_a_finding_on_the_command_line_whatever_the_jobs(
    run: Run, jobs: str
) -> None:
    code, reports = run(TRIED[jobs], "--jobs", jobs, "--largest", "1000000")
    assert code == 1
    for name, report in zip(TRIED[jobs], reports, strict=True):
        # With three cases it may not be called twenty times.
        is_counted = name == "exit_on_the_20th_call"
        expected = EXPECTED[name][1]
        assert report["verdict"] in {str(expected), str(Verdict.AGREES) if is_counted else ""}, name
        assert report["is_complete"]
