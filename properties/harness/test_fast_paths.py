"""Kernels with one wrong fast path, for a layer that everybody runs, are found in a quick run."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from textwrap import dedent

import pytest

import bpcheck
from bpcheck.adapters import load
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge

#: For which layers a path is wrong, which gradient is, and what the report must say of where.
PATHS = {
    "the last column of 3x3 layers of odd width": (
        "w.shape[2:] == (3, 3) and plain and x.shape[3] % 2 == 1",
        "x_bar[..., -1] = 0",
        "3x3, stride 1, padding 1, odd",
    ),
    "the last input channel of pointwise layers with an even number": (
        "w.shape[2:] == (1, 1) and set(stride) == {1} and x.shape[1] % 2 == 0",
        "w_bar[:, -1] = 0",
        "",
    ),
    "the last column of depthwise 3x3": (
        "w.shape[2:] == (3, 3) and groups == x.shape[1] > 1",
        "x_bar[..., -1] = 0",
        "",
    ),
    "a stem of 7x7 with stride 2": (
        "w.shape[2:] == (7, 7) and (set(stride), set(padding), groups) == ({2}, {3}, 1)",
        "w_bar[..., 0, 0] = 0",
        "7x7, stride 2, padding 3",
    ),
    "patches of 16": (
        "w.shape[2:] == (16, 16) and (*stride, *dilation, *padding) == (16, 16, 1, 1, 0, 0)",
        "x_bar[..., 0, :] = 0",
        "",
    ),
    "a kernel beyond the unrolled ones": ("max(w.shape[2:]) > 15", "w_bar[..., -1, -1] = 0", ""),
    "more channels than a buffer holds": ("x.shape[1] > 200", "w_bar[:, 200:] = 0", ""),
}

KERNEL = """
    from reference import conv

    class Kernel:
        @staticmethod
        def forward(x, w, b=None, *, stride, padding, dilation, groups):
            y, residuals = conv.forward(
                x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups
            )
            plain = (stride, padding, dilation, groups) == ((1, 1), (1, 1), (1, 1), 1)
            return y, (residuals, bool({condition}))

        @staticmethod
        def vjp(residuals, y_bar):
            inner, is_wrong = residuals
            x_bar, w_bar, b_bar = (
                None if each is None else each.copy() for each in conv.vjp(inner, y_bar)
            )
            if is_wrong:
                {spoil}
            return x_bar, w_bar, b_bar
"""


def write(folder: Path, path: str) -> str:
    """A module with the kernel, and a test of it; what is to be said of where it is wrong."""
    condition, spoil, where = PATHS[path]
    text = dedent(KERNEL).format(condition=condition, spoil=spoil)
    (folder / "fast.py").write_text(text, encoding="utf-8")
    (folder / "test_fast.py").write_text(
        "import bpcheck, fast\n"
        "kernel = bpcheck.Subject(fast.Kernel.forward, fast.Kernel.vjp, operation='conv2d')\n"
        "test_it = bpcheck.conformance(kernel)\n",
        encoding="utf-8",
    )
    return where


#: Those of the first three paths are what a wrong kernel was seen to pass by, on every seed.
SEEDED = [(path, seed) for path in list(PATHS)[:3] for seed in (0, 1, 2)]


@pytest.mark.parametrize(("path", "seed"), [*SEEDED, *((path, 0) for path in list(PATHS)[3:])])
def test_it_is_found_on_every_seed(path: str, tmp_path: Path, seed: int) -> None:
    write(tmp_path, path)
    kernel = load(f"{tmp_path / 'fast.py'}:Kernel", operation="conv2d")
    quick = PROFILES["quick"]
    plan = Plan(kernel.operation, profile=quick, dtypes=kernel.claims.dtypes, seed=seed)
    cases = islice(plan, quick.cases)
    assert any(ruling.verdict.is_defect for case in cases for ruling in judge(kernel, case).rulings)


def test_the_report_says_for_which_layers(tmp_path: Path) -> None:
    where = write(tmp_path, "a stem of 7x7 with stride 2")
    kernel = load(f"{tmp_path / 'fast.py'}:Kernel", operation="conv2d")
    report = bpcheck.check(kernel, profile="quick")
    assert report.verdict is bpcheck.Verdict.BACKWARD_WRONG
    assert report.judgements[0].where.startswith(where)


ROOT = Path(__file__).parents[2]


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # The folder of the kernel is the current one; the reference kernels lie in the repository.
    return subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_found_from_the_command_line_and_from_pytest(tmp_path: Path) -> None:
    where = write(tmp_path, "the last column of 3x3 layers of odd width")
    options = ("--profile", "quick", "--json", "report.json")
    done = run(tmp_path, "-m", "bpcheck", "check", "conv2d", "fast:Kernel", *options)
    assert done.returncode == 1, done.stderr
    document = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (judgement,) = document["reports"][0]["judgements"]
    assert judgement["where"].startswith(where)
    assert f"x_bar: backward wrong where {where}" in " ".join(done.stdout.split())
    tested = run(tmp_path, "-m", "pytest", "-q", "--bpcheck-profile", "quick", "test_fast.py")
    assert tested.returncode == 1
    assert f"x_bar: backward wrong where {where}" in tested.stdout
