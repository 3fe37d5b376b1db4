"""Kernels with one wrong fast path, for a layer that everybody runs, are found in a quick run."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from bpcheck.adapters import load
from bpcheck.cli import main
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
    # What an earlier test has loaded by that name is another kernel.
    sys.modules.pop("fast", None)
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
    # One check of those that see it: what a plan has to do is to meet the layer.
    rulings = (each for case in cases for each in judge(kernel, case, checks=["autograd"]).rulings)
    assert any(each.verdict.is_defect for each in rulings)


def test_the_report_says_for_which_layers(pytester: pytest.Pytester) -> None:
    where = write(pytester.path, "a stem of 7x7 with stride 2")
    words = ("conv2d", "fast.py:Kernel", "--profile", "quick", "--json", "report.json")
    done = CliRunner().invoke(main, ["check", *words], env={"COLUMNS": "200"})
    assert done.exit_code == 1, done.output
    document = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
    (judgement,) = document["reports"][0]["judgements"]
    assert judgement["where"].startswith(where)
    assert f"w_bar: backward wrong where {where}" in " ".join(done.stdout.split())


def test_pytest_finds_it_and_says_for_which_layers(pytester: pytest.Pytester) -> None:
    where = write(pytester.path, "the last column of 3x3 layers of odd width")
    pytester.syspathinsert()
    arguments = ("-p", "no:cacheprovider", "-q", "--bpcheck-profile", "quick", "test_fast.py")
    tested = pytester.runpytest_inprocess(*arguments)
    assert tested.ret == 1
    assert f"x_bar: backward wrong where {where}" in tested.stdout.str()
