"""A name is right or absent: what it takes to be named, and what is said instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, check
from bpcheck.arithmetic import Array
from bpcheck.cases import Case, parse_case
from bpcheck.explain.diagnosis import diagnose
from bpcheck.explain.faults import fault_named
from bpcheck.explain.pattern import pattern_of
from properties.harness.planting import reference
from reference import conv

Bars = tuple[Any, Any, Any]


def spoiled(spoil: Callable[[Array, Array, Array | None, Array], Bars]) -> Subject:
    """The reference convolution with its gradients spoiled; the last argument is the cotangent."""

    def vjp(residuals: Any, y_bar: Array) -> Bars:
        return spoil(*conv.vjp(residuals, y_bar), y_bar)

    return Subject(conv.forward, vjp, operation="conv2d")


def batches(*sizes: int) -> list[Case]:
    return [
        parse_case(f"conv2d n{n}ic2ih4iw5oc3kh2kw3bias1 f64 exact c-order seed={seed}")
        for seed, n in enumerate(sizes)
    ]


def test_one_or_two_failing_cases_are_no_evidence() -> None:
    wrong = fault_named("w-bar-rotated").plant(reference("conv2d"))
    cases = batches(1, 2, 3)
    assert diagnose(wrong, cases[:1]) is None
    assert diagnose(wrong, cases[:2]) is None
    found = diagnose(wrong, cases)
    assert found is not None
    assert found.fault.name == "w-bar-rotated"


def test_a_mistake_that_explains_less_than_four_of_five_is_not_named() -> None:
    subject = spoiled(
        lambda x_bar, w_bar, b_bar, y_bar: (x_bar, w_bar * (2 if len(y_bar) == 2 else 17), b_bar)
    )
    # Only for pairs is it the number of samples.
    assert diagnose(subject, batches(2, 2, 2, 3, 4), result="w_bar") is None
    found = diagnose(subject, batches(2, 2, 2, 2, 3), result="w_bar")
    assert found is not None
    assert (found.fault.name, found.explained) == ("w-bar-once-per-sample", 4)


def test_w_bar_times_the_batch_is_not_every_gradient_twice() -> None:
    subject = spoiled(lambda x_bar, w_bar, b_bar, y_bar: (x_bar, w_bar * max(1, len(y_bar)), b_bar))
    found = diagnose(subject, batches(2, 2, 2), result="w_bar")
    assert found is not None
    assert found.fault.name == "w-bar-once-per-sample"


def test_gradients_that_are_all_0_are_not_one_channel_that_is() -> None:
    subject = spoiled(
        lambda x_bar, w_bar, b_bar, y_bar: tuple(  # type: ignore[arg-type,return-value]
            None if bar is None else np.zeros_like(bar) for bar in (x_bar, w_bar, b_bar)
        )
    )
    single = [
        parse_case(f"conv2d n1ic1ih{i}iw3oc1kh2kw2bias1 f64 exact seed={i}") for i in (3, 4, 5)
    ]
    for result in ("x_bar", "w_bar", "b_bar"):
        found = diagnose(subject, single, result=result)
        assert found is not None
        assert found.fault.name == "every-gradient-zero"


def test_a_passing_case_that_the_mistake_would_spoil_takes_its_name_away() -> None:
    def vjp(residuals: Any, y_bar: Array) -> Bars:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return x_bar, (w_bar[..., ::-1, ::-1].copy() if len(y_bar) < 3 else w_bar), b_bar

    subject = Subject(conv.forward, vjp, operation="conv2d")
    failing, passing = batches(1, 2, 1, 2), batches(3, 4)
    assert diagnose(subject, failing, result="w_bar") is not None
    assert diagnose(subject, failing, passing, result="w_bar") is None


def test_a_wider_dtype_does_not_hide_the_mistake_beside_it() -> None:
    wrong = fault_named("w-bar-rotated").plant(reference("conv2d"))

    def vjp(residuals: Any, y_bar: Array) -> Bars:
        x_bar, w_bar, b_bar = wrong.vjp(residuals, y_bar)
        return x_bar, w_bar.astype(np.float64), b_bar

    subject = Subject(wrong.forward, vjp, operation="conv2d")
    cases = [parse_case(f"conv2d n1ic2ih4iw4oc2kh2kw2 f32 exact seed={i}") for i in range(4)]
    found = diagnose(subject, cases, result="w_bar")
    assert found is not None
    assert found.fault.name == "w-bar-rotated"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda bar: np.where(np.arange(bar.shape[-1]) == 0, bar + 1, bar), "the first column"),
        (lambda bar: -bar, "every number has the wrong sign"),
        (lambda bar: bar[..., ::-1].copy(), "the right numbers, in other places"),
        (lambda bar: bar + 17, "every cell"),
    ],
)
def test_what_no_mistake_explains_is_told_by_its_wrong_cells(
    spoil: Callable[[Array], Array], told: str
) -> None:
    subject = spoiled(lambda x_bar, w_bar, b_bar, y_bar: (x_bar, spoil(w_bar), b_bar))
    assert told in pattern_of(subject, batches(1, 2, 3, 4), result="w_bar")


def test_cells_without_a_pattern_are_told_to_have_none() -> None:
    rng = np.random.default_rng(0)
    subject = spoiled(
        lambda x_bar, w_bar, b_bar, y_bar: (
            x_bar,
            w_bar + 5 * (rng.random(w_bar.shape) < 0.5),
            b_bar,
        )
    )
    assert pattern_of(subject, batches(1, 2, 3, 4), result="w_bar") == ""


def test_a_report_describes_the_wrong_cells_of_what_has_no_name() -> None:
    def vjp(residuals: Any, y_bar: Array) -> Bars:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        x_bar[..., -1] *= 5
        return x_bar, w_bar, b_bar

    subject = Subject(conv.forward, vjp, operation="conv1d", dtypes=("float64",))
    report = check(subject, profile="quick", count=40, largest=2_048)
    (judgement,) = report.judgements
    assert judgement.looks_like == ""
    assert judgement.wrong_cells.startswith("the last column alone")
