"""Ten runs with threads beside, and batches of other sizes: each finds what nothing else does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch

import bpcheck
from bpcheck import adapters
from bpcheck.cases import parse_case
from bpcheck.checks import batches, ten_runs
from bpcheck.finding import Kind, Outcome, Status
from bpcheck.runner.one import judge
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject
from reference import avg_pool, conv, max_pool

#: Asked ten times by its seed, on values that sums round, and on such as none does.
REAL = "conv1d n2ic5iw9oc4kw3pw1 f32 real seed=3"
EXACT = "conv1d n2ic5iw9oc4kw3pw1 f32 exact seed=3"

#: Asked in batches of other sizes.
SAMPLES = "conv1d n2ic3iw7oc2kw3 f32 real seed=1"

Vjp = Callable[..., tuple[Any, ...]]


def planted(
    vjp: Vjp = conv.vjp, forward: Callable[..., Any] = conv.forward, **claims: Any
) -> Subject:
    return Subject(forward, vjp, operation="conv1d").claiming(**claims)


def outcomes(subject: Subject, text: str) -> tuple[Outcome, ...]:
    # As all cases of a run are judged.
    with one_thread():
        return judge(subject, parse_case(text)).outcomes


def failing(found: tuple[Outcome, ...]) -> dict[str, Kind]:
    return {each.check: each.finding.kind for each in found if each.finding is not None}


def unordered() -> Vjp:
    """Every other time, several threads add up x_bar in another order."""
    calls = count()

    def vjp(residuals: Any, y_bar: Any) -> tuple[Any, ...]:
        x_bar, *others = conv.vjp(residuals, y_bar)
        if torch.get_num_threads() > 1 and next(calls) % 2:
            x_bar = (x_bar + np.float32(0.5)) - np.float32(0.5)
        return x_bar, *others

    return vjp


def racing() -> Vjp:
    """A thread now and then overwrites what another one has added to w_bar."""
    rng = np.random.default_rng(0)

    def vjp(residuals: Any, y_bar: Any) -> tuple[Any, ...]:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        if torch.get_num_threads() > 1 and rng.integers(4) == 0:
            w_bar[0, 0, 0] = y_bar[0, 0, 0]
        return x_bar, w_bar, b_bar

    return vjp


def test_results_that_vary_with_several_threads_are_a_remark_with_their_size() -> None:
    found = outcomes(planted(unordered()), REAL)
    assert failing(found) == {}
    (remark,) = (each.remark for each in found if each.check == ten_runs.NAME and each.remark)
    assert remark.startswith("the bits of x_bar vary with several threads, by up to 0.")


def test_who_claims_determinism_is_held_to_it_in_ten_runs() -> None:
    found = failing(outcomes(planted(unordered(), deterministic=True), REAL))
    assert found == {ten_runs.NAME: Kind.NOT_DETERMINISTIC}


def test_a_race_that_changes_exact_values_is_found_by_ten_runs_alone() -> None:
    assert failing(outcomes(planted(racing()), EXACT)) == {ten_runs.NAME: Kind.NOT_DETERMINISTIC}


def test_the_largest_of_several_remarks_is_told_below_the_table() -> None:
    # Sums of many terms leave more room for rounding.
    cases = [parse_case(REAL.replace("oc4", "oc40")), parse_case(REAL)]
    told = [
        bpcheck.check(planted(unordered()), cases=each).remarks
        for each in (cases, cases[::-1], cases[1:])
    ]
    assert told[0] == told[1]
    assert told[0][-1] == told[2][-1].replace("(1 case)", "(2 cases)")


def test_a_run_that_fails_now_and_then_is_not_deterministic() -> None:
    rng = np.random.default_rng(0)

    def forward(*operands: Any, **params: Any) -> Any:
        if torch.get_num_threads() > 1 and rng.integers(2):
            raise RuntimeError("the pool is empty")
        return conv.forward(*operands, **params)

    found = failing(outcomes(planted(forward=forward), EXACT))
    assert found == {ten_runs.NAME: Kind.NOT_DETERMINISTIC}


def test_nothing_is_asked_of_what_runs_in_the_main_thread_alone() -> None:
    def forward(*operands: Any, **params: Any) -> Any:
        assert threading.current_thread() is threading.main_thread(), "elsewhere"
        return conv.forward(*operands, **params)

    found = outcomes(planted(forward=forward), EXACT)
    assert failing(found) == {}
    (why,) = {each.note for each in found if each.check == ten_runs.NAME}
    assert why == "it fails in a thread of its own"


def test_threads_and_the_mode_of_torch_are_as_before() -> None:
    seen: set[tuple[int, bool]] = set()

    def forward(*operands: Any, **params: Any) -> Any:
        seen.add((torch.get_num_threads(), torch.is_grad_enabled()))
        return conv.forward(*operands, **params)

    with one_thread(), torch.no_grad():
        judge(planted(forward=forward), parse_case(EXACT))
        assert torch.get_num_threads() == 1
    assert seen == {(1, False), (ten_runs.THREADS, False)}


@pytest.mark.parametrize(
    ("module", "text"),
    [(conv, REAL), (conv, EXACT), (conv, SAMPLES), ("torch", REAL), ("torch", SAMPLES)],
)
def test_right_convolutions_pass_both_rows(module: Any, text: str) -> None:
    subject = planted(module.vjp, module.forward) if module is conv else None
    subject = subject or adapters.torch(torch.nn.functional.conv1d, operation="conv1d")
    found = outcomes(subject, text)
    row = batches.NAME if text == SAMPLES else ten_runs.NAME
    assert failing(found) == {}
    assert {each.status for each in found if each.check == row} == {Status.PASSED}
    assert not [each.remark for each in found if each.check == row and each.remark]


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (max_pool, "max_pool1d n2ic3iw7kw3sw1 f32 real seed=1"),
        (avg_pool, "avg_pool1d n2ic3iw7kw3sw1 f32 real seed=1"),
    ],
)
def test_right_pools_pass_in_batches_of_other_sizes(module: Any, text: str) -> None:
    operation = text.split(maxsplit=1)[0]
    found = outcomes(Subject(module.forward, module.vjp, operation=operation), text)
    assert failing(found) == {}
    assert {each.status for each in found if each.check == batches.NAME} == {Status.PASSED}


def of_whole_tiles(residuals: Any, y_bar: Any) -> tuple[Any, ...]:
    """w_bar sums tiles of 32 samples, and leaves out what is over."""
    x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
    whole = len(y_bar) // 32 * 32
    if whole:
        cut = y_bar.copy()
        cut[whole:] = 0
        _, w_bar, _ = conv.vjp(residuals, cut)
    return x_bar, w_bar, b_bar


def from_nine_on(residuals: Any, y_bar: Any) -> tuple[Any, ...]:
    """The last of nine and more samples gets the gradient of the one before."""
    x_bar, *others = conv.vjp(residuals, y_bar)
    if len(y_bar) >= 9:
        x_bar[-1] = x_bar[-2]
    return x_bar, *others


@pytest.mark.parametrize(
    ("vjp", "result", "size"), [(of_whole_tiles, "w_bar", 34), (from_nine_on, "x_bar", 9)]
)
def test_what_is_wrong_in_a_larger_batch_is_found_by_that_row_alone(
    vjp: Vjp, result: str, size: int
) -> None:
    found = outcomes(planted(vjp), SAMPLES)
    assert failing(found) == {batches.NAME: Kind.SYMMETRY}
    (finding,) = (each.finding for each in found if each.finding is not None)
    assert finding.result == result
    assert f"in a batch of {size}" in finding.message


def in_two_parts(*operands: Any, **params: Any) -> Any:
    """y of four and more samples is rounded once more."""
    y, residuals = conv.forward(*operands, **params)
    return (y + np.float32(8)) - np.float32(8) if len(y) >= 4 else y, residuals


def test_bits_that_change_in_a_larger_batch_are_a_remark_unless_claimed_otherwise() -> None:
    report = bpcheck.check(planted(forward=in_two_parts), cases=[parse_case(SAMPLES)])
    assert report.verdict == "agrees"
    assert any(each.startswith("a sample's bits depend on the batch") for each in report.remarks)
    claimed = planted(forward=in_two_parts, batch_invariant=True)
    assert failing(outcomes(claimed, SAMPLES)) == {batches.NAME: Kind.BATCH_DEPENDENT}


def test_sizes_that_are_not_claimed_are_not_asked() -> None:
    few = planted(from_nine_on, supports=lambda params, shapes: shapes["x"][0] < 9)
    assert failing(outcomes(few, SAMPLES)) == {}
    none = planted(supports=lambda params, shapes: shapes["x"][0] == 2)
    found = outcomes(none, SAMPLES)
    assert {each.status for each in found if each.check == batches.NAME} == {Status.NOT_APPLICABLE}
