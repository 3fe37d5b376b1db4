"""Subjects that refuse in several ways, from the shell and pytest: the same is judged and found.

From Python they are judged on whole runs, in a test of their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import bpcheck
from bpcheck.cli import main
from bpcheck.report import to_json
from bpcheck.runner import check_subject
from bpcheck.verdict import Report
from properties.harness.depth import deep
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

    right = {way: subject(way, max_pool.vjp) for way in WAYS}
    signature, not_implemented_error, value_error_declared, supports = right.values()
    wrong_signature, wrong_not_implemented_error, wrong_value_error_declared, wrong_supports = (
        subject(way, wrong) for way in WAYS
    )
"""

WAYS = ("signature", "not_implemented_error", "value_error_declared", "supports")

#: Ways of which the wrong subject is looked at: explaining what is wrong takes the most time.
WRONG = deep(("value_error_declared",), WAYS)

NAMES = (*WAYS, *(f"wrong_{way}" for way in WRONG))

#: Judged cases of a run here; every class is looked for in any number of them.
CASES = 120


def by_command_line(pytester: pytest.Pytester, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    lines = [f'{name} = {{ target = "pools:{name}", operation = "max_pool1d" }}' for name in NAMES]
    write("pyproject.toml", "[tool.bpcheck.subjects]\n" + "\n".join(lines) + "\n")
    options = ("--profile", "quick", "--cases", str(CASES), "--json", "report.json")
    done = CliRunner().invoke(main, ["check", *options])
    assert done.exit_code == 1, done.output
    return dict(
        zip(NAMES, json.loads(Path("report.json").read_text("utf-8"))["reports"], strict=True)
    )


def by_pytest(pytester: pytest.Pytester, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    made: list[Report] = []

    def few(subject: bpcheck.Subject, **options: Any) -> Report:
        made.append(check_subject(subject, **{**options, "count": CASES}))
        return made[-1]

    patch.setattr(bpcheck.runner, "check_subject", few)
    lines = [f"test_{name} = bpcheck.conformance(pools.{name})" for name in NAMES]
    write("test_pools.py", "import bpcheck, pools\n" + "\n".join(lines) + "\n")
    words = ("-p", "no:cacheprovider", "--bpcheck-profile", "quick", "-q", "-rf")
    done = pytester.runpytest_inprocess(*words, "test_pools.py")
    failed = {line.split("::test_")[1].split("[")[0] for line in done.outlines if "FAILED" in line}
    assert failed == {name for name in NAMES if name.startswith("wrong")}, done.stdout.str()
    return documents(made)


def documents(reports: Iterable[Report]) -> dict[str, Any]:
    return dict(
        zip(NAMES, (json.loads(to_json(each))["reports"][0] for each in reports), strict=True)
    )


@pytest.mark.parametrize("door", [by_command_line, by_pytest])
def test_every_way_is_judged_in_as_many_cases_and_classes_and_found_wrong_alike(
    door: Callable[[pytest.Pytester, pytest.MonkeyPatch], dict[str, Any]],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytester.syspathinsert()
    write("pools.py", MODULE)
    found = door(pytester, monkeypatch)
    # All residues are met in a whole run alone, of which another test is.
    met = [
        {name for name, n in found[way]["coverage"].items() if n and " mod " not in name}
        for way in WAYS
    ]
    for way, classes in zip(WAYS, met, strict=True):
        right = found[way]
        assert (right["verdict"], right["judgements"]) == ("agrees", [])
        assert right["counts"]["cases"] >= CASES
        assert (classes, right["missing"]) == (met[0], [])
    for way in WRONG:
        wrong = found[f"wrong_{way}"]
        assert wrong["verdict"] == "backward wrong"
        assert {each["result"] for each in wrong["judgements"]} == {"x_bar"}
