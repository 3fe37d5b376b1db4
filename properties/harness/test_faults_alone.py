"""Every check has a fault that it alone finds: without it, that fault would pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bpcheck.cases import parse_case
from bpcheck.checks import names_for
from bpcheck.explain.faults import fault_named
from properties.harness.planting import findings, reference, with_turn

SEEDS = range(8)

#: For each check: a fault, and a case in which every other check lets it pass.
ALONE = {
    "contract": ("prints", "conv2d n1ic2ih4iw4oc3kh2kw2 f64 exact"),
    "finite": ("x-bar-one-nan", "conv2d n1ic1ih4iw4oc1kh2kw2 f64 tiny"),
    "inputs unchanged": ("y-bar-changed-by-the-vjp", "conv2d n1ic2ih4iw4oc3kh2kw2 f64 exact"),
    "same bits twice": (
        "x-bar-added-to-a-recycled-buffer",
        "conv2d n1ic2ih4iw4oc3kh2kw2 f64 real",
    ),
    "autograd": (
        "strides-exchanged-throughout",
        "conv2d n2ic2ih7iw7oc3kh2kw2sh2sw3ph1pw1 f64 exact",
    ),
    "ties": ("x-bar-all-ties-rewarded", "max_pool2d n1ic1ih6iw6kh3kw3 f64 ties"),
    "NaN and infinity": ("y-nan-in-every-sample", "conv2d n4ic2ih4iw4oc3kh2kw2 f64 special"),
    "extreme values": ("y-subnormals-flushed", "conv2d n1ic2ih4iw4oc3kh2kw2 f64 tiny"),
    "empty batch": ("w-bar-unwritten-for-no-samples", "conv2d n0ic2ih4iw4oc3kh2kw2 f64 special"),
    "finite differences": (
        "y-cached-by-shape",
        "conv2d n1ic1ih4iw4oc1kh2kw2 f64 exact",
    ),
    "layouts": (
        "x-bar-ties-in-memory-order",
        "max_pool2d n1ic1ih6iw6kh3kw3 f64 ties x:transposed",
    ),
    "vjps in reverse": ("older-residuals-freed", "conv2d n2ic2ih5iw5oc3kh2kw2 f64 exact"),
    "vjps in order": ("newer-residuals-freed", "conv2d n2ic2ih5iw5oc3kh2kw2 f64 exact"),
    "three forwards": ("residuals-in-a-ring-of-two", "conv2d n2ic2ih5iw5oc3kh2kw2 f64 exact"),
    "second vjp": ("residuals-negated-by-the-vjp", "conv2d n2ic2ih5iw5oc3kh2kw2 f64 exact"),
    "reused arrays": ("weights-cached-for-their-array", "conv2d n2ic2ih5iw5oc3kh2kw2 f64 exact"),
    "own memory": ("x-bar-in-one-buffer", "conv2d n2ic2ih5iw5oc3kh2kw2 f64 exact"),
    "scaled cotangent": ("cotangent-clipped-when-large", "conv2d n1ic2ih5iw5oc3kh2kw2 f64 exact"),
    "split cotangent": (
        "cotangent-of-zero-taken-for-the-largest",
        "conv2d n1ic2ih5iw5oc3kh2kw2 f64 exact",
    ),
    "samples": ("x-bar-ties-by-sample", "max_pool2d n2ic1ih6iw6kh3kw3 f64 ties"),
    "channels": (
        "vjp-of-the-first-forward-of-its-shape",
        "conv2d n1ic2ih5iw5oc3kh2kw2 f64 exact",
    ),
    "taylor": ("kink-at-the-first-weights", "network n2ic2ih8iw8oca3ka3ocb2kb2classes3 f64 real"),
    "rounding": ("x-bar-small-values-dropped", "conv2d n1ic2ih5iw5oc3kh2kw2 f64 real"),
}

#: Where numbers are compared as well, NaN is wrong everywhere: of a fast transform none are at the
#: ends of the range.
NOT_DIRECT = {"finite"}

#: They judge torch, not the subject.
OF_THE_ORACLE = {"torch itself"}

#: Asked of bits that a claim promises, and hardly any fast kernel has: test_conventions.py.
OF_A_CLAIM = {"sample alone"}

#: Of threads, and of sizes that the case has not: test_many_runs.py.
OF_MANY_RUNS = {"ten runs", "batch sizes"}

#: Rows of other code than kernels on arrays have files of their own: test_contract_of_tensors.py.
ASKED = [
    name
    for name in names_for(reference("conv2d"))
    if name not in OF_THE_ORACLE | OF_A_CLAIM | OF_MANY_RUNS
]


@pytest.mark.parametrize("check", ASKED)
def test_a_check_finds_what_no_other_one_does(check: str) -> None:
    name, text = ALONE[check]
    fault, case = fault_named(name), parse_case(text)
    # Who claims torch's ties is also held to them by autograd.
    right = reference(case.operation).claiming(
        torch_ties=False,
        exact=check not in NOT_DIRECT,
        # A buffer that all calls share is seen in a second vjp too, by those who have one.
        single_use=check == "own memory",
    )
    reports: list[set[str]] = []
    shows: list[bool] = []
    for seed in SEEDS:
        each = with_turn(replace(case, seed=seed), check)
        shows.append(fault.shows(each))
        reports.append({finding.check for finding in findings(fault.plant(right), each)})
    assert any(shows)
    assert {check} in reports
    assert all(report <= {check} for report in reports)
