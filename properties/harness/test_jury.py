"""The jury: every row of its table, from kernels that are wrong in exactly that way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, Verdict, parse_case
from bpcheck.runner import check_subject
from bpcheck.verdict import Report
from reference import conv

CASES = [
    parse_case(f"conv2d n2ic2ih{size}iw5oc3kh2kw2sh2sw1 f64 {kind} c-order seed={seed}")
    for seed, (size, kind) in enumerate(
        (size, kind) for size in (4, 5) for kind in ("exact", "wide", "real")
    )
]
RIGHT = Subject(forward=conv.forward, vjp=conv.vjp, operation="conv2d", name="right")


def with_forward(change: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> Subject:
    """The right kernel with another forward and the right backward."""

    def forward(*operands: Any, **params: Any) -> Any:
        y, residuals = conv.forward(*operands, **params)
        return change(y), residuals

    return replace(RIGHT, forward=forward)


def with_vjp(change: Callable[..., tuple[Any, ...]]) -> Subject:
    """The right kernel with another backward."""

    def vjp(residuals: Any, y_bar: Any) -> Any:
        return change(*conv.vjp(residuals, y_bar))

    return replace(RIGHT, vjp=vjp)


def judged(subject: Subject) -> Report:
    return check_subject(subject, cases=CASES)


def found(report: Report) -> set[tuple[Verdict, str]]:
    return {(judgement.verdict, judgement.result) for judgement in report.judgements}


def test_a_right_kernel_agrees() -> None:
    report = judged(RIGHT)
    assert report.verdict is Verdict.AGREES
    assert report.judgements == ()


def test_a_wrong_gradient_is_charged_to_the_backward() -> None:
    report = judged(with_vjp(lambda x_bar, w_bar, b_bar: (x_bar, 2 * w_bar, b_bar)))
    assert found(report) == {(Verdict.BACKWARD_WRONG, "w_bar")}
    assert "autograd and finite differences are against it" in report.judgements[0].because


def test_a_wrong_forward_with_a_right_backward_is_charged_to_the_forward() -> None:
    report = judged(with_forward(lambda y: 3 * y))
    assert report.verdict is Verdict.FORWARD_WRONG
    assert {result for _, result in found(report)} == {"y"}


def test_a_consistent_pair_computes_something_else() -> None:
    def forward(x: Any, w: Any, b: Any, **params: Any) -> Any:
        y, residuals = conv.forward(x, w, b, **params)
        return 2 * y, residuals

    def vjp(residuals: Any, y_bar: Any) -> Any:
        return conv.vjp(residuals, 2 * y_bar)

    report = judged(replace(RIGHT, forward=forward, vjp=vjp))
    assert found(report) == {(Verdict.FORWARD_DIFFERS, "y")}


def test_a_forward_and_a_backward_that_fit_neither_torch_nor_each_other_are_both_wrong() -> None:
    subject = replace(
        with_forward(lambda y: 2 * y), vjp=lambda residuals, y_bar: conv.vjp(residuals, 3 * y_bar)
    )
    assert judged(subject).verdict is Verdict.BOTH_WRONG


def test_a_forward_that_ignores_the_bias_is_the_only_one_charged() -> None:
    def forward(x: Any, w: Any, b: Any, **params: Any) -> Any:
        _, residuals = conv.forward(x, w, b, **params)
        return conv.forward(x, w, None, **params)[0], residuals

    report = judged(replace(RIGHT, forward=forward))
    assert report.verdict is Verdict.FORWARD_WRONG
    assert report.judgements[0].result == "y"


@pytest.mark.parametrize("operand", range(3))
def test_a_gradient_of_nan_never_passes(operand: int) -> None:
    def change(*gradients: Any) -> tuple[Any, ...]:
        return tuple(g * np.nan if i == operand else g for i, g in enumerate(gradients))

    report = judged(with_vjp(change))
    result = ("x_bar", "w_bar", "b_bar")[operand]
    assert found(report) == {(Verdict.NOT_FINITE, result)}


def test_a_kernel_that_nobody_may_judge_is_inconclusive() -> None:
    report = judged(RIGHT.claiming(supports=lambda params, shapes: False))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert not report.agrees
    assert report.exit_code == 3
