"""The benchmarks of names, and of the checkers of generated kernels."""

from __future__ import annotations

import pytest

from benchmarks import graders, naming
from benchmarks.graders import GRADERS, found_by
from benchmarks.material import kernel
from benchmarks.naming import Named, named
from bpcheck.explain.faults import fault_named


def test_a_planted_fault_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "CASES", 40)
    monkeypatch.setattr(naming, "LARGEST", 1_024)
    found = named("x-bar-overlap-overwritten", "avg_pool1d")
    assert (found.outcome, found.names) == ("right", ("x-bar-overlap-overwritten",))


def test_another_name_for_the_same_numbersis_equal_and_any_other_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(naming, "COMPARED", 6)
    right = kernel("reference", "avg_pool1d")
    one, other = fault_named("x-bar-not-divided"), fault_named("x-bar-divided-twice")
    assert naming._outcome(one, (), right) == "none"
    assert naming._outcome(one, (one,), right) == "right"
    assert naming._outcome(one, (other,), right) == "wrong"
    # In one dimension, a kernel has one side.
    same = fault_named("x-bar-all-zero")
    assert naming.is_equal(same, same, right)


def test_the_table_tells_wrong_names_and_fails_for_more_than_one_in_a_hundred(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fault = fault_named("w-bar-rotated")
    wrong = Named(fault.name, "conv2d", "wrong", ("x-bar-all-zero",))
    assert not naming.print_table({"rotation": (fault,)}, [wrong])
    assert "wrong: w-bar-rotated in conv2d is called x-bar-all-zero" in capsys.readouterr().out
    assert naming.print_table({"rotation": (fault,)}, [Named(fault.name, "conv2d", "right")])


def test_graders_find_a_wrong_formula_and_not_what_their_random_numbers_never_show() -> None:
    assert all(found_by("w-bar-rotated").values())
    assert not any(found_by("x-bar-all-ties-rewarded").values())


def test_the_table_of_graders_counts_each_family(capsys: pytest.CaptureFixture[str]) -> None:
    fault = fault_named("w-bar-rotated")
    graders.print_table({"rotation": (fault,)}, [{each.name: True for each in GRADERS}])
    assert "| rotation | 1 | 1 |" in capsys.readouterr().out
