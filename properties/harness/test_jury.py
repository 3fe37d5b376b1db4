"""The jury: every row of its table, from kernels that are wrong in exactly that way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, Verdict, parse_case
from bpcheck.finding import Finding, Kind, Outcome, Status
from bpcheck.report import report_text
from bpcheck.runner import check_subject
from bpcheck.verdict import Report
from bpcheck.verdict.jury import rule
from bpcheck.verdict.table import TABLE, Votes
from properties.harness.test_architecture_page import rows
from properties.students import zero_padding
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


def test_the_page_on_the_architecture_has_the_table_that_the_jury_goes_by() -> None:
    votes = {"yes": True, "no": False, "silent": None}
    written = {
        Votes(*(votes[cell] for cell in row[:3])): row[3].partition(" (")[::2]
        for row in rows("The jury")
    }
    assert {said: verdict for said, (verdict, _) in written.items()} == {
        said: str(row.verdict) for said, row in TABLE.items()
    }
    tentative = {said for said, (_, remark) in written.items() if remark}
    assert tentative == {said for said, row in TABLE.items() if row.is_tentative}


def test_the_table_leaves_no_combination_out() -> None:
    each = (True, False, None)
    assert set(TABLE) == {Votes(y, a, f) for y in each for a in each for f in each}


def outcomes(votes: Votes, result: str = "x_bar") -> list[Outcome]:
    """What checks say where jurors vote so."""
    said = [("autograd", "y", votes.forward)]
    said += [
        ("autograd", result, votes.autograd),
        ("finite differences", result, votes.differences),
    ]
    return [
        Outcome(check, name, Status.NOT_APPLICABLE)
        if vote is None
        else Outcome(check, name, Status.PASSED)
        if vote
        else Outcome(
            check, name, Status.FAILED, Finding(Kind.VALUE, check, name, "case", "it is wrong")
        )
        for check, name, vote in said
    ]


@pytest.mark.parametrize("votes", TABLE, ids=str)
def test_the_jury_says_what_stands_in_the_table(votes: Votes) -> None:
    rulings = rule(outcomes(votes))
    row = TABLE[votes]
    if row.verdict in (Verdict.AGREES, Verdict.INCONCLUSIVE):
        assert rulings == ()
        return
    assert rulings[0].verdict is row.verdict
    assert rulings[0].is_tentative is row.is_tentative
    assert rulings[0].result == ("y" if votes.forward is False else "x_bar")


@pytest.mark.parametrize("votes", TABLE, ids=str)
def test_no_sentence_says_more_than_was_compared(votes: Votes) -> None:
    for ruling in rule(outcomes(votes)):
        assert "{" not in ruling.because
        if "the forward is right" in ruling.because:
            assert votes.forward is True
        if "right for the true" in ruling.because or "is torch's" in ruling.because:
            assert votes.autograd is True
        if "consistent" in ruling.because or "confirm" in ruling.because:
            assert votes.differences is True
        if "autograd" in ruling.because and "against" in ruling.because:
            assert votes.autograd is False


def test_what_is_said_of_one_gradient_is_not_said_of_the_others() -> None:
    mixed = [
        *outcomes(Votes(forward=False, autograd=True, differences=False), "x_bar"),
        *outcomes(Votes(forward=False, autograd=None, differences=None), "w_bar"),
    ]
    (ruling,) = rule(mixed)
    assert ruling.because.endswith("and x_bar is right for the true operation")


def test_a_vjp_without_gradients_is_the_message_beside_a_wrong_forward() -> None:
    subject = replace(with_forward(lambda y: 2 * y), vjp=lambda r, g: conv.vjp(r, g)[0])
    report = judged(subject)
    assert found(report) == {(Verdict.FORWARD_WRONG, "y"), (Verdict.CONTRACT_BROKEN, "x_bar")}
    text = report_text(report, width=400)
    assert "no gradient could be compared: vjp returned an array of float64" in text
    assert "return a tuple (x_bar, w_bar, b_bar)" in text
    assert "the backward" not in text


@pytest.mark.parametrize("wrong", ["a list", "an array", "two gradients", "a list for w_bar"])
def test_what_a_vjp_returned_in_the_place_of_a_tuple_of_arrays_is_told(wrong: str) -> None:
    change: dict[str, Callable[..., Any]] = {
        "a list": lambda *gradients: list(gradients),
        "an array": lambda x_bar, *others: x_bar,
        "two gradients": lambda x_bar, w_bar, b_bar: (x_bar, w_bar),
        "a list for w_bar": lambda x_bar, w_bar, b_bar: (x_bar, w_bar.tolist(), b_bar),
    }
    said = {
        "a list": "vjp returned a list of length 3; return a tuple",
        "an array": "vjp returned an array of float64",
        "two gradients": "vjp returned 2 gradients; return 3",
        "a list for w_bar": "w_bar is a list of length 1; expected an array",
    }
    report = judged(with_vjp(change[wrong]))
    assert {verdict for verdict, _ in found(report)} == {Verdict.CONTRACT_BROKEN}
    assert said[wrong] in report_text(report, width=400)


def test_a_forward_that_bends_at_a_zero_is_not_said_to_have_a_backward_of_nothing() -> None:
    wrong = Subject(
        zero_padding.MaxPool().forward, zero_padding.MaxPool().vjp, operation="max_pool2d"
    )
    # A single cell in each plane, which is 0 in some: there the padding wins as well.
    cases = [
        parse_case(
            f"max_pool2d n2ic1ih1iw1kh2kw2ph1pw1 f64 small c-order seed={seed} y_bar=0,0,0,0"
        )
        for seed in range(8)
    ]
    report = check_subject(wrong, cases=cases)
    assert [each.verdict for each in report.judgements] == [Verdict.FORWARD_DIFFERS]
    assert "neither" not in report_text(report)
