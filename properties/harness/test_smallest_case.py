"""Quality of the smallest case: what is planted in a large layer is shown on a tiny one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, parse_case
from bpcheck.cases import Case
from bpcheck.explain.minimal import smallest
from bpcheck.explain.told_apart import MOST_ELEMENTS, lookalikes, told_apart
from bpcheck.runner import check_subject
from bpcheck.verdict.tally import work
from reference import avg_pool, conv, max_pool

CONV = Subject(forward=conv.forward, vjp=conv.vjp, operation="conv2d")
LARGE = [
    parse_case(f"conv2d n3ic4ih11iw9oc6kh3kw3sh2sw2ph1pw1 f32 {kind} c-order seed={seed}")
    for seed, kind in enumerate(("exact", "wide", "real"))
]


def rotated(residuals: Any, y_bar: Any) -> Any:
    x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
    return x_bar, np.ascontiguousarray(w_bar[..., ::-1, ::-1]), b_bar


def without_padding_rows(residuals: Any, y_bar: Any) -> Any:
    x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
    x_bar[..., -1, :] = 0
    return x_bar, w_bar, b_bar


def bias_of_the_first_sample(residuals: Any, y_bar: Any) -> Any:
    x_bar, w_bar, _ = conv.vjp(residuals, y_bar)
    return x_bar, w_bar, y_bar[0].sum((1, 2))


@pytest.mark.parametrize("vjp", [rotated, without_padding_rows, bias_of_the_first_sample])
def test_a_planted_defect_is_shown_by_a_handful_of_multiplications(vjp: Any) -> None:
    report = check_subject(replace(CONV, vjp=vjp), cases=LARGE)
    (judgement,) = report.judgements
    case = parse_case(judgement.smallest)
    assert work(case) <= 24
    assert case.values == "small"
    assert case.one_hot is not None
    assert case.geometry.numbers() | {"sh": 1, "sw": 1, "ph": 0, "pw": 0} == case.geometry.numbers()


def test_the_smallest_case_still_fails_when_it_is_run_again() -> None:
    subject = replace(CONV, vjp=rotated)
    first = check_subject(subject, cases=LARGE).judgements[0]
    again = check_subject(subject, cases=[parse_case(first.smallest)]).judgements[0]
    assert (again.verdict, again.result) == (first.verdict, first.result)
    assert again.smallest == first.smallest


def test_a_defect_of_two_cotangents_is_not_forced_onto_one() -> None:
    def overwritten(residuals: Any, y_bar: Any) -> Any:
        (x_bar,) = max_pool.vjp(residuals, y_bar)
        ones = max_pool.vjp(residuals, np.ones_like(y_bar))[0]
        return (np.where(ones > 1, 0, x_bar),)

    subject = Subject(forward=max_pool.forward, vjp=overwritten, operation="max_pool2d")
    cases = [parse_case("max_pool2d n2ic2ih8iw8kh3kw3sh2sw2 f64 exact c-order seed=1")]
    (judgement,) = check_subject(subject, cases=cases).judgements
    assert judgement.result == "x_bar"
    assert work(parse_case(judgement.smallest)) <= 24


@pytest.mark.parametrize("stride", [2, 3, 5])
def test_a_defect_of_the_remainder_shrinks_although_one_less_has_none(stride: int) -> None:
    def cropped(residuals: Any, y_bar: Any) -> Any:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        read = (y_bar.shape[-1] - 1) * stride + 2
        return x_bar[..., :read] if read == x_bar.shape[-1] - 1 else x_bar, w_bar, b_bar

    case = parse_case(f"conv1d n1ic1iw{2 + 6 * stride + 1}oc1kw2sw{stride}")
    subject = Subject(forward=conv.forward, vjp=cropped, operation="conv1d")
    (judgement,) = check_subject(subject, cases=[case]).judgements
    numbers = parse_case(judgement.smallest).geometry.numbers()
    # Every stride leaves this remainder behind the first window already.
    assert (numbers["iw"], numbers["kw"]) <= (3, 2)


def test_a_cell_more_is_preferred_where_it_tells_the_mistake_from_others() -> None:
    def zero(residuals: Any, y_bar: Any) -> Any:
        return tuple(np.zeros_like(each) for each in avg_pool.vjp(residuals, y_bar))

    subject = Subject(avg_pool.forward, zero, operation="avg_pool2d")
    cases = [parse_case("avg_pool2d n1ic2ih4iw4kh2kw2sh2sw2 f64 exact c-order seed=1")]
    (judgement,) = check_subject(subject, cases=cases).judgements
    shown = parse_case(judgement.smallest)
    tiny = parse_case("avg_pool2d n1ic1ih1iw1kh1kw1 f64 small c-order seed=0 y_bar=0,0,0,0")
    before = lookalikes(subject, tiny, "x_bar")
    after = lookalikes(subject, shown, "x_bar", before)
    assert 2 * len(after) <= len(before)
    assert "x-bar-all-zero" in after
    assert max(np.prod(shape) for shape in shown.shapes.values()) <= MOST_ELEMENTS


def test_a_case_that_one_mistake_alone_explains_stays_as_small_as_it_is() -> None:
    case = parse_case("avg_pool1d n1ic1iw2kw1 f64 small")
    asked: list[Case] = []

    def fails(candidate: Case) -> bool:
        asked.append(candidate)
        return True

    assert told_apart(case, fails, lambda each, among: ("one",)) is case
    assert told_apart(case, fails, lambda each, among: ()) is case
    assert not asked
    # One of three less is no reason for another cell; nor is a case on which none fits.
    three = ("a", "b", "c")

    def chosen(left: tuple[str, ...]) -> Case:
        return told_apart(case, fails, lambda each, among: three if among is None else left)

    assert chosen(three[1:]) is case
    assert chosen(()) is case
    assert sum(chosen(("a",)).geometry.numbers()[key] for key in ("iw", "ic")) == 4


def test_what_needs_an_output_of_some_shape_keeps_it_and_loses_its_windows() -> None:
    def channels_last(*operands: Any, **params: Any) -> Any:
        y, residuals = avg_pool.forward(*operands, **params)
        return np.ascontiguousarray(np.moveaxis(y, 1, -1)), residuals

    subject = Subject(channels_last, avg_pool.vjp, operation="avg_pool2d")
    cases = [parse_case("avg_pool2d n2ic2ih5iw7kh2kw3sh3sw3 f64 exact c-order seed=1")]
    (judgement,) = check_subject(subject, cases=cases).judgements
    case = parse_case(judgement.smallest)
    assert case.operation.operand_shapes(case.geometry)["x"] == (1, 2, 2, 2)


@pytest.mark.parametrize("size", [129, 201, 257])
def test_what_is_wrong_beyond_a_size_alone_shrinks_to_that_size(size: int) -> None:
    case = parse_case("conv2d n3ic320ih7iw9oc5kh3kw3sh2sw2ph1pw1 f32 exact c-order seed=9")
    found = smallest(case, lambda each: each.geometry.ic >= size)
    numbers = found.geometry.numbers()
    assert numbers["ic"] == size
    assert all(numbers[key] == 1 for key in ("n", "ih", "iw", "oc", "kh", "kw"))


@pytest.mark.parametrize("start", ["ih7iw2", "ih2iw7"])
def test_of_a_case_and_the_same_turned_one_is_shown_wherever_the_search_began(start: str) -> None:
    def is_wrong(each: Case) -> bool:
        numbers = each.geometry.numbers()
        return numbers["sh"] == numbers["sw"] == 2 and max(numbers["ih"], numbers["iw"]) >= 3

    case = parse_case(f"conv2d n1ic1{start}oc1kh1kw1sh2sw2")
    assert str(smallest(case, is_wrong)).startswith("conv2d n1ic1ih1iw3oc1kh1kw1sh2sw2 ")
