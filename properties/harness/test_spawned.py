"""Where a fork would not work, as beside JAX, workers start anew, and find what others find."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="what is watched is Linux's"
)

KERNELS = """
import os
from reference import avg_pool

def doubled(residuals, y_bar):
    return tuple(2 * x_bar for x_bar in avg_pool.vjp(residuals, y_bar))

def exits(x, **params):
    if x.size > 30:
        os._exit(3)
    return avg_pool.forward(x, **params)
"""

#: What a program does that has loaded JAX, or something of its name.
PROGRAM = """
import json, multiprocessing, sys, types
LOAD
import bpcheck
from bpcheck.report import to_json
from bpcheck.runner import check_subject
from bpcheck.runner.process.crew import must_spawn
from reference import avg_pool
import kernels

def report(forward, vjp, **given):
    subject = bpcheck.Subject(forward, vjp, operation="avg_pool1d", name="pool")
    return to_json(check_subject(subject, count=3, in_process=False, **given))

if __name__ == "__main__":
    wrong = avg_pool.forward, kernels.doubled
    found = {
        "spawns": must_spawn(),
        "exits": report(kernels.exits, avg_pool.vjp),
        "wrong": report(*wrong, jobs=2),
        "here": report(lambda x, **params: avg_pool.forward(x, **params), avg_pool.vjp),
    }
    try:
        report(lambda x: None, avg_pool.vjp, jobs=2)
    except bpcheck.BpcheckError as error:
        found["refused"] = str(error)
    print(json.dumps(found))
"""

FAKED = 'sys.modules["jaxlib"] = types.ModuleType("jaxlib")'
REAL = "import jax; jax.numpy.zeros(3).block_until_ready()"

needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


@pytest.mark.parametrize("load", [FAKED, pytest.param(REAL, marks=needs_jax)], ids=["faked", "jax"])
def test_subjects_of_a_process_that_cannot_be_forked_run_in_workers_that_start_anew(
    tmp_path: Path, load: str
) -> None:
    (tmp_path / "kernels.py").write_text(KERNELS, encoding="utf-8")
    (tmp_path / "program.py").write_text(PROGRAM.replace("LOAD", load), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["spawns"]
    reports = {
        name: json.loads(text)["reports"][0]
        for name, text in found.items()
        if name not in ("spawns", "refused")
    }
    assert reports["exits"]["verdict"] == "ends the process"
    assert reports["wrong"]["verdict"] == "backward wrong"
    assert "notes" not in reports["wrong"] or not reports["wrong"]["notes"]
    # A function that has no name cannot be sent anywhere.
    assert reports["here"]["verdict"] == "agrees"
    assert "judged in this process" in str(reports["here"]["notes"])
    assert "cannot be sent to a process that starts anew" in found["refused"]
