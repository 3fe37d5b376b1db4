"""Arithmetic that is shown must be right: recomputed here from the arrays, name by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, check
from bpcheck.arithmetic import Array
from bpcheck.cases import Case, parse_case
from bpcheck.checks import Trial
from bpcheck.explain.faults import fault_named
from bpcheck.explain.right import right_kernel
from bpcheck.explain.worked import worked_by_hand
from bpcheck.operations.windowed.pool_formed import said_of_winner
from bpcheck.report import report_text, to_json
from bpcheck.report.message import judgement_message
from examples.own_operation import Right, running_sum

#: Each operation, with strides, padding, dilation, groups, ceil_mode, divisors, ties and NaN.
CASES = (
    "conv1d g2n2ic4iw6oc6kw2sw2pw1dw2 f64 small",
    "conv1d n1ic1iw3oc2kw2pw4 f64 small",
    "conv2d n2ic2ih4iw3oc3kh2kw3same1 f64 small",
    "conv2d n1ic2ih5iw4oc1kh3kw2sh2sw1pw1bias0 f32 small",
    "conv3d n1ic1id2ih3iw2oc2kd2kh2kw1ph1 f64 small",
    "max_pool1d n2ic1iw6kw3sw2pw1 f64 ties seed=2",
    "max_pool2d n1ic2ih4iw5kh2kw3sh1sw2dh2ceil1 f64 ties seed=1",
    "max_pool2d n1ic1ih4iw4kh3kw3 f64 special seed=1",
    "max_pool3d n1ic1id3ih3iw2kd2kh2kw2 f64 small",
    "avg_pool1d n1ic2iw6kw3sw2pw1cip0 f64 small",
    "avg_pool2d n1ic1ih5iw4kh3kw2sh2sw2ph1ceil1 f64 small",
    "avg_pool2d n2ic1ih3iw3kh2kw2div3 f64 small",
    "avg_pool3d n1ic1id2ih2iw3kd2kh1kw2pw1 f64 small",
)
#: One of each operation's results.
RESULTS = [(text, result) for text in CASES for result in parse_case(text).shapes]

_ELEMENT = re.compile(r"(y_bar|x|w|b)\[([0-9,]+)\]")
_NUMBER = r"\(?(-?[0-9.]+(?:e[+-]?[0-9]+)?|-?inf|nan)\)?"


def trial_of(text: str) -> Trial:
    case = parse_case(text)
    return Trial(right_kernel(case.operation), case)


def arrays_of(trial: Trial) -> dict[str, Array]:
    return {**trial.arrays.operands, "y_bar": trial.arrays.y_bar}


def assert_line_is_right(line: str, arrays: Mapping[str, Array]) -> float | None:
    """Every element that a term names has the number beside it; what it comes to."""
    _, colon, term = line.partition(":  ")
    letters, equals, rest = term.partition(" = ")
    if not (colon and equals) or "won by" in letters:
        return None
    elements = _ELEMENT.findall(letters)
    numbers = [float(each) for each in re.findall(_NUMBER, rest.partition("  (")[0])]
    for (name, index), number in zip(elements, numbers, strict=False):
        value = float(arrays[name][tuple(map(int, index.split(",")))])
        assert value == number or (np.isnan(value) and np.isnan(number)), line
    divisor = re.search(r"/ ([0-9]+) = ", term)
    share = float(np.prod(numbers[: len(elements)])) / (int(divisor.group(1)) if divisor else 1)
    assert share == numbers[-1] or np.isnan(share), line
    return share


@pytest.mark.parametrize(("text", "result"), RESULTS)
def test_every_element_is_the_sum_of_the_terms_that_are_named(text: str, result: str) -> None:
    trial = trial_of(text)
    operation, arrays, right = trial.case.operation, arrays_of(trial), trial.autograd[result]
    for index in np.ndindex(*right.shape):
        formed = operation.formed(trial.case.geometry, result, index, arrays)
        assert formed is not None
        shares = formed.shares(arrays)
        picked = formed.picked
        total = shares.sum() + formed.added(arrays).sum() if picked is None else shares[picked]
        assert np.array_equal(total, right[index], equal_nan=True), (index, total, right[index])


@pytest.mark.parametrize(("text", "result"), RESULTS)
def test_every_number_that_is_shown_is_that_of_the_element_beside_it(
    text: str, result: str
) -> None:
    trial = trial_of(text)
    arrays, right = arrays_of(trial), trial.autograd[result]
    for index in [tuple(0 for _ in right.shape), tuple(n // 2 for n in right.shape)]:
        lines = worked_by_hand(trial, result, index)
        assert len(lines) <= 15
        shares = [assert_line_is_right(line, arrays) for line in lines]
        told = [share for share in shares if share is not None]
        if "largest" not in lines[0] and not any(" more, " in line for line in lines):
            bias = [line for line in lines if "which is added" in line]
            total = sum(told) + sum(float(line.split(" = ")[1].split(",")[0]) for line in bias)
            assert total == right[index], lines


def planted(fault: str, text: str, result: str, index: tuple[int, ...]) -> tuple[str, ...]:
    case = parse_case(text)
    wrong = fault_named(fault).plant(right_kernel(case.operation))
    return worked_by_hand(Trial(wrong, case), result, index)


def test_a_cell_of_two_windows_that_gets_one_share_is_told_which() -> None:
    lines = planted(
        "x-bar-overlap-overwritten", "avg_pool1d n1ic1iw3kw2 f64 small", "x_bar", (0, 0, 1)
    )
    assert lines[-1] == "the vjp gave 1: the share of window 1 alone"
    assert lines[-2] == "so x_bar[0,0,1] is 3 + 1 = 4"


SPOILT: list[tuple[str, Callable[[Array], Array], str]] = [
    ("a factor", lambda bar: bar * 3, "three times that"),
    ("a sign", lambda bar: -bar, "that with the sign turned"),
    ("a magnitude", abs, "its magnitude, without the sign"),
    ("nothing", lambda bar: bar * 0, "as if nothing reached it"),
    ("a neighbour", lambda bar: np.roll(bar, 1, axis=-1), "its neighbour"),
    ("transposed", lambda bar: bar.swapaxes(-1, -2).copy(), "rows and columns exchanged"),
    ("turned", lambda bar: bar[..., ::-1, ::-1].copy(), "read from the other end"),
]


def spoilt(spoil: Callable[[Array], Any], operation: str = "conv2d") -> Subject:
    """Torch's kernel, the gradient of its first operand spoilt."""
    kernel = right_kernel(operation)

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        first, *others = kernel.vjp(residuals, y_bar)
        return (spoil(first), *others)

    return replace(kernel, vjp=vjp)


@pytest.mark.parametrize(("spoil", "told"), [each[1:] for each in SPOILT])
def test_what_the_wrong_number_is_is_told(spoil: Callable[[Array], Any], told: str) -> None:
    case = parse_case("conv2d n1ic1ih4iw4oc2kh2kw2 f64 small")
    trial = Trial(spoilt(spoil), case)
    # Off the diagonals, where two explanations would name one element.
    index = next(
        (0, 0, i, j)
        for i, j in np.argwhere((trial.got["x_bar"] != trial.autograd["x_bar"])[0, 0]).tolist()
        if i not in (j, 3 - j)
    )
    lines = worked_by_hand(trial, "x_bar", index)
    assert told in lines[-1], lines


def test_a_number_that_follows_no_rule_is_told_as_it_is() -> None:
    rng = np.random.default_rng(5)
    subject = spoilt(lambda bar: bar + rng.integers(1, 1000, size=bar.shape))
    case = parse_case("conv2d n1ic1ih4iw4oc2kh2kw2 f64 small")
    lines = worked_by_hand(Trial(subject, case), "x_bar", (0, 0, 1, 2))
    assert re.fullmatch("the vjp gave -?[0-9]+", lines[-1])


def test_a_coincidence_of_one_case_is_no_explanation() -> None:
    case = parse_case("conv2d n1ic1ih4iw4oc2kh2kw2 f64 small")
    expected = float(Trial(right_kernel("conv2d"), case).autograd["x_bar"][0, 0, 1, 2])
    # Twice the right number in this case, and the same number in every other.
    subject = spoilt(lambda bar: np.full_like(bar, 2 * expected))
    lines = worked_by_hand(Trial(subject, case), "x_bar", (0, 0, 1, 2))
    assert lines[-1] == f"the vjp gave {2 * expected:.0f}"


def test_the_winner_and_ties_and_nan_are_told() -> None:
    tied = planted(
        "x-bar-all-ties-rewarded",
        "max_pool2d n1ic1ih3iw3kh2kw2 f64 ties seed=3",
        "x_bar",
        (0, 0, 0, 2),
    )
    assert "won by x[0,0,0,1] = 1, so it sends 0; its cells (0,0) and (0,1) tie" in tied[1]
    assert tied[-1].endswith("what all the windows hold of which it is one of equal winners")
    values = np.array([np.nan, 1.0, np.nan])
    assert (
        said_of_winner(values, np.arange(3)[:, None]) == "its cells 0 and 2 are NaN: the last wins"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("avg_pool1d n1ic1iw3kw2pw1 f64 small", "2: 1 cell, and 1 of padding that counts"),
        ("avg_pool1d n1ic1iw3kw2pw1cip0 f64 small", "1: 1 cell of the kernel's 2"),
        ("avg_pool2d n1ic1ih2iw2kh2kw2div3 f64 small", "3, the divisor_override"),
    ],
)
def test_the_divisor_is_told(text: str, told: str) -> None:
    lines = worked_by_hand(trial_of(text), "y", (0,) * len(parse_case(text).shapes["y"]))
    assert any(told in line for line in lines), lines


def test_a_huge_sum_is_elided_with_a_count() -> None:
    trial = trial_of("conv2d n2ic64ih13iw13oc96kh2kw2sh2sw2 f64 exact")
    lines = worked_by_hand(trial, "x_bar", (1, 5, 3, 3))
    assert len(lines) == 15
    assert "and 85 more, which come to " in lines[-3]
    assert sum("output channel" in line for line in lines) == 96 - 85


def test_narrow_numbers_are_marked_as_rounded() -> None:
    lines = worked_by_hand(trial_of("avg_pool1d n1ic1iw5kw3 bf16 real"), "x_bar", (0, 0, 2))
    assert sum("≈" in line for line in lines) >= 4
    assert "= ≈" not in "\n".join(lines)


def test_an_element_that_no_window_reads_is_told_so() -> None:
    lines = worked_by_hand(trial_of("conv1d n1ic1iw4oc1kw1sw3 f64 small"), "x_bar", (0, 0, 2))
    assert lines[:2] == ("x[0,0,2] is read by no window", "so x_bar[0,0,2] is 0")


def test_another_operation_is_worked_by_its_slopes() -> None:
    kernel = Right()

    def vjp(residuals: Any, y_bar: Array) -> Any:
        return tuple(2 * bar for bar in kernel.vjp(residuals, y_bar))

    subject = Subject(kernel.forward, vjp, operation=running_sum)
    case = Case(running_sum, running_sum.geometry({"len": 3}), values="small")
    lines = worked_by_hand(Trial(subject, case), "signal_bar", (0, 1))
    right = Trial(subject, case).autograd["signal_bar"][0, 1]
    assert len(lines) == 5
    assert lines[-1] == f"the vjp gave {2 * right:.0f}: twice that"


def test_it_stands_in_the_report_the_failure_text_and_json() -> None:
    wrong = fault_named("x-bar-overlap-overwritten").plant(right_kernel("avg_pool1d"))
    cases = [parse_case(f"avg_pool1d n1ic1iw{i}kw3 f64 exact") for i in (4, 5, 6)]
    report = check(wrong, cases=cases)
    (judgement,) = report.judgements
    assert 3 <= len(judgement.worked) <= 15
    for text in (report_text(report), judgement_message(judgement), to_json(report)):
        assert all(line.strip() in text for line in judgement.worked), text
    right = check(right_kernel("avg_pool1d"), cases=cases)
    assert not right.judgements
