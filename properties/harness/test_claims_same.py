"""Padding in numbers is what a kernel is promised; the word "same" is a claim that it may make."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck import Subject
from bpcheck.cases import parse_case
from bpcheck.checks.claims import unclaimed
from bpcheck.verdict import Verdict
from reference import conv

SAME = "conv1d n1ic1iw4oc1kw2same1 f64 small"


def in_numbers(x: Any, w: Any, b: Any, *, stride: Any, padding: Any) -> Any:
    (p,) = padding
    return conv.forward(x, w, b, stride=stride, padding=(p + 0,), dilation=(1,), groups=1)


def stumbles_when_even(x: Any, w: Any, b: Any, *, stride: Any, padding: Any) -> Any:
    if padding == "same" and w.shape[-1] % 2 == 0:
        raise IndexError("out of bounds")
    return conv.forward(x, w, b, stride=stride, padding=padding, dilation=(1,), groups=1)


def of_three_alone(x: Any, w: Any, b: Any, *, stride: Any, padding: Any) -> Any:
    if w.shape[-1] != 3:
        raise NotImplementedError
    return in_numbers(x, w, b, stride=stride, padding=padding)


def subject(forward: Any) -> Subject:
    return Subject(forward=forward, vjp=conv.vjp, operation="conv1d")


@pytest.mark.parametrize("bias", ["bias0", ""])
def test_a_forward_that_takes_numbers_only_claims_no_word(bias: str) -> None:
    case = parse_case(SAME.replace("same1", f"same1{bias}"))
    assert unclaimed(subject(in_numbers), case) == "forward takes no padding='same'"
    assert unclaimed(subject(in_numbers), parse_case("conv1d n1ic1iw4oc1kw2pw1")) == ""


def test_a_forward_that_refuses_the_smallest_kernel_is_asked_with_another() -> None:
    kernel = subject(of_three_alone)
    case = parse_case("conv1d n1ic1iw4oc1kw3same1")
    assert unclaimed(kernel, case) == "forward takes no padding='same'"
    assert unclaimed(kernel, parse_case("conv1d n1ic1iw4oc1kw3pw1")) == ""


def test_padding_in_numbers_alone_is_no_defect() -> None:
    report = bpcheck.check(subject(in_numbers), count=160, dtypes=["float64"])
    assert report.agrees, report.judgements
    assert report.reasons["forward takes no padding='same'"]


def test_a_forward_that_raises_on_some_words_only_is_told_so() -> None:
    kernel = subject(stumbles_when_even)
    assert unclaimed(kernel, parse_case(SAME)) == ""
    (judgement,) = bpcheck.check(kernel, cases=[parse_case(SAME)]).judgements
    assert judgement.verdict is Verdict.RAISES


def test_who_states_what_is_supported_is_taken_at_that_word() -> None:
    kernel = subject(in_numbers).claiming(supports=lambda params, shapes: True)
    assert unclaimed(kernel, parse_case(SAME)) == ""


def test_the_word_is_checked_where_it_is_taken() -> None:
    def forward(x: Any, w: Any, b: Any, *, padding: Any) -> Any:
        return conv.forward(x, w, b, stride=(1,), padding=padding, dilation=(1,), groups=1)

    def vjp(residuals: Any, y_bar: Any) -> Any:
        x_bar, *others = conv.vjp(residuals, y_bar)
        return np.roll(x_bar, 1, axis=-1), *others

    wrong = Subject(forward=forward, vjp=vjp, operation="conv1d")
    (judgement,) = bpcheck.check(wrong, cases=[parse_case(SAME)]).judgements
    assert (judgement.verdict, judgement.result) == (Verdict.BACKWARD_WRONG, "x_bar")
