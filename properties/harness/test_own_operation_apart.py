"""Operations of one name do not mix up: what is kept for one is kept with that very object."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import bpcheck
from bpcheck.explain.faults import faults_of
from bpcheck.explain.reproduction import torch_reproduction
from bpcheck.operations import Operation, operation_named, operation_names
from bpcheck.planning import strategies
from bpcheck.planning.classes import array_layouts, every_class, geometry_classes
from bpcheck.runner import check_subject
from properties.harness.own import MODULE, folder, written

__all__ = ["folder", "written"]


def module(name: str, operation: str, *, first_class: str = "one") -> Operation:
    """An operation in a module of that name, in the directory that modules are looked for first."""
    text = MODULE.replace('name = "running_sum"', f'name = "{operation}"')
    Path(f"{name}.py").write_text(text.replace('"signals", "one"', f'"signals", "{first_class}"'))
    return operation_named(f"{name}:running_sum")


def test_one_that_has_the_name_of_a_built_in_one_is_another() -> None:
    own, conv = module("mine", "conv2d"), operation_named("conv2d")
    assert own.name == conv.name
    assert own != conv
    assert len({own, conv}) == 2
    assert list(array_layouts(own)) == ["signal", "gain", "y_bar"]
    assert list(array_layouts(conv)) == ["x", "w", "b", "y_bar"]
    assert "signals one" in every_class(own, ["float32"])
    assert "signals one" not in every_class(conv, ["float32"])
    assert strategies.geometries(own) is not strategies.geometries(conv)
    assert operation_named("conv2d") is conv


def test_no_fault_and_no_program_of_the_built_in_one_is_taken_for_it() -> None:
    own = module("mine", "conv2d")
    assert faults_of(own) == ()
    assert faults_of(operation_named("conv2d"))
    case = bpcheck.Case(own, own.geometry({"len": 2}))
    assert torch_reproduction(case, "y", "0") == ""


def test_a_wrong_kernel_of_it_is_judged_by_its_own_promise() -> None:
    own = module("mine", "conv2d")
    wrong = bpcheck.adapters.load("mine:Wrong", operation=own)
    report = check_subject(wrong, count=60, jobs=2)
    assert report.verdict is bpcheck.Verdict.BACKWARD_WRONG
    assert report.judgements[0].smallest.startswith("mine:running_sum n1len2rev1 ")


def test_two_modules_may_have_one_of_the_same_name() -> None:
    one, two = module("mine", "sums"), module("yours", "sums", first_class="single")
    assert one != two
    geometries = [each.geometry({"len": 1}) for each in (one, two)]
    assert "signals one" in geometry_classes(one, geometries[0])
    assert "signals single" in geometry_classes(two, geometries[1])


def test_what_a_module_had_before_it_was_loaded_anew_is_neither_kept_nor_found() -> None:
    old = module("mine", "sums")
    assert "signals one" in geometry_classes(old, old.geometry({"len": 1}))
    text = Path("mine.py").read_text(encoding="utf-8")
    # Longer, lest the old byte code be taken for that of the same second.
    Path("mine.py").write_text(text.replace('"one"', '"all alone"') + "\n# anew\n")
    importlib.reload(sys.modules["mine"])
    new = operation_named("mine:running_sum")
    assert "signals all alone" in geometry_classes(new, new.geometry({"len": 1}))
    assert new != old
    assert new.address == "mine:running_sum"
    assert old.address is None
    assert "has no address" in old.why_unaddressed


@pytest.mark.parametrize("name", operation_names())
def test_a_built_in_one_keeps_its_name_where_a_module_has_a_global_for_it(name: str) -> None:
    Path("theirs.py").write_text(
        f"from bpcheck.operations import operation_named\nown = operation_named({name!r})\n"
    )
    assert operation_named("theirs:own").address == name
    assert operation_named("theirs:own").__reduce__()[1] == (name, name)
