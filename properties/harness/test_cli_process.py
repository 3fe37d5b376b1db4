"""The command line as a process: what it costs to start, its streams, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bpcheck.runner.loading import told_of_loading

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

HEAVY = ("numpy", "torch", "rich", "hypothesis", "pytest", "scipy", "ml_dtypes")

TORCH_POOL = ("torch.nn.functional:max_pool1d", "--style", "torch")

MODULES_AT_HELP = """
import json, sys
from bpcheck.cli import main
main(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("command", [[], ["check"], ["replay"]])
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    result = python("-c", MODULES_AT_HELP, *command, "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Usage:")
    assert sorted(set(HEAVY) & set(json.loads(result.stderr))) == []


def test_help_answers_in_less_than_three_tenths_of_a_second() -> None:
    def cost() -> float:
        # Processor time, since the other processes of a machine delay the clock on the wall.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert python("-m", "bpcheck", "--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cost() for _ in range(3)) < 0.3


def test_the_version_names_what_it_judges_with() -> None:
    result = python("-m", "bpcheck", "--version")
    assert result.returncode == 0
    assert result.stdout.startswith("bpcheck ")
    assert "torch 2" in result.stdout


def on_a_terminal(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output through a pipe, and standard error on a terminal."""
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bpcheck", *arguments],
        env={**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=other_end,
    )
    os.close(other_end)
    said = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux ends a terminal so.
            break
        if not part:
            break
        said += part
    out, _ = process.communicate(timeout=100)
    os.close(terminal)
    return process.returncode, out.decode(), said.decode()


def test_progress_is_shown_on_a_terminal_and_leaves_the_report_alone() -> None:
    code, out, said = on_a_terminal("check", "max_pool1d", *TORCH_POOL, "--cases", "20")
    assert code == 0
    assert re.search(r"checking .* \d+/20 .* max_pool1d n", said)
    assert "AGREES" in out
    assert "\x1b" not in out


def test_a_reader_that_goes_away_is_neither_a_defect_nor_a_failure() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bpcheck", "replay", "max_pool1d n1ic1iw4kw2sw2", *TORCH_POOL],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_a_setting_that_changes_while_libraries_are_loaded_too_is_not_laid_at_one_door() -> None:
    known = set(sys.modules)
    assert told_of_loading(["the warnings filters"], known) == (
        "loading it changed the warnings filters; that was put back",
    )
    (note,) = told_of_loading(["the warnings filters"], known - {"numpy"})
    assert note.startswith("loading it, or a library that it imports, changed")
