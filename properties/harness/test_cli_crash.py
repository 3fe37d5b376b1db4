"""A subject that ends its process: the command line says so, and never that all is well."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bpcheck.cases import parse_case

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="runs are watched on Linux only"
)

KERNEL = """
import ctypes, os, signal, time
from reference.conv import forward as right, vjp

calls = 0

def forward(*operands, **params):
    global calls
    calls += 1
    if calls == 20:
        {death}
    return right(*operands, **params)
"""


def bpcheck(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bpcheck", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(
    ("death", "how"),
    [
        ("os._exit(0)", "with exit code 0"),
        ("os._exit(3)", "with exit code 3"),
        ("ctypes.string_at(0)", "by signal 11"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "by signal 9"),
    ],
)
def test_a_subject_that_ends_the_process_has_crashed(tmp_path: Path, death: str, how: str) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL.format(death=death), encoding="utf-8")
    done = bpcheck("check", "conv1d", "kernel.py", "--profile", "quick", cwd=tmp_path)
    assert done.returncode == 1
    assert f"CRASHED: the process ended {how}" in done.stderr
    found = re.search(r"replay +bpcheck replay '(.+)' kernel.py\n", done.stderr)
    assert found
    assert parse_case(found[1]).operation.name == "conv1d"
    assert "AGREES" not in done.stdout


def test_a_replay_that_crashes_names_its_case(tmp_path: Path) -> None:
    kernel = KERNEL.format(death="os._exit(0)").replace("== 20", "== 1")
    (tmp_path / "kernel.py").write_text(kernel, encoding="utf-8")
    done = bpcheck("replay", "conv1d n1ic1iw3oc1kw2", "kernel.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "CRASHED" in done.stderr
    assert "conv1d n1ic1iw3oc1kw2 f64 exact" in done.stderr


def test_a_target_that_ends_the_process_on_import_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text("import os\nos._exit(0)\n", encoding="utf-8")
    done = bpcheck("check", "conv1d", "kernel.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "when it was imported" in done.stderr


def test_a_run_that_somebody_ends_has_not_crashed(tmp_path: Path) -> None:
    sleep = "os.write(1, b'ready\\n'); time.sleep(60)"
    (tmp_path / "kernel.py").write_text(KERNEL.format(death=sleep), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "bpcheck", "check", "conv1d", "kernel.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 128 + signal.SIGTERM
    assert "CRASHED" not in out + err


def test_a_crash_in_the_search_for_the_smallest_case_names_the_case_at_hand(tmp_path: Path) -> None:
    # Wrong everywhere, and dead on the smallest input that it claims: the search ends there.
    kernel = """
import os
from reference import avg_pool

DTYPES = ("float64",)

def supports(params, shapes):
    return min(shapes["x"]) > 0 and shapes["x"][2] > 3

def forward(x, **params):
    y, residuals = avg_pool.forward(x, **params)
    if x.shape == (1, 1, 4):
        os._exit(0)
    return y, residuals

def vjp(residuals, y_bar):
    return (2 * avg_pool.vjp(residuals, y_bar)[0],)
"""
    (tmp_path / "kernel.py").write_text(kernel, encoding="utf-8")
    done = bpcheck("check", "avg_pool1d", "kernel.py", "--cases", "3", cwd=tmp_path)
    assert done.returncode == 1
    found = re.search(r"replay +bpcheck replay '(.+)' kernel.py\n", done.stderr)
    assert found
    assert parse_case(found[1]).shapes["x_bar"] == (1, 1, 4)
