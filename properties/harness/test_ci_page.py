"""What docs/ci.md gives to copy is read by those who are to read it, and names real options."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bpcheck import pytest_plugin
from bpcheck.cli import main
from properties.harness.own import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


def fences(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def documents() -> tuple[dict[str, Any], dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: the page is not parsed")
    workflow, hook = (yaml.safe_load(each) for each in fences("yaml"))
    return workflow, hook


def test_the_workflow_has_steps_that_run_and_keep_what_they_write() -> None:
    workflow, _ = documents()
    steps = workflow["jobs"]["gradients"]["steps"]
    runs = " ".join(step["run"] for step in steps if "run" in step)
    kept = steps[-1]["with"]["path"].split()
    assert all(file in runs for file in kept)
    # Else a failing check would hide the tests, and the reports.
    assert [step.get("if") for step in steps[-2:]] == ["always()", "always()"]


def test_the_hook_runs_in_the_environment_at_hand() -> None:
    _, hook = documents()
    (own,) = hook["repos"][0]["hooks"]
    assert own["language"] == "system"
    assert own["pass_filenames"] is False


def test_every_option_on_the_page_is_one() -> None:
    options = {name for each in main.commands.values() for p in each.params for name in p.opts}
    source = Path(pytest_plugin.__file__).read_text(encoding="utf-8")
    for name in re.findall(r"(--[a-z][a-z-]+)", " ".join([*fences("yaml"), *fences("sh")])):
        if name.startswith("--bpcheck-"):
            kind = name.removeprefix("--bpcheck-")
            assert name in source or f'"{kind}"' in source, name
        else:
            assert name in options | {"--junitxml", "--cached", "--quiet"}, name


def test_the_hook_of_git_is_a_script_that_a_shell_reads() -> None:
    (script,) = fences("sh")
    read = subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=False)
    assert read.returncode == 0
