"""Subjects that refuse in several ways, from the command line and pytest: the same is judged."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

import bpcheck
from bpcheck.cli import main
from bpcheck.runner import check_subject
from properties.harness.targets import folder, write

__all__ = ["folder"]

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

#: Two of the ways, and a wrong subject: all four are judged from Python, in a test of their own.
NAMES = ("signature", "value_error_declared", "wrong_supports")

#: Judged cases of a run here; every class is looked for in any number of them.
CASES = 100

TEST = """
    import bpcheck, pools

    test_value_error = bpcheck.conformance(pools.value_error_declared)
    test_wrong_supports = bpcheck.conformance(pools.wrong_supports)
"""


def test_the_command_line_judges_as_many_cases_and_classes() -> None:
    write("pools.py", MODULE)
    lines = [f'{name} = {{ target = "pools:{name}", operation = "max_pool1d" }}' for name in NAMES]
    write("pyproject.toml", "[tool.bpcheck.subjects]\n" + "\n".join(lines) + "\n")
    options = ("--profile", "quick", "--cases", str(CASES), "--json", "report.json")
    done = CliRunner().invoke(main, ["check", *options])
    assert done.exit_code == 1, done.output
    document = json.loads(Path("report.json").read_text(encoding="utf-8"))
    signature, declared, wrong = document["reports"]
    for report in (signature, declared):
        assert (report["verdict"], report["judgements"]) == ("agrees", [])
        assert report["counts"]["cases"] >= CASES
        assert report["missing"] == []
    assert wrong["verdict"] == "backward wrong"


def test_pytest_judges_a_right_one_and_a_wrong_one(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Sixty cases of the profile are enough to see which is wrong.
    few = partial(check_subject, count=60)
    monkeypatch.setattr(bpcheck.runner, "check_subject", few)
    pytester.syspathinsert()
    pytester.makepyfile(pools=MODULE, test_pools=TEST)
    words = ("-p", "no:cacheprovider", "--bpcheck-profile", "quick", "-q", "-rf")
    done = pytester.runpytest_inprocess(*words, "test_pools.py")
    assert done.ret == 1, done.stdout.str()
    failed = {line for line in done.outlines if line.startswith("FAILED")}
    assert failed
    assert all("::test_wrong_supports[" in line for line in failed), done.stdout.str()
