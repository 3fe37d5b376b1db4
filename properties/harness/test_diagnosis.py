"""Naming a failure: a planted fault is recognised by the numbers that it gives."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest

from bpcheck.arithmetic import Array
from bpcheck.cases import Case, parse_case
from bpcheck.explain.diagnosis import diagnose
from bpcheck.explain.faults import Fault, fault_named
from bpcheck.explain.right import right_kernel
from bpcheck.operations import operation_named, operation_names
from bpcheck.subject import Subject
from properties.harness.planting import candidates_of, findings, reference, showing

#: Of every family one fault, and where it is planted.
RECOGNISED = {
    "x-bar-kernel-not-rotated": "conv2d",
    "w-bar-reshaped-for-transposed": "conv2d",
    "w-bar-window-at-j-for-j-times-stride": "conv2d",
    "strides-exchanged-throughout": "conv2d",
    "x-bar-ends-with-the-last-window": "max_pool2d",
    "x-bar-cropped-at-the-end-only": "conv3d",
    "x-bar-dilation-ignored": "max_pool2d",
    "w-bar-of-every-group-from-the-first": "conv1d",
    "x-bar-overlap-overwritten": "avg_pool2d",
    "x-bar-last-window-wins": "max_pool1d",
    "x-bar-all-ties-rewarded": "max_pool2d",
    "x-bar-zero-padding-wins": "max_pool2d",
    "x-bar-overhang-counted": "avg_pool2d",
    "w-bar-averaged-over-the-batch": "conv2d",
    "b-bar-averaged-over-positions": "conv2d",
    "cotangent-clamped-at-zero": "conv2d",
    "x-bar-one-row-missing": "avg_pool3d",
    "w-bar-samples-beyond-the-index": "conv1d",
    "operands-in-tf32": "conv2d",
    "gradients-in-a-list": "conv2d",
    "y-bar-changed-by-the-vjp": "avg_pool1d",
    "cotangent-taken-for-contiguous": "max_pool2d",
    "x-bar-border-unwritten": "max_pool3d",
    "loss-gradient-summed-over-the-batch": "network",
}


def on_seeds(count: int, text: str) -> list[Case]:
    """One geometry on several seeds."""
    return [replace(parse_case(text), seed=seed) for seed in range(count)]


def failing_cases(fault: Fault, operation: str) -> list[Case]:
    """Cases in which the planted fault is reported."""
    check = fault.caught_by[0]
    cases = islice(showing(fault, operation, check), 40)
    subject = reference(operation)
    return [case for case in cases if findings(fault.plant(subject), case, [check])][:12]


def passing_cases(fault: Fault, operation: str) -> list[Case]:
    """Cases in which the fault does not show."""
    cases = islice(candidates_of(operation, "autograd", ("exact",)), 40)
    return [case for case in cases if not fault.shows(case)][:12]


@pytest.mark.parametrize("name", RECOGNISED)
def test_a_planted_fault_is_named_and_explains_the_failing_cases(name: str) -> None:
    fault, operation = fault_named(name), RECOGNISED[name]
    failing = failing_cases(fault, operation)
    subject = fault.plant(reference(operation))
    found = diagnose(subject, failing, passing_cases(fault, operation))
    assert found is not None
    assert found.fault.name == name
    assert found.failing == len(failing)
    assert 2 * found.explained > found.failing


def test_a_diagnosis_reads_as_a_sentence() -> None:
    fault = fault_named("w-bar-window-at-j-for-j-times-stride")
    cases = on_seeds(12, "conv2d n1ic1ih5iw5oc1kh2kw2sh2sw2 f64 exact")
    found = diagnose(fault.plant(reference("conv2d")), cases)
    mistake = "window column taken at j instead of j * stride"
    expected = f"{mistake} (explains 12 of 12 failing cases tried)"
    assert str(found) == expected


def test_of_two_faults_each_is_named_for_its_own_result() -> None:
    one, other = fault_named("w-bar-rotated"), fault_named("x-bar-samples-in-reverse")
    subject = other.plant(one.plant(reference("conv2d")))
    cases = on_seeds(3, "conv2d n2ic2ih4iw4oc3kh2kw2 f64 exact")
    named = {result: diagnose(subject, cases, result=result) for result in ("x_bar", "w_bar")}
    assert {result: found and found.fault for result, found in named.items()} == {
        "x_bar": other,
        "w_bar": one,
    }


def test_a_mistake_written_by_hand_is_named() -> None:
    def forward(x: Array, *, kernel_size: tuple[int], stride: tuple[int]) -> tuple[Array, Any]:
        (k,), (s,) = kernel_size, stride
        starts = range(0, x.shape[-1] - k + 1, s)
        y = np.stack([x[..., i : i + k].mean(axis=-1) for i in starts], axis=-1)
        return y, (x.shape, k, s)

    def vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
        shape, k, s = residuals
        x_bar = np.zeros(shape)
        for i in range(y_bar.shape[-1]):
            x_bar[..., i * s : i * s + k] = y_bar[..., i : i + 1] / k
        return (x_bar,)

    subject = Subject(forward=forward, vjp=vjp, operation="avg_pool1d")
    cases = on_seeds(4, "avg_pool1d n1ic1iw7kw3sw2 f64 exact")
    found = diagnose(subject, cases)
    assert found is not None
    assert found.fault.name == "x-bar-overlap-overwritten"


def test_a_right_kernel_and_a_mistake_nobody_knows_have_no_name() -> None:
    right = reference("conv2d")
    cases = on_seeds(3, "conv2d n1ic2ih4iw4oc3kh2kw2 f64 exact")
    assert diagnose(right, cases) is None
    assert diagnose(right, []) is None

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, w_bar, b_bar = right.vjp(residuals, y_bar)
        return x_bar, w_bar**2 + 17, b_bar

    odd = Subject(forward=right.forward, vjp=vjp, operation="conv2d")
    assert diagnose(odd, cases) is None


@pytest.mark.parametrize("operation", operation_names())
def test_the_right_kernels_of_the_diagnosis_are_right(operation: str) -> None:
    subject = right_kernel(operation)
    kinds = operation_named(operation).value_kinds
    for case in islice(candidates_of(operation, "layouts", kinds), 12):
        assert findings(subject, case) == ()
