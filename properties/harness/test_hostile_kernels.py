"""Whatever a kernel does to its process is a finding with its case, and the run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bpcheck import Subject
from bpcheck.report import to_json
from bpcheck.runner import check_subject
from bpcheck.runner.process.handle import Allowed
from bpcheck.verdict import Report
from properties.harness.depth import deep
from properties.harness.hostile import EXPECTED

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="what is watched is Linux's"
)

#: Cases for those of which few tell as much as many, and cost more; and for all others.
COUNTS = {"hang": 3, "fork": 2, "take_memory": 3}
COUNT = 5


def allowed(name: str) -> Allowed:
    """What a kernel may take: on a busy machine, only who waits for the end is to wait for it."""
    return Allowed(seconds=0.08 if name == "hang" else 30, memory=3 * 2**29)


#: Another number of workers calls the kernels in another order.
COUNTS_CALLS = ("exit_on_the_20th_call",)

#: Those that two workers are tried with as well: an end of each sort, and what stays behind.
AGAIN = deep(
    (
        *("crash", "hang", "exit_in_an_exception", "kill_its_group", "end_by_sigterm"),
        *("take_memory", "fork", "leave_a_thread", "print_by_c", "set_error_state", "huge"),
        *("close_the_streams", "change_directory", "masked"),
    ),
    tuple(EXPECTED),
)


def checked(name: str, jobs: int) -> Report:
    kernel = EXPECTED[name][0]
    subject = Subject(kernel.forward, kernel.vjp, operation="avg_pool1d", name=name)
    return check_subject(
        subject,
        count=COUNTS.get(name, COUNT),
        # Otherwise a busy machine would decide it.
        largest=10**6,
        jobs=jobs,
        in_process=False,
        allowed=allowed(name),
    )


@pytest.mark.verdicts
@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_kernel_does_to_its_process_is_told_whatever_the_number_of_jobs(name: str) -> None:
    before = Path.cwd(), dict(os.environ)
    alone = checked(name, 1)
    assert alone.is_complete
    assert alone.verdict is EXPECTED[name][1]
    assert alone.cases + sum(alone.reasons.values()) >= COUNTS.get(name, COUNT)
    if name not in COUNTS_CALLS and name in AGAIN:
        assert to_json(checked(name, 2)) == to_json(alone)
    assert (Path.cwd(), dict(os.environ)) == before


def test_a_program_that_a_kernel_has_left_ends_with_its_worker() -> None:
    assert checked("leave_a_program", 1).agrees
    left = [each.read_bytes() for each in Path("/proc").glob("[0-9]*/cmdline") if _is_there(each)]
    assert b"/bin/sleep\x00613\x00" not in left


def _is_there(file: Path) -> bool:
    try:
        return bool(file.read_bytes())
    except OSError:
        return False


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


#: A right kernel that changes the process when it is imported, where that is put back.
SETS = """
import os
import numpy as np
from reference.avg_pool import forward, vjp

np.seterr(all="raise")
os.chdir("/")
"""


def test_a_project_is_reported_to_its_end_though_one_subject_dies_when_imported(
    tmp_path: Path,
) -> None:
    (tmp_path / "dies.py").write_text("import os\nos._exit(0)\n", encoding="utf-8")
    (tmp_path / "sets.py").write_text(SETS, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        "".join(
            f'[tool.bpcheck.subjects.{name}]\ntarget = "{target}"\noperation = "avg_pool1d"\n'
            for name, target in {
                "crash": "properties.harness.hostile:kernels.crash",
                "chdir": "properties.harness.hostile:kernels.change_directory",
                "dies": "dies.py",
                "coloured": "properties.harness.hostile:kernels.coloured",
                "sets": "sets.py",
                "right": "reference.avg_pool",
            }.items()
        ),
        encoding="utf-8",
    )
    done = bpcheck("check", "--no-repair", "--cases", "6", "--json", "report.json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    document = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    verdicts = [each["verdict"] for each in document["reports"]]
    assert verdicts == ["crashed", "changes the whole process", "raises", "agrees", "agrees"]
    said = " ".join(done.stdout.split())
    assert "loading it changed the current directory" in said
    assert "NumPy's error state (divide: 'warn' to 'raise'" in said
    assert "ended the process with exit code 0, when it was imported" in done.stdout
    assert "2 of 6 subjects agree" in done.stdout
    assert f"at {ROOT}/properties/harness/hostile.py:" in " ".join(done.stdout.split())
    assert "\x1b" not in done.stdout
    assert "\\x1b[31mred\\x07" in done.stdout
    assert list(tmp_path.glob(".report*")) == []


CONFTEST = """
import bpcheck.runner

whole = bpcheck.runner.check_subject

def few(subject, **given):
    return whole(subject, **{**given, "count": 3, "largest": 10**6})

bpcheck.runner.check_subject = few
"""

#: Of the kernels above, in items of pytest.
SMALL = (
    *("exit_in_an_exception", "make_read_only", "masked", "huge", "set_error_state", "shapeless"),
    *("change_directory", "leave_a_thread", "fork", "end_by_sigterm"),
)

TESTS = f"""
SMALL = {SMALL!r}
import bpcheck
from properties.harness.hostile import EXPECTED

def subject(name):
    kernel = EXPECTED[name][0]
    return bpcheck.Subject(kernel.forward, kernel.vjp, operation="avg_pool1d", name=name)

# Those whose end or output another process has to tell; each is small input of its own.
for name in SMALL:
    globals()["test_small_" + name] = bpcheck.conformance(subject(name))

test_crash = bpcheck.conformance(subject("crash"))
test_exit = bpcheck.conformance(subject("exit_on_the_20th_call"))
test_hang = bpcheck.conformance(subject("hang"))
test_last = bpcheck.conformance(subject("ignore_sigint"))
"""


@pytest.mark.parametrize("options", [[], ["-n", "2", "--dist", "loadgroup"]])
def test_in_pytest_a_dying_kernel_fails_its_items_and_the_session_goes_on(
    pytester: pytest.Pytester, options: list[str]
) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_kernels=TESTS)
    pytester.makeini(f"[pytest]\npythonpath = {ROOT}")
    arguments: list[Any] = [
        "-q",
        "-rf",
        "-k",
        "contract",
        "--bpcheck-no-repair",
        "--bpcheck-call-timeout",
        "0.2",
        *options,
    ]
    result = pytester.runpytest_subprocess(*arguments)
    failed = result.parseoutcomes()["failed"]
    assert failed >= 3 + len(SMALL)
    result.stdout.fnmatch_lines_random(
        [
            "FAILED test_kernels.py::test_crash[[]contract-y[]]*",
            "FAILED test_kernels.py::test_exit[[]contract-y[]]*",
            "FAILED test_kernels.py::test_hang[[]contract-y[]]*",
            *(f"FAILED test_kernels.py::test_small_{name}[[]*" for name in SMALL),
        ]
    )
