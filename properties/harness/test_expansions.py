"""Each kind of values and each layout has a fault that no other one shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import pytest

from bpcheck.cases import Case
from bpcheck.cases.layouts import ONE_MEMORY, OUTPUT
from bpcheck.cases.repeats import BROADCAST_ALL, BROADCAST_BATCH, OVERLAPPING
from bpcheck.checks.differences import NAME as DIFFERENCES
from bpcheck.explain.faults import fault_named
from bpcheck.filling import fill
from bpcheck.operations import operation_named
from properties.harness.planting import candidates_of, findings, reference

Expansion = Callable[[Case], bool]

#: Cases without the expansion that a fault must pass, and with it among which it must be found.
PASSED, TRIED = 30, 12

KINDS = ("exact", "wide", "ties", "negative", "sparse", "special", "tiny", "huge", "real")


def in_values(kind: str) -> Expansion:
    return lambda case: case.values == kind


def special_in(name: str) -> Expansion:
    def holds(case: Case) -> bool:
        array = fill(case).operands.get(name)
        return array is not None and not np.isfinite(array).all()

    return holds


def scaled_weights(kind: str) -> Expansion:
    def holds(case: Case) -> bool:
        w = np.abs(fill(case).operands["w"])
        return case.values == kind and not (1 <= w.max(initial=0) <= 2**30)

    return holds


def in_layout(*layouts: str, of: str) -> Expansion:
    return lambda case: case.layouts.get(of) in layouts


ALONE: dict[str, Expansion] = {
    "x-bar-zero-where-x-is": in_values("sparse"),
    "w-bar-zero-where-w-is": in_values("sparse"),
    "y-bias-skipped-with-windows-of-zeros": in_values("sparse"),
    "y-bias-skipped-with-filters-of-zeros": in_values("sparse"),
    "y-of-samples-of-zeros-unwritten": in_values("sparse"),
    "w-bar-of-channels-of-zeros-unwritten": in_values("sparse"),
    "w-nan-taken-for-zero": special_in("w"),
    "y-nan-weight-in-every-channel": special_in("w"),
    "w-bar-begun-as-zero-times-w": special_in("w"),
    "b-nan-taken-for-zero": special_in("b"),
    "b-bar-begun-as-zero-times-b": special_in("b"),
    "w-subnormals-flushed": scaled_weights("tiny"),
    "w-clipped": scaled_weights("huge"),
    "x-bar-laid-out-as-x": in_layout(OVERLAPPING, of="x"),
    # What one sample's cotangent stands for is the same where all lie in one number.
    "gradients-of-one-sample-for-all": in_layout(BROADCAST_BATCH, of="y_bar"),
    "output-taken-for-scratch": in_layout(OUTPUT, of="y_bar"),
    "w-rotated-for-a-while": in_layout(ONE_MEMORY, of="w"),
}


def cases() -> Iterator[Case]:
    kinds = tuple(kind for kind in KINDS if kind in operation_named("conv2d").value_kinds)
    found = candidates_of("conv2d", "layouts", kinds)
    # In narrow formats some numbers have to be zeros in every kind of values.
    return (case for case in found if case.dtype == "float64" and case.geometry.n)


@pytest.mark.parametrize("name", ALONE)
def test_a_fault_is_found_in_one_kind_of_case_and_passes_in_all_others(name: str) -> None:
    fault, belongs, right = fault_named(name), ALONE[name], reference("conv2d")
    for case in islice((case for case in cases() if not belongs(case)), PASSED):
        assert findings(fault.plant(right), case) == (), str(case)
    shown = islice((case for case in cases() if belongs(case) and fault.shows(case)), TRIED)
    assert any(findings(fault.plant(right), case) for case in shown)


@pytest.mark.parametrize("layouts", ["y_bar:broadcast-all", "y_bar:broadcast-batch,x:fortran"])
def test_a_cotangent_of_one_number_is_not_one_of_ones(layouts: str) -> None:
    fault = fault_named("cotangent-of-one-number-taken-for-ones")
    alone = BROADCAST_ALL in layouts
    for seed in range(6):
        numbers = operation_named("conv2d").geometry(
            {"n": 2, "ic": 2, "ih": 5, "iw": 4, "oc": 3, "kh": 2, "kw": 2}
        )
        case = Case(operation_named("conv2d"), numbers, layout=layouts, seed=seed)
        assert bool(findings(fault.plant(reference("conv2d")), case)) == alone


@pytest.mark.parametrize("name", ["x-bar-zero-where-x-is", "w-bar-zero-where-w-is"])
def test_differences_step_the_zeros_of_sparse_values(name: str) -> None:
    fault, sparse = fault_named(name), in_values("sparse")
    shown = islice((case for case in cases() if sparse(case) and fault.shows(case)), TRIED)
    found = [findings(fault.plant(reference("conv2d")), case, [DIFFERENCES]) for case in shown]
    assert sum(map(bool, found)) >= TRIED // 2
