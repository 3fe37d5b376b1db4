"""The tester tested: every fault, planted in a right kernel, is found by the checks it names."""

from __future__ import annotations

from itertools import islice

import pytest

from bpcheck.explain.faults import FAULTS, Fault
from properties.harness.planting import findings, reference, showing

#: Cases that a check may need: what its values hide once, they do not hide every time.
TRIES = 12


def main_operation(fault: Fault) -> str:
    """Where all checks of a fault are tried; elsewhere one of them is enough."""
    return next((name for name in fault.operations if name.endswith("2d")), fault.operations[0])


PLANTED = [
    pytest.param(fault, operation, check, id=f"{fault.name}-{operation}-{check}")
    for fault in FAULTS
    for operation in fault.operations
    for check in fault.caught_by[: None if operation == main_operation(fault) else 1]
]


@pytest.mark.parametrize(("fault", "operation", "check"), PLANTED)
def test_a_planted_fault_is_reported_by_its_check_and_for_its_result(
    fault: Fault, operation: str, check: str
) -> None:
    cases = list(islice(showing(fault, operation, check), TRIES))
    assert cases, "no case shows the fault"
    for case in cases:
        # Planted anew for every case: some faults remember the ones before.
        found = findings(fault.plant(reference(operation)), case, [check])
        wrong = {finding.result for finding in found}
        assert wrong <= set(fault.results), found
        if wrong:
            return
    pytest.fail(f"{check} reports nothing in {', '.join(map(str, cases))}")
