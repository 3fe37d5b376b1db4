"""The benchmark of mutants: each is one change, loaded instead of the right source, and killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import mutants
from benchmarks.mutating import Mutant
from benchmarks.mutating import mutants as mutants_of
from properties.harness.depth import deep

REFERENCE = Path(__file__).parents[2] / "reference"


@pytest.mark.parametrize("name", deep(["avg_pool"], ["avg_pool", "unrolled"]))
def test_every_mutant_is_another_source_that_compiles(name: str) -> None:
    source = (REFERENCE / f"{name}.py").read_text()
    found = list(mutants_of(source))
    assert len(found) > 100
    assert all(each.source != source for each in found)
    for each in found:
        compile(each.source, name, "exec")


def test_what_only_refuses_input_is_left_alone() -> None:
    source = "def f(x):\n    '''Say.'''\n    if x < 0:\n        raise ValueError(1 + 1)\n"
    assert list(mutants_of(source)) == []


def test_a_module_concerns_the_operations_that_rest_on_it() -> None:
    assert mutants.operations_with("sigmoid") == ["network"]
    assert {"conv2d", "max_pool2d", "avg_pool2d", "network"} <= set(
        mutants.operations_with("windows")
    )


def test_a_wrong_mutant_is_killed_and_the_right_source_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cases = mutants.cases("avg_pool1d")[:12]
    monkeypatch.setattr(mutants, "operations_with", lambda module: ["avg_pool1d"])
    monkeypatch.setattr(mutants, "cases", lambda operation: cases)
    source = (REFERENCE / "avg_pool.py").read_text()
    assert mutants.fate_of("avg_pool.py", Mutant(0, 1, "", source)).end == "survived"
    wrong = source.replace("def vjp", "def vjp_of_old", 1) + (
        "\n\ndef vjp(residuals, y_bar):\n"
        "    (x_bar,) = vjp_of_old(residuals, y_bar)\n"
        "    return (2 * x_bar,)\n"
    )
    fate = mutants.fate_of("avg_pool.py", Mutant(1, 1, "", wrong))
    assert fate.end == "killed"
    assert "x_bar backward wrong" in fate.said
    dying = source + "\nimport os\nos._exit(0)\n"
    assert mutants.fate_of("avg_pool.py", Mutant(2, 1, "", dying)).said == "its process died"
