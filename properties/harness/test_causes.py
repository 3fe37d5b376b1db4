"""What a report says first is the cause, in one sentence, with what was raised and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck import Subject, Verdict, parse_case
from bpcheck.arithmetic import Array
from bpcheck.report import report_text
from bpcheck.report.message import judgement_message
from bpcheck.runner.one import judge
from bpcheck.verdict import Report
from properties.harness.causes import (
    as_if_contiguous,
    refusing,
    refusing_cotangents,
    with_forward,
    with_vjp,
)
from reference import avg_pool, conv

#: Small layers of three dtypes, value kinds and layouts, on seeds enough for every turn.
CASES = [
    parse_case(f"conv2d n2ic2ih4iw5oc2kh2kw2 {dress} seed={seed}")
    for seed, dress in enumerate(
        [
            "f64 exact c-order",
            "f32 exact c-order",
            "f64 sparse c-order",
            "f64 exact x:transposed,y_bar:transposed",
            "f64 real x:sliced,y_bar:sliced",
            "f32 exact x:negative,y_bar:broadcast",
            "f64 huge x:fortran,y_bar:overlapping",
        ]
        * 7
    )
]

PLACE = r"\(properties/harness/causes\.py:\d+\)"


def first_is_positive(array: Array) -> bool:
    return float(array.flat[0]) > 0


def verdicts(report: Report) -> set[Verdict]:
    return {each.verdict for each in report.judgements}


@cache
def of_contiguous_memory(reads: str) -> Report:
    make = {"x": with_forward, "y_bar": with_vjp}[reads]
    return bpcheck.check(make(as_if_contiguous), cases=CASES)


@pytest.mark.verdicts
@pytest.mark.parametrize("reads", ["x", "y_bar"])
def test_who_reads_beside_an_array_reads_memory_by_layout_and_nothing_else(reads: str) -> None:
    report = of_contiguous_memory(reads)
    assert verdicts(report) == {Verdict.READS_BY_LAYOUT}
    results = {each.result for each in report.judgements}
    assert results == ({"y", "w_bar"} if reads == "x" else {"x_bar", "w_bar", "b_bar"})


@pytest.mark.parametrize("seed", range(8))
def test_differences_of_a_y_that_a_layout_spoils_blame_no_gradient(seed: int) -> None:
    subject = with_forward(as_if_contiguous)
    case = parse_case(f"conv2d n2ic2ih4iw5oc2kh2kw2 f64 exact x:transposed seed={seed}")
    blamed = {(each.verdict, each.result) for each in judge(subject, case).rulings}
    assert blamed == {(Verdict.READS_BY_LAYOUT, "y"), (Verdict.READS_BY_LAYOUT, "w_bar")}


def test_a_buffer_for_copies_keeps_state_though_it_shows_in_other_layouts_alone() -> None:
    buffers: dict[Any, Array] = {}

    def forward(x: Array, w: Array, b: Any = None, **params: Any) -> Any:
        if not x.flags.c_contiguous:
            buffer = buffers.setdefault((x.shape, x.dtype), np.empty(x.shape, x.dtype))
            buffer[:] = x
            x = buffer
        y, _ = conv.forward(x, w, b, **params)
        return y, (x, w, b, params)

    def vjp(residuals: Any, y_bar: Array) -> Any:
        x, w, b, params = residuals
        return conv.vjp(conv.forward(x, w, b, **params)[1], y_bar)

    report = bpcheck.check(Subject(forward, vjp, operation="conv2d"), cases=CASES)
    assert verdicts(report) == {Verdict.KEEPS_STATE}


def comes_and_goes(calls: int = 0) -> Subject:
    """A convolution that is wrong in every 23rd call."""

    def vjp(residuals: Any, y_bar: Array) -> Any:
        nonlocal calls
        calls += 1
        x_bar, *others = conv.vjp(residuals, y_bar)
        return x_bar + (calls % 23 == 0), *others

    return Subject(conv.forward, vjp, operation="conv2d", dtypes=("float64",))


def on_a_stack() -> Subject:
    stack: list[Any] = []

    def forward(x: Array, w: Array, b: Any = None, **params: Any) -> Any:
        y, residuals = conv.forward(x, w, b, **params)
        stack.append(residuals)
        return y, None

    def vjp(residuals: Any, y_bar: Array) -> Any:
        return conv.vjp(stack.pop(), y_bar)

    return Subject(forward, vjp, operation="conv2d")


REPORTS: dict[str, Callable[[], Report]] = {
    "layouts": lambda: of_contiguous_memory("y_bar"),
    "chance": lambda: bpcheck.check(comes_and_goes(), cases=CASES),
    "a stack": lambda: bpcheck.check(on_a_stack(), cases=CASES),
    "refusals": lambda: bpcheck.check(refusing(ValueError, first_is_positive), cases=CASES),
}


@pytest.mark.parametrize("kernel", REPORTS)
def test_no_sentence_is_printed_twice(kernel: str) -> None:
    report = REPORTS[kernel]()
    assert report.judgements
    said = [
        line.strip()
        for line in report_text(report, width=2000, target="mine.py").splitlines()
        if len(line.split()) > 8 and "bpcheck replay" not in line
    ]
    assert len(said) == len(set(said))
    for judgement in report.judgements:
        text = judgement_message(judgement)
        for finding in judgement.findings:
            assert text.count(finding.message) <= 1


REFUSALS: dict[str, Subject] = {
    "x, by NotImplementedError": refusing(NotImplementedError, first_is_positive),
    "x, by its size": refusing(NotImplementedError, lambda x: np.abs(x).max() > 300),
    "x below zero": refusing(bpcheck.Unsupported, lambda x: (x < 0).any()),
    "x, by ValueError": refusing(ValueError, first_is_positive, refuses=(ValueError,)),
    "y_bar, by ValueError": refusing_cotangents(
        ValueError, first_is_positive, refuses=(ValueError,)
    ),
    "multiples of y_bar": refusing_cotangents(
        RuntimeError,
        lambda y_bar: not y_bar.any() or np.abs(y_bar).max() > 1e9,
        refuses=("RuntimeError",),
    ),
}


@pytest.mark.parametrize("refused", REFUSALS)
def test_who_refuses_by_values_keeps_no_state_and_breaks_no_symmetry(refused: str) -> None:
    report = bpcheck.check(REFUSALS[refused], cases=CASES)
    assert report.judgements == ()
    assert report.reasons


@pytest.mark.parametrize(
    ("subject", "result"),
    [
        (refusing(ValueError, first_is_positive), "y"),
        (refusing_cotangents(ValueError, first_is_positive), "x_bar"),
        (refusing_cotangents(ValueError, lambda y_bar: not y_bar.any()), "x_bar"),
    ],
)
def test_an_exception_that_depends_on_values_is_an_exception(subject: Subject, result: str) -> None:
    report = bpcheck.check(subject, cases=CASES)
    assert verdicts(report) == {Verdict.RAISES}
    assert report.judgements[0].result == result
    for judgement in report.judgements:
        assert judgement.headline.endswith("raises ValueError")
        assert re.search(rf"ValueError: \w+ .* not supported {PLACE}", judgement.because)


#: Rows that make further runs, and a case with a subject that raises in those alone.
FURTHER: dict[str, tuple[str, Subject]] = {
    "finite differences": (
        "conv2d n1ic1ih4iw4oc1kh2kw2 f64 sparse c-order seed={}",
        refusing(ValueError, first_is_positive),
    ),
    "samples": (
        "conv2d n3ic1ih4iw4oc1kh2kw2 f64 exact c-order seed={}",
        refusing(ValueError, first_is_positive),
    ),
    "channels": (
        "conv2d n1ic3ih4iw4oc1kh2kw2 f64 exact c-order seed={}",
        refusing(ValueError, first_is_positive),
    ),
    "scaled cotangent": (
        "conv2d n1ic1ih4iw4oc1kh2kw2 f64 exact c-order seed={}",
        refusing_cotangents(ValueError, lambda y_bar: np.abs(y_bar).max() > 1e9),
    ),
    "split cotangent": (
        "conv2d n1ic1ih4iw4oc1kh2kw2 f64 exact c-order seed={}",
        refusing_cotangents(ValueError, lambda y_bar: (y_bar == 0).any()),
    ),
    "layouts": (
        "conv2d n1ic1ih4iw4oc1kh2kw2 f64 exact x:transposed seed={}",
        refusing(ValueError, lambda x: x.flags.c_contiguous),
    ),
    "vjps in reverse": ("conv2d n1ic1ih4iw4oc1kh2kw2 f64 exact c-order seed={}", on_a_stack()),
}


@pytest.mark.parametrize("row", FURTHER)
def test_what_a_further_run_raised_is_told_with_its_place(row: str) -> None:
    text, subject = FURTHER[row]
    if row == "vjps in reverse":
        subject = one_at_a_time()
    messages = [
        outcome.finding.message
        for seed in range(24)
        for outcome in judge(subject, parse_case(text.format(seed))).outcomes
        if outcome.check == row and outcome.finding
    ]
    assert messages
    for message in messages:
        assert re.search(r"ValueError: [\w ]+ \(properties/harness/\w+\.py:\d+\)", message)


def one_at_a_time() -> Subject:
    """Its second forward forgets the first one, and the vjp of that then raises."""
    last = [0]

    def forward(x: Array, w: Array, b: Any = None, **params: Any) -> Any:
        last[0] += 1
        y, residuals = conv.forward(x, w, b, **params)
        return y, (last[0], residuals)

    def vjp(residuals: Any, y_bar: Array) -> Any:
        if residuals[0] != last[0]:
            raise ValueError("these residuals are gone")
        return conv.vjp(residuals[1], y_bar)

    return Subject(forward, vjp, operation="conv2d")


def test_an_exception_after_other_calls_keeps_state_and_is_told_too() -> None:
    report = bpcheck.check(one_at_a_time(), cases=CASES)
    assert verdicts(report) == {Verdict.KEEPS_STATE}
    assert "ValueError: these residuals are gone (properties" in report.judgements[0].because


def test_different_exceptions_are_different_defects_each_with_its_smallest_case() -> None:
    def forward(x: Array, **params: Any) -> Any:
        if max(params["padding"]) > 0:
            raise IndexError(f"padding of {params['padding']}")
        if params["ceil_mode"]:
            raise ValueError(f"no ceil_mode for {x.shape}")
        return avg_pool.forward(x, **params)

    report = bpcheck.check(Subject(forward, avg_pool.vjp, operation="avg_pool2d"), count=80)
    told = {each.headline.partition(" where")[0]: each for each in report.judgements}
    assert set(told) == {"y: raises IndexError", "y: raises ValueError"}
    assert parse_case(told["y: raises IndexError"].smallest).params["padding"] != (0, 0)
    assert parse_case(told["y: raises ValueError"].smallest).params["ceil_mode"]
    assert sum(each.failing for each in report.judgements) <= report.cases
    text = report_text(report)
    assert text.count("✗ y: raises") == 2
    assert "the same of" not in text


def test_one_type_at_two_places_is_two_defects_and_one_place_is_one() -> None:
    def forward(x: Array, **params: Any) -> Any:
        if max(params["padding"]) > 0:
            raise ValueError(f"padding of {params['padding']}")
        if params["ceil_mode"]:
            raise ValueError(f"no ceil_mode for {x.shape}")
        return avg_pool.forward(x, **params)

    report = bpcheck.check(Subject(forward, avg_pool.vjp, operation="avg_pool2d"), count=80)
    assert [each.verdict for each in report.judgements] == [Verdict.RAISES] * 2


@pytest.mark.verdicts
def test_exceptions_without_number_become_few_defects() -> None:
    def forward(x: Array, **params: Any) -> Any:
        raise type(f"Error{x.size}", (Exception,), {})("something else each time")

    report = bpcheck.check(Subject(forward, avg_pool.vjp, operation="avg_pool2d"), count=60)
    assert 2 <= len(report.judgements) <= 7
    assert sum(each.failing for each in report.judgements) == report.cases


def test_a_dtype_and_a_shape_of_y_are_two_defects() -> None:
    def forward(x: Array, **params: Any) -> Any:
        y, residuals = avg_pool.forward(x, **params)
        y = y[..., None] if params["ceil_mode"] else y.astype(np.int64)
        return y, residuals

    report = bpcheck.check(
        Subject(forward, avg_pool.vjp, operation="avg_pool2d", dtypes=("float64",)), count=100
    )
    broken = [each for each in report.judgements if each.verdict is Verdict.CONTRACT_BROKEN]
    assert [each.cause for each in broken] == ["wrong shape", "wrong dtype"]
    assert report.judgements[0].cause == "wrong shape"


@pytest.mark.verdicts
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_smallest_case_has_a_dtype_that_was_asked_for(dtype: str) -> None:
    def vjp(residuals: Any, y_bar: Array) -> Any:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return x_bar, 2 * w_bar, b_bar

    subject = Subject(conv.forward, vjp, operation="conv2d", dtypes=("float64", dtype))
    report = bpcheck.check(subject, count=8, dtypes=(dtype,))
    assert {parse_case(each.smallest).dtype for each in report.judgements} == {dtype}
    free = bpcheck.check(subject, count=8)
    assert {parse_case(each.smallest).dtype for each in free.judgements} == {"float64"}


def test_what_goes_wrong_now_and_then_is_not_blamed_on_a_layout() -> None:
    for start in range(20):
        subject = comes_and_goes(start)
        for case in CASES[3::7]:
            rulings = judge(subject, case, checks=("layouts",)).rulings
            assert rulings == ()


def test_what_is_wrong_with_y_is_told_before_what_is_wrong_with_its_gradients() -> None:
    assert of_contiguous_memory("x").judgements[0].result == "y"
