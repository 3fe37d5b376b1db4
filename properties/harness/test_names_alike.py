"""Names of mistakes that give the same numbers in most cases: what tells one from another."""

from __future__ import annotations

import pytest

from bpcheck import check
from bpcheck.cases import parse_case
from bpcheck.explain.diagnosis import diagnose, gives_the_same
from bpcheck.explain.faults import fault_named
from bpcheck.verdict import Verdict
from properties.harness.planting import reference

LAYERS = [f"conv2d n{n}ic2ih4iw5oc3kh2kw3bias1 f64 exact c-order seed={n}" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("name", ["cotangent-clipped", "cotangent-of-signs"])
def test_to_whole_numbers_clipping_is_taking_signs_and_real_ones_tell(name: str) -> None:
    wrong = fault_named(name).plant(reference("conv2d"))
    found = diagnose(wrong, list(map(parse_case, LAYERS)), result="w_bar")
    assert found is not None
    assert found.fault.name == name


#: Of 54 terms with a sum so near 0 that narrow sums could be 0.
SMALL_SUM = "conv2d n3ic1ih1iw18oc1kh1kw1 f16 real c-order seed=0"


def test_no_gradient_where_a_sum_is_small_is_not_lost_precision_beside_its_name() -> None:
    wrong = fault_named("every-gradient-zero").plant(reference("conv2d"))
    cases = [*LAYERS, SMALL_SUM]
    report = check(wrong, cases=list(map(parse_case, cases)))
    found = [each for each in report.judgements if each.verdict.is_defect]
    assert [each.verdict for each in found] == [Verdict.BACKWARD_WRONG]
    assert fault_named("every-gradient-zero").what in found[0].looks_like


def test_narrow_sums_are_not_what_another_mistake_gives() -> None:
    narrow = fault_named("w-bar-rotated").plant(reference("conv2d"))
    case = parse_case("conv2d n3ic2ih6iw6oc2kh3kw3 f16 real c-order seed=0")
    zero = fault_named("every-gradient-zero")
    assert gives_the_same(fault_named("w-bar-rotated"), narrow, [case], result="w_bar")
    assert not gives_the_same(zero, narrow, [case], result="w_bar")


def test_what_is_used_up_by_the_very_first_call_is_told_as_that() -> None:
    wrong = fault_named("vjp-right-only-once").plant(reference("conv2d"))
    report = check(wrong, profile="quick", count=24)
    first = next(each for each in report.judgements if each.verdict.is_defect)
    assert first.looks_like.startswith("state that is kept from one case to the next")
