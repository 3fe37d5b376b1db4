"""The harness run on the reference kernels: every operation agrees, with every edge class met."""

from __future__ import annotations

from importlib import import_module

import pytest

import bpcheck
from bpcheck.operations import operation_named, operation_names
from reference.operands import DTYPES


@pytest.mark.parametrize("operation", operation_names())
def test_the_reference_kernel_agrees_and_every_edge_class_is_covered(operation: str) -> None:
    module = import_module(f"reference.{operation.rstrip('123d')}")
    assert operation in module.OPERATIONS
    subject = bpcheck.Subject(
        forward=module.forward,
        vjp=module.vjp,
        operation=operation,
        name=module.__name__,
        dtypes=DTYPES,
    )
    # The network's landmarks are large: fewer cases cover its classes.
    report = bpcheck.check(subject, profile="quick", count=60 if operation == "network" else None)
    assert report.judgements == ()
    assert report.verdict is bpcheck.Verdict.AGREES
    assert report.unsupported == 0
    assert {name for name, cases in report.coverage.items() if not cases} == set()
    judged = {result for row in report.table.values() for result in row if row[result].passed}
    assert judged == {"y", *(f"{name}_bar" for name in operation_named(operation).operands)}
