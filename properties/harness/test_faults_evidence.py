"""The defects that other gradient checkers passed: reported on every seed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bpcheck.cases import parse_case
from bpcheck.explain.faults import fault_named
from properties.harness.depth import deep
from properties.harness.planting import findings, reference, with_turn

SEEDS = range(deep(6, 20))

#: The layer of 64 and 96 channels; other checkers pass these defects in it, on most seeds.
LAYER = parse_case("conv2d n1ic64ih13iw13oc96kh2kw2sh2sw2 f64 exact")

IN_THE_LAYER = (
    "w-bar-rotated",
    "x-bar-one-channel-missing",
    "x-bar-one-row-missing",
    "x-bar-corner-missing",
    "w-bar-one-channel-missing",
    "w-bar-one-element-missing",
)

#: Plain geometries, of the smallest size that shows what they are named after.
CONV = "conv2d n2ic3ih6iw7oc4kh3kw2 f64 exact"
SQUARE = "conv2d n2ic3ih6iw7oc3kh3kw2 f64 exact"
STRIDED = "conv2d n1ic2ih8iw9oc3kh3kw2sh2sw3ph1pw1 f64 exact"
DILATED = "conv2d n1ic2ih8iw9oc3kh3kw2dh2dw3 f64 exact"
GROUPED = "conv2d g3n2ic6ih5iw6oc6kh2kw3 f64 exact"
MAX = "max_pool2d n2ic2ih9iw7kh3kw3sh1sw1ph1pw1 f64 exact"
TIES = "max_pool2d n2ic2ih9iw7kh3kw3sh1sw1 f64 ties"
AVG = "avg_pool2d n2ic2ih7iw8kh3kw3sh2sw2ph1pw1cip0 f64 exact"
OVERHANG = "avg_pool2d n2ic2ih8iw8kh3kw3sh2sw2ceil1 f64 exact"

#: The kinds of defect that eight checkers were compared on: where, and by which check.
COMPARED = {
    "x-bar-kernel-not-rotated": (CONV, "autograd"),
    "w-bar-rotated": (CONV, "finite differences"),
    "x-bar-channel-axes-not-exchanged": (SQUARE, "autograd"),
    "w-bar-reshaped-for-transposed": (CONV, "autograd"),
    "x-bar-stride-ignored": (STRIDED, "autograd"),
    "w-bar-window-at-j-for-j-times-stride": (STRIDED, "finite differences"),
    "x-bar-cropped-at-the-end-only": (STRIDED, "autograd"),
    "x-bar-remainder-in-front": (STRIDED, "autograd"),
    "x-bar-dilation-ignored": (DILATED, "finite differences"),
    "w-bar-of-every-group-from-the-first": (GROUPED, "autograd"),
    "x-bar-last-window-wins": (MAX, "autograd"),
    "x-bar-all-ties-rewarded": (TIES, "ties"),
    "x-bar-zero-padding-wins": ("max_pool2d n2ic4ih9iw7kh2kw2sh2sw2ph1pw1 f64 exact", "autograd"),
    "x-bar-height-taken-for-width": (MAX, "autograd"),
    "x-bar-padding-counted": (AVG, "autograd"),
    "x-bar-overhang-counted": (OVERHANG, "finite differences"),
    "x-bar-overlap-overwritten": (AVG, "autograd"),
    "w-bar-averaged-over-the-batch": (CONV, "autograd"),
    "b-bar-averaged-over-positions": (CONV, "autograd"),
    "w-bar-added-to-earlier-ones": (CONV, "same bits twice"),
    "cotangent-taken-for-contiguous": (f"{CONV} y_bar:transposed", "layouts"),
    "cotangent-clamped-at-zero": (CONV, "scaled cotangent"),
    "cotangent-of-magnitudes": (MAX, "autograd"),
    "w-bar-of-every-sample": (CONV, "contract"),
    "x-bar-in-float32": (AVG, "contract"),
    "w-bar-summed-in-float32": (CONV.replace("exact", "real"), "rounding"),
}


@pytest.mark.parametrize("check", ["autograd", "finite differences"])
@pytest.mark.parametrize("name", IN_THE_LAYER)
def test_a_defect_of_the_layer_is_reported_on_every_seed(name: str, check: str) -> None:
    fault = fault_named(name)
    subject = fault.plant(reference("conv2d"))
    for seed in SEEDS:
        case = replace(LAYER, seed=seed)
        assert fault.shows(case)
        found = findings(subject, case, [check])
        assert {finding.result for finding in found} == set(fault.results), str(case)


@pytest.mark.parametrize("name", COMPARED)
def test_a_defect_that_checkers_were_compared_on_is_reported_on_every_seed(name: str) -> None:
    text, check = COMPARED[name]
    fault = fault_named(name)
    for seed in SEEDS:
        case = with_turn(replace(parse_case(text), seed=100 * seed), check)
        assert fault.shows(case), str(case)
        found = findings(fault.plant(reference(case.operation)), case, [check])
        wrong = {finding.result for finding in found}
        assert wrong, str(case)
        assert wrong <= set(fault.results), found


def test_twenty_six_defects_were_compared() -> None:
    assert len(COMPARED) == 26
