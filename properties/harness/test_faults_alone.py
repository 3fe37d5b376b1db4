"""Every check has a fault that it alone finds: without it, that fault would pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bpcheck.cases import parse_case
from bpcheck.checks import CHECK_NAMES
from bpcheck.explain.faults import fault_named
from properties.harness.planting import findings, reference, with_turn

SEEDS = range(8)

#: For each check: a fault, and a case in which every other check lets it pass.
ALONE = {
    "contract": ("prints", "conv2d n1ic2ih4iw4oc3kh2kw2 f64 exact"),
    "autograd": (
        "strides-exchanged-throughout",
        "conv2d n2ic2ih7iw7oc3kh2kw2sh2sw3ph1pw1 f64 exact",
    ),
    "finite differences": (
        "y-cached-by-shape",
        "conv2d n1ic1ih4iw4oc1kh2kw2 f64 exact",
    ),
    "layouts": (
        "x-bar-ties-in-memory-order",
        "max_pool2d n1ic1ih6iw6kh3kw3 f64 ties x:transposed",
    ),
    "state": ("vjp-of-the-last-forward", "conv2d n2ic2ih5iw5oc3kh2kw2 f64 exact"),
    "linearity": ("cotangent-scaled-by-its-largest-value", "conv2d n1ic2ih5iw5oc3kh2kw2 f64 exact"),
    "symmetry": ("x-bar-ties-by-sample", "max_pool2d n2ic1ih6iw6kh3kw3 f64 ties"),
    "taylor": ("kink-at-the-first-weights", "network n2ic2ih8iw8oca3ka3ocb2kb2classes3 f64 real"),
    "rounding": ("x-bar-small-values-dropped", "conv2d n1ic2ih5iw5oc3kh2kw2 f64 real"),
}

#: They judge torch, not the subject.
OF_THE_ORACLE = {"oracle"}


@pytest.mark.parametrize("check", [name for name in CHECK_NAMES if name not in OF_THE_ORACLE])
def test_a_check_finds_what_no_other_one_does(check: str) -> None:
    name, text = ALONE[check]
    fault, case = fault_named(name), parse_case(text)
    # Who claims torch's ties is also held to them by autograd.
    right = replace(reference(case.operation), torch_ties=False)
    reports: list[set[str]] = []
    for seed in SEEDS:
        each = with_turn(replace(case, seed=seed), check)
        assert fault.shows(each)
        reports.append({finding.check for finding in findings(fault.plant(right), each)})
    assert {check} in reports
    assert all(report <= {check} for report in reports)
