"""Conditions are honest: where a fault does not show, the planted kernel is right."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from bpcheck.arithmetic import Array
from bpcheck.checks import Trial
from bpcheck.checks.allowed import error_bounds, is_defined_throughout, quotient_bound
from bpcheck.checks.compare import difference
from bpcheck.explain.faults import FAULTS, Fault
from properties.harness.planting import candidates_of, reference

#: Candidates that are asked, and how many of those in which the fault does not show are tried.
ASKED, TRIED = 60, 3

PLANTED = [
    pytest.param(fault, operation, id=f"{fault.name}-{operation}")
    for fault in FAULTS
    for operation in dict.fromkeys((fault.operations[0], fault.operations[-1]))
]


def rounding(trial: Trial, result: str) -> Array | None:
    """What a fault may change by computing the right thing in another order."""
    if not trial.case.is_exact:
        found = error_bounds(trial)
        # Where a kink lies within rounding, nothing is judged.
        return np.full(trial.case.shapes[result], np.inf) if found is None else 2 * found[0][result]
    return quotient_bound(trial, result) if trial.case.operation.divides else None


@pytest.mark.parametrize(("fault", "operation"), PLANTED)
def test_a_planted_fault_does_nothing_where_its_condition_is_false(
    fault: Fault, operation: str
) -> None:
    right = reference(operation)
    cases = islice(candidates_of(operation, "layouts", ("exact", "ties", "special")), ASKED)
    for case in islice((case for case in cases if not fault.shows(case)), TRIED):
        one, other = Trial(right, case), Trial(fault.plant(right), case)
        assert other.first.raw.keys() == one.first.raw.keys(), str(case)
        for result, expected in one.first.raw.items():
            got = other.first.raw[result]
            assert isinstance(got, np.ndarray)
            assert (got.shape, got.dtype) == (expected.shape, expected.dtype), f"{result}: {case}"
            if not is_defined_throughout(one):
                # 0 times an infinity is not what the fault is about.
                continue
            bound = rounding(one, result)
            assert difference(other.got[result], one.got[result], bound) is None, (
                f"{result}: {case}"
            )
