"""Subjects that refuse in four ways, from the command line and from pytest: the same is judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

# One run of the command line is enough for all that look at its report.
pytestmark = pytest.mark.xdist_group("refusals from doors")

ROOT = Path(__file__).parents[2]

#: A pool that takes kernels and strides, and says so in four ways; and one wrong on top of each.
MODULE = """
    import bpcheck
    from reference import max_pool

    def takes(params):
        return (
            set(params["padding"]) == {0}
            and set(params["dilation"]) == {1}
            and not params["ceil_mode"]
        )

    def by_signature(x, *, kernel_size, stride):
        return max_pool.forward(x, kernel_size=kernel_size, stride=stride)

    def not_implemented(x, **params):
        if not takes(params):
            raise NotImplementedError("kernel and stride only")
        return max_pool.forward(x, **params)

    def value_error(x, **params):
        if not takes(params):
            raise ValueError("kernel and stride only")
        return max_pool.forward(x, **params)

    def wrong(residuals, y_bar):
        (x_bar,) = max_pool.vjp(residuals, y_bar)
        x_bar = x_bar.copy()
        if x_bar.shape[-1] % 2 and x_bar.shape[-1] > 2:
            x_bar[..., -1] = 0
        return (x_bar,)

    WAYS = {
        "signature": (by_signature, {}),
        "NotImplementedError": (not_implemented, {}),
        "ValueError": (value_error, {"refuses": (ValueError,)}),
        "supports": (max_pool.forward, {"supports": lambda params, shapes: takes(params)}),
    }

    def subject(way, vjp):
        forward, claims = WAYS[way]
        return bpcheck.Subject(forward, vjp, operation="max_pool1d", name=way, **claims)

    signature, not_implemented_error, value_error_declared, supports = (
        subject(way, max_pool.vjp) for way in WAYS
    )
    wrong_signature, wrong_supports = (subject(way, wrong) for way in ("signature", "supports"))
"""

NAMES = ("signature", "not_implemented_error", "value_error_declared", "supports")

TESTS = """
    import bpcheck, pools

    test_value_error = bpcheck.conformance(pools.value_error_declared)
    test_wrong_supports = bpcheck.conformance(pools.wrong_supports)
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of each way, and of a wrong subject, all in one run of the command line."""
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "pools.py").write_text(dedent(MODULE), encoding="utf-8")
    names = [*NAMES, "wrong_signature"]
    lines = [f'{name} = {{ target = "pools:{name}", operation = "max_pool1d" }}' for name in names]
    (folder / "pyproject.toml").write_text(
        "[tool.bpcheck.subjects]\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )
    options = ("--profile", "quick", "--json", "report.json")
    done = run(folder, "-m", "bpcheck", "check", *options)
    assert done.returncode == 1, done.stdout + done.stderr
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return dict(zip(names, document["reports"], strict=True))


def met(report: dict[str, Any]) -> set[str]:
    return {name for name, cases in report["coverage"].items() if cases}


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_judges_as_many_cases_and_classes(
    name: str, reports: dict[str, Any]
) -> None:
    report = reports[name]
    assert (report["verdict"], report["judgements"]) == ("agrees", [])
    assert report["counts"]["cases"] >= 300
    assert met(report) == met(reports["signature"])
    assert reports["wrong_signature"]["verdict"] == "backward wrong"


def test_pytest_judges_a_right_one_and_a_wrong_one(tmp_path: Path) -> None:
    (tmp_path / "pools.py").write_text(dedent(MODULE), encoding="utf-8")
    (tmp_path / "test_pools.py").write_text(dedent(TESTS), encoding="utf-8")
    words = ("-p", "no:cacheprovider", "--bpcheck-profile", "quick", "-q", "-rf")
    done = run(tmp_path, "-m", "pytest", *words, "test_pools.py")
    assert done.returncode == 1, done.stdout
    failed = {line for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert failed
    assert all("::test_wrong_supports[" in line for line in failed), done.stdout
