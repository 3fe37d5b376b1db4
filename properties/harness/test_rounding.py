"""Rounding on real values: errors that add up in step are not taken for lost precision."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from bpcheck import Subject, Verdict, parse_case
from bpcheck.runner import check_subject
from reference import conv

# The bias's gradient is a sum of 16,400 numbers: equal ones where the cotangent is broadcast.
EQUAL = parse_case("conv1d n1ic1iw32801oc1kw2sw2 f32 real y_bar:broadcast seed=2000095")
RANDOM = parse_case("conv1d n1ic1iw32801oc1kw2sw2 f32 real c-order seed=2000095")


def summed(y_bar: Any) -> Any:
    """A running sum in the cotangent's own dtype: right, and as inaccurate as such a sum may be."""
    return np.cumsum(np.moveaxis(y_bar, 1, 0).reshape(y_bar.shape[1], -1), 1, y_bar.dtype)[:, -1]


def running(residuals: Any, y_bar: Any) -> Any:
    return *conv.vjp(residuals, y_bar)[:2], summed(y_bar)


def coarse(residuals: Any, y_bar: Any) -> Any:
    """The same sum of a cotangent that was rounded to bfloat16."""
    rounded = y_bar.astype(ml_dtypes.bfloat16).astype(y_bar.dtype)
    return *conv.vjp(residuals, y_bar)[:2], summed(rounded)


@pytest.mark.parametrize("case", [EQUAL, RANDOM], ids=["equal", "random"])
def test_a_running_sum_keeps_its_precision_whatever_it_adds_up(case: Any) -> None:
    subject = Subject(conv.forward, running, operation="conv1d")
    assert check_subject(subject, cases=[case]).verdict is Verdict.AGREES


def test_what_was_rounded_more_coarsely_is_still_seen() -> None:
    subject = Subject(conv.forward, coarse, operation="conv1d")
    report = check_subject(subject, cases=[EQUAL])
    assert {judgement.result for judgement in report.judgements} == {"b_bar"}
