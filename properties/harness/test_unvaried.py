"""A name rests on no number that all the cases of somebody's own list happen to share."""

from __future__ import annotations

from typing import Any

import pytest

from bpcheck import Subject, parse_case
from bpcheck.explain.faults import fault_named
from bpcheck.runner import check_subject
from bpcheck.verdict import Judgement
from properties.harness.planting import reference
from reference import conv

#: Two samples in each, stride 1, padding 1: what a test of one's own may well ask.
CASES = [
    parse_case(f"conv2d n2ic2ih4iw5oc3kh3kw2ph1pw1 {rest}")
    for rest in ("f64 exact seed=0", "f64 exact seed=1", "f32 real seed=2", "f32 real seed=3")
]


def doubled(residuals: Any, y_bar: Any) -> Any:
    x_bar, *rest = conv.vjp(residuals, y_bar)
    return (2 * x_bar, *rest)


def one_more_sample(residuals: Any, y_bar: Any) -> Any:
    x_bar, *rest = conv.vjp(residuals, y_bar)
    return ((len(y_bar) + 1) * x_bar, *rest)


def told(subject: Subject) -> Judgement:
    (judgement,) = check_subject(subject, cases=CASES, repairs=False).judgements
    return judgement


@pytest.mark.parametrize("vjp", [doubled, one_more_sample])
def test_what_two_samples_alone_would_explain_has_no_name(vjp: Any) -> None:
    judgement = told(Subject(conv.forward, vjp, operation="conv2d"))
    assert judgement.looks_like == ""
    assert "every cell" in judgement.wrong_cells


@pytest.mark.parametrize(
    "name",
    [
        "x-bar-times-the-batch",
        "x-bar-kernel-not-rotated",
        "w-bar-averaged-over-the-batch",
        "x-bar-cropped-at-the-end-only",
    ],
)
def test_a_mistake_is_named_by_cases_that_share_most_numbers(name: str) -> None:
    fault = fault_named(name)
    assert fault.what in told(fault.plant(reference("conv2d"))).looks_like
