"""The harness's own arithmetic warns of nothing, and what a module sets for all changes nothing."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck import Subject, Verdict, parse_case
from bpcheck.arithmetic import Array, distance
from bpcheck.precision import measure
from bpcheck.runner import check_subject, replay
from bpcheck.runner.site import Here
from properties.harness.depth import deep
from properties.harness.targets import folder, write
from reference import avg_pool

__all__ = ["folder"]

ROOT = Path(__file__).parents[2]

KERNEL = """
import numpy as np
from reference import avg_pool
from reference.avg_pool import vjp

def forward(x, **params):
    y, residuals = avg_pool.forward(x, **params)
    with np.errstate(all="ignore"):
        return (y * {factor}).astype(y.dtype), residuals
"""

CASES = [
    parse_case(f"avg_pool1d n2ic2iw5kw2 {dress} seed={seed}")
    for seed, dress in enumerate(
        [
            f"{dtype} {kind} c-order"
            for dtype in ("f64", "f32")
            for kind in ("exact", "huge", "real")
        ]
        * 2
    )
]


def spoilt(factor: float) -> Subject:
    def forward(x: Array, **params: Any) -> Any:
        y, residuals = avg_pool.forward(x, **params)
        with np.errstate(all="ignore"):
            return (y * factor).astype(y.dtype), residuals

    def vjp(residuals: Any, y_bar: Array) -> Any:
        with np.errstate(all="ignore"):
            return ((avg_pool.vjp(residuals, y_bar)[0] * factor).astype(y_bar.dtype),)

    return Subject(forward, vjp, operation="avg_pool1d")


@pytest.mark.parametrize("factor", [1e300, np.inf, np.nan])
def test_from_python_nothing_is_warned_of(factor: float) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = bpcheck.check(spoilt(factor), cases=CASES)
        replay(spoilt(factor), CASES[0])
    assert [str(each.message) for each in caught] == []
    assert report.verdict.is_defect


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "always", "-m", *arguments],
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("factor", deep(["1e300"], ["1e300", "np.nan"]))
def test_the_command_line_warns_of_nothing(folder: Any, factor: str) -> None:
    write("mine.py", KERNEL.format(factor=factor))
    Path("cases.txt").write_text("\n".join(map(str, CASES)), encoding="utf-8")
    checked = process("bpcheck", "check", "avg_pool1d", "mine.py", "--cases", "cases.txt")
    replayed = process("bpcheck", "replay", str(CASES[1]), "mine.py")
    for each in (checked, replayed):
        assert each.returncode == 1
        assert "Warning" not in each.stdout + each.stderr


@pytest.mark.parametrize("factor", ["1e300"])
def test_pytest_warns_of_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, factor: str
) -> None:
    def few(subject: Subject, **options: Any) -> Any:
        return check_subject(subject, cases=CASES)

    monkeypatch.setattr(bpcheck.runner, "check_subject", few)
    pytester.makepyfile(
        f"import bpcheck\n{KERNEL.format(factor=factor)}\n"
        "mine = bpcheck.Subject(forward, vjp, operation='avg_pool1d')\n"
        "test_mine = bpcheck.conformance(mine)\n"
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "always")
    result.stdout.no_fnmatch_line("*Warning*")
    assert "warnings" not in result.parseoutcomes()


def overflows(subject: Subject) -> float:
    return float(np.float64(1e308) * 10 - np.dot([np.inf, 1.0], [0.0, 1.0]))


def test_what_is_asked_of_a_subject_after_the_run_warns_of_nothing() -> None:
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        answer = Here(spoilt(1.0)).ask(overflows, otherwise=0.0)
    assert np.isnan(answer)


def test_what_a_module_sets_for_all_holds_in_its_own_code_alone() -> None:
    seen: set[str] = set()

    def forward(x: Array, **params: Any) -> Any:
        seen.add(np.geterr()["over"])
        return avg_pool.forward(x, **params)

    with np.errstate(over="raise", divide="raise", invalid="raise"):
        right = bpcheck.check(Subject(forward, avg_pool.vjp, operation="avg_pool1d"), cases=CASES)
        wrong = bpcheck.check(spoilt(1e300), cases=CASES)
    assert seen == {"raise"}
    assert right.verdict is Verdict.AGREES
    assert wrong.verdict.is_defect
    assert np.geterr()["over"] == "warn"


def test_warnings_that_are_errors_reach_neither_the_harness_nor_a_right_kernel() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bpcheck.check(spoilt(1.0), cases=CASES).agrees


def test_measuring_warns_of_nothing_either() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        measure(spoilt(1e300), dtypes=("float64",), results=("y",), longest=16, cases=2)
    assert [str(each.message) for each in caught] == []


def test_distances_between_integers_of_any_size_are_exact() -> None:
    assert distance(10**400, 10**400 + 1) == 1
    assert distance(10**400, 1.5) == np.inf
    assert not distance(float("nan"), 1) <= np.inf
