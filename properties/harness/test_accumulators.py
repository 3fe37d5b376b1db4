"""A claimed accumulator: who says that sums are made in float32 is held to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bpcheck import Subject, Verdict, parse_case
from bpcheck.runner import check_subject
from reference import avg_pool, conv

CASES = [
    parse_case(f"conv1d n2ic{channels}iw40oc2kw3 f16 real c-order seed={channels}")
    for channels in (16, 32, 64)
]
WIDE = Subject(
    forward=conv.forward,
    vjp=conv.vjp,
    operation="conv1d",
    dtypes=conv.DTYPES,
    accumulates="float32",
)


def narrow_b_bar(residuals: Any, y_bar: Any) -> Any:
    """The bias's gradient as a running sum in float16."""
    x_bar, w_bar, _ = conv.vjp(residuals, y_bar)
    return x_bar, w_bar, np.cumsum(np.moveaxis(y_bar, 1, 0).reshape(2, -1), 1, np.float16)[:, -1]


def test_the_reference_kernels_add_up_float16_in_float32() -> None:
    assert check_subject(WIDE, cases=CASES).verdict is Verdict.AGREES
    subject = Subject(
        forward=avg_pool.forward,
        vjp=avg_pool.vjp,
        operation="avg_pool2d",
        dtypes=("float16",),
        accumulates="float32",
    )
    assert check_subject(subject, count=60).verdict is Verdict.AGREES


def test_a_narrower_sum_than_claimed_is_wrong() -> None:
    report = check_subject(replace(WIDE, vjp=narrow_b_bar), cases=CASES)
    assert {judgement.result for judgement in report.judgements} == {"b_bar"}


def test_without_the_claim_the_same_sum_is_within_the_bound() -> None:
    unclaimed = replace(WIDE, vjp=narrow_b_bar).claiming(accumulates=None)
    assert check_subject(unclaimed, cases=CASES).verdict is Verdict.AGREES
