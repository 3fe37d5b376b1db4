"""Two mistakes in one result that both show with plain values: each is told, and one is once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, check
from bpcheck.arithmetic import Array
from bpcheck.cases import parse_case
from bpcheck.explain.faults import fault_named
from bpcheck.runner.one import judge
from bpcheck.verdict import Judgement, Verdict
from properties.harness.planting import reference

#: What is done to the gradients of a right kernel: in place, knowing operands and params.
Spoil = Callable[[list[Array], tuple[Any, ...], dict[str, Any]], None]


def spoilt(right: Subject, spoil: Spoil) -> Subject:
    def forward(*operands: Any, **params: Any) -> Any:
        y, residuals = right.forward(*operands, **params)
        return y, (residuals, operands, params)

    def vjp(saved: Any, y_bar: Array) -> tuple[Array, ...]:
        residuals, operands, params = saved
        gradients = list(right.vjp(residuals, y_bar))
        spoil(gradients, operands, params)
        return tuple(gradients)

    return Subject(forward, vjp, operation=right.operation)


def defects(subject: Subject, count: int = 120) -> list[Judgement]:
    report = check(subject, profile="quick", count=count, largest=1_024)
    return [each for each in report.judgements if each.verdict.is_defect]


def tap_dropped(gradients: list[Array], params: dict[str, Any]) -> None:
    if max(params["stride"]) > 1:
        gradients[1][..., -1] = 0


def channels_exchanged(gradients: list[Array], params: dict[str, Any]) -> None:
    w_bar = gradients[1]
    if params["groups"] > 1:
        axis = 1 if w_bar.shape[1] > 1 else 0
        gradients[1] = np.flip(w_bar, axis).copy()


def only_first_group(gradients: list[Array], operands: Any, params: dict[str, Any]) -> None:
    groups = params["groups"]
    if groups > 1:
        gradients[1][len(operands[1]) // groups :] = 0


def test_two_mistakes_that_are_known_are_two_defects_with_two_names() -> None:
    window = fault_named("w-bar-window-at-j-for-j-times-stride")
    subject = spoilt(window.plant(reference("conv1d")), only_first_group)
    first, second = defects(subject)[:2]
    assert {first.result, second.result} == {"w_bar"}
    names = {each.looks_like.rpartition(" (explains")[0] for each in (first, second)}
    assert names == {window.what, fault_named("w-bar-only-of-the-first-group").what}
    # Each has a smallest case of its own, in which the other does not show.
    smallest = {each.looks_like[:6]: each.smallest for each in (first, second)}
    assert "g2" not in smallest[window.what[:6]]
    assert "sw2" in smallest[window.what[:6]]


def test_two_mistakes_that_nobody_knows_are_parted_by_where_they_show_and_what_they_do() -> None:
    def both(gradients: list[Array], operands: Any, params: dict[str, Any]) -> None:
        tap_dropped(gradients, params)
        channels_exchanged(gradients, params)

    subject = spoilt(reference("conv1d"), both)
    first, second = defects(subject)[:2]
    assert (first.verdict, second.verdict) == (Verdict.BACKWARD_WRONG, Verdict.BACKWARD_WRONG)
    assert {first.result, second.result} == {"w_bar"}
    tap = next(each for each in (first, second) if "column" in each.wrong_cells)
    exchanged = first if tap is second else second
    assert "stride > 1" in tap.where
    assert "in other places" in exchanged.wrong_cells
    for each in (tap, exchanged):
        case = parse_case(each.smallest)
        assert any(ruling.result == "w_bar" for ruling in judge(subject, case).rulings)


def test_a_known_mistake_beside_an_unknown_one_is_named_and_the_other_is_told() -> None:
    def last_row(gradients: list[Array], operands: Any, params: dict[str, Any]) -> None:
        if gradients[0].shape[-1] > 2:
            gradients[0][..., -1] = 0

    overlap = fault_named("x-bar-overlap-overwritten")
    found = defects(spoilt(overlap.plant(reference("avg_pool1d")), last_row), count=240)
    plain = [each for each in found if each.verdict is Verdict.BACKWARD_WRONG]
    assert [each.looks_like.rpartition(" (explains")[0] for each in plain].count(overlap.what) == 1
    (other,) = (each for each in plain if not each.looks_like)
    assert "the last column alone" in other.wrong_cells


@pytest.mark.parametrize(
    "spoil",
    [
        lambda g, p: np.multiply(g, 2, out=g) if p["stride"][0] > 1 or p["groups"] > 1 else None,
        lambda g, p: g[..., -1].fill(0) if p["stride"][0] > 1 or p["padding"] == (0,) else None,
    ],
    ids=["twice", "tap"],
)
def test_one_mistake_that_shows_in_two_classes_is_one_defect(spoil: Any) -> None:
    def once(gradients: list[Array], operands: Any, params: dict[str, Any]) -> None:
        spoil(gradients[1], params)

    assert len(defects(spoilt(reference("conv1d"), once))) == 1


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("x-bar-overlap-overwritten", "max_pool1d"),
        ("x-bar-ends-with-the-last-window", "conv1d"),
    ],
)
def test_a_single_known_mistake_is_one_defect(name: str, operation: str) -> None:
    assert len(defects(fault_named(name).plant(reference(operation)))) == 1
