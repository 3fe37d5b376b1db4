"""The catalogue of faults: complete, and what it says of itself is well formed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bpcheck.checks import CHECK_NAMES
from bpcheck.errors import UsageError
from bpcheck.explain.faults import FAMILIES, FAULTS, Fault, fault_named, faults_of
from bpcheck.operations import operation_named, operation_names

FOLDER = Path(__file__).parents[2] / "bpcheck" / "explain" / "faults"

#: Files of the folder that hold no faults of their own.
TOOLS = {
    "__init__",
    "catalogue",
    "conditions",
    "division",
    "fault",
    "kernels",
    "misplaced",
    "placing",
    "rechained",
    "run",
    "stateful",
    "winners",
}

by_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


def test_it_holds_eighty_faults_of_distinct_names() -> None:
    assert len(FAULTS) >= 80
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert len({(fault.what, fault.operations) for fault in FAULTS}) == len(FAULTS)


def test_every_family_that_has_a_file_is_collected() -> None:
    assert set(FAMILIES) == {path.stem for path in FOLDER.glob("*.py")} - TOOLS


def test_every_operation_has_faults() -> None:
    assert [name for name in operation_names() if len(faults_of(name)) < 5] == []


@by_fault
def test_a_fault_says_what_it_is(fault: Fault) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fault.name)
    assert fault.what
    assert not fault.what.endswith(".")
    assert fault.condition
    assert fault.source.startswith("https://")


@by_fault
def test_a_fault_names_operations_results_and_checks_that_there_are(fault: Fault) -> None:
    assert fault.operations
    assert fault.results
    assert fault.caught_by
    assert set(fault.caught_by) <= set(CHECK_NAMES)
    for name in fault.operations:
        promised = {"y", *(f"{operand}_bar" for operand in operation_named(name).operands)}
        assert set(fault.results) & promised


def test_a_fault_is_found_by_its_name_and_a_misspelt_one_is_an_error() -> None:
    assert fault_named(FAULTS[0].name) is FAULTS[0]
    with pytest.raises(UsageError, match="x-bar-wrnog"):
        fault_named("x-bar-wrnog")
