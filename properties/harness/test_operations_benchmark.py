"""The benchmark of declared operations: a fault is found where a right kernel is not rejected."""

from __future__ import annotations

from benchmarks import operations
from benchmarks.operations_material import FAULTS, OPERATIONS
from benchmarks.operations_material.declared import DECLARATIONS, declared
from bpcheck.errors import BpcheckError


def test_a_fault_is_found_that_a_right_kernel_does_not_have() -> None:
    assert operations.alarms("softmax", "float32", 6).startswith("0 of 6 rejected")
    found = operations.hunt(FAULTS["softmax-no-correction-term"], 6)
    assert found.startswith("found in ")
    assert "x_bar" in found


def test_what_cannot_be_asked_is_said() -> None:
    def refuse() -> str:
        raise BpcheckError("two results")

    assert operations.asked(refuse) == "NOT ASKED: two results"
    assert operations.asked(lambda: str(1 // 0)).startswith("CRASHED: ZeroDivisionError")


def test_every_declaration_is_of_a_known_operation_with_its_operands() -> None:
    for name in DECLARATIONS:
        operation = declared(OPERATIONS[name])
        assert operation.name == name
        assert set(OPERATIONS[name].constant) == set(operation.constants)
