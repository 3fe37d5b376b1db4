"""A subject that ends its process, on the command line: said with its case, and never all well."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bpcheck.cases import parse_case
from properties.harness.depth import deep

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="what is watched is Linux's"
)

KERNEL = """
import os, signal, sys, time
from reference.conv import forward as right, vjp

signal.signal(signal.SIGTERM, signal.SIG_IGN)
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
        env=ENVIRONMENT,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_subject_that_ends_its_process_is_reported_to_the_end(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL.format(death="os._exit(0)"), encoding="utf-8")
    done = bpcheck("check", "conv1d", "kernel.py", "--cases", "9", cwd=tmp_path)
    assert done.returncode == 1
    assert "✗ y: ends the process\n     forward ended the process with exit code 0" in done.stdout
    found = re.search(r"replay +bpcheck replay '(.+)' kernel.py\n", done.stdout)
    assert found
    assert parse_case(found[1]).operation.name == "conv1d"
    assert re.search(r"^ 9 cases, ", done.stdout, re.MULTILINE)


def test_a_replay_that_crashes_names_its_case(tmp_path: Path) -> None:
    kernel = KERNEL.format(death="os._exit(0)").replace("== 20", "== 1")
    (tmp_path / "kernel.py").write_text(kernel, encoding="utf-8")
    done = bpcheck("replay", "conv1d n1ic1iw3oc1kw2", "kernel.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "ENDS THE PROCESS. y: forward ended the process with exit code 0" in done.stdout
    assert "conv1d n1ic1iw3oc1kw2 f64 exact" in done.stdout


def test_a_target_that_ends_the_process_on_import_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text("import os\nos._exit(0)\n", encoding="utf-8")
    done = bpcheck("check", "conv1d", "kernel.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "ended the process with exit code 0, when it was imported" in done.stderr


#: Either signal, and either number of workers; all of them together in a thorough run.
ENDED = deep(
    [(signal.SIGINT, "1"), (signal.SIGTERM, "2")],
    [(number, jobs) for number in (signal.SIGINT, signal.SIGTERM) for jobs in ("1", "2")],
)


@pytest.mark.parametrize(("number", "jobs"), ENDED)
def test_a_run_that_somebody_ends_reports_what_it_has_at_once(
    tmp_path: Path, number: signal.Signals, jobs: str
) -> None:
    sleep = "open('ready', 'w').close(); time.sleep(60)"
    kernel = KERNEL.format(death=sleep).replace("== 20", "== 200")
    (tmp_path / "kernel.py").write_text(kernel, encoding="utf-8")
    words = ("check", "conv1d", "kernel.py", "--json", "r.json", "--jobs", jobs)
    with subprocess.Popen(
        [sys.executable, "-m", "bpcheck", *words],
        env=ENVIRONMENT,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not (tmp_path / "ready").exists():
            time.sleep(0.05)
        time.sleep(0.2)
        start = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=100)
        # On a quiet machine a few tenths of a second, and below 2 s is the promise.
        assert time.monotonic() - start < 4
    assert process.returncode == 128 + number, err
    assert "INTERRUPTED. So far: " in out
    (report,) = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["reports"]
    assert report["is_complete"] is False
    assert report["counts"]["cases"] > 0
    # Nothing is left running: no process is in that directory any more.
    assert not [each for each in Path("/proc").glob("[0-9]*/cwd") if _is(each, tmp_path)]


def _is(link: Path, folder: Path) -> bool:
    try:
        return link.readlink() == folder
    except OSError:
        return False


def test_a_crash_in_the_search_for_the_smallest_case_does_not_end_it(tmp_path: Path) -> None:
    # Wrong everywhere, and dead on the smallest input that it claims.
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
    assert "✗ x_bar: backward wrong" in done.stdout


def test_streams_that_are_full_or_closed_leave_the_exit_code_alone(tmp_path: Path) -> None:
    run = f"{sys.executable} -m bpcheck"
    check = "check avg_pool1d reference.avg_pool --cases 2"
    for command, code in (
        (f"{run} {check} --nope 2>/dev/full", 2),
        (f"{run} {check} >&-", 0),
        (f"{run} {check} >/dev/full", 2),
    ):
        done = subprocess.run(  # noqa: S602 - redirections are a shell's
            command,
            shell=True,
            env=ENVIRONMENT,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, command
        assert b"bpcheck itself failed" not in done.stderr
