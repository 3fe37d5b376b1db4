"""What no single call shows has a name as well: by the checks that fail, and by their numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck import Subject
from bpcheck.arithmetic import Array
from bpcheck.cases import Case, parse_case
from bpcheck.explain.by_conduct import diagnose_conduct
from bpcheck.explain.conduct import conduct_of
from bpcheck.explain.faults import fault_named
from bpcheck.explain.unsteady import between_runs, state_between_cases
from bpcheck.finding import Kind
from bpcheck.verdict import Verdict
from reference import avg_pool, conv

#: Seeds by turns: each order of calls, and each check that takes turns, falls to some of them.
CASES = tuple(parse_case(f"conv1d n2ic2iw5oc2kw2 f64 exact c-order seed={s}") for s in range(40))

RIGHT = Subject(conv.forward, conv.vjp, operation="conv1d")

#: Faults, each with what the checks find of it.
BY_CONDUCT = {
    "residuals-on-a-stack": Kind.STATE,
    "older-residuals-freed": Kind.STATE,
    "vjp-of-the-last-forward": Kind.STATE,
    "residuals-negated-by-the-vjp": Kind.STATE,
    "w-bar-added-up-for-each-array": Kind.NOT_DETERMINISTIC,
    "x-bar-in-one-buffer": Kind.ALIASES,
    "x-changed-by-the-forward": Kind.MUTATES,
    "y-bar-changed-by-the-vjp": Kind.MUTATES,
}


def failing_in(subject: Subject, kind: Kind) -> tuple[str, list[Case], list[Case]]:
    """The result of which findings of a kind are, the cases that show it, and the others."""
    found = {case: conduct_of(subject, case) for case in CASES}
    results = [
        result
        for conduct in found.values()
        for (_, result), finding in conduct.said.items()
        if finding is not None and finding.kind is kind
    ]
    result = results[0]
    shows = {
        case: any(
            each is not None and each.kind is kind and name == result
            for (_, name), each in conduct.said.items()
        )
        for case, conduct in found.items()
    }
    return (
        result,
        [case for case in CASES if shows[case]],
        [case for case in CASES if not any(found[case].said.values())],
    )


@pytest.mark.parametrize("name", BY_CONDUCT)
def test_a_fault_that_only_further_runs_show_is_named_by_what_the_checks_find(name: str) -> None:
    kind = BY_CONDUCT[name]
    subject = fault_named(name).plant(RIGHT)
    result, failing, passing = failing_in(subject, kind)
    found = diagnose_conduct(
        subject, failing[:6], passing[:4], result=result, kinds=frozenset({kind})
    )
    assert found is not None
    assert found.fault.name == name


def test_what_nobody_knows_has_no_name_though_the_same_check_fails() -> None:
    kept: list[Array] = []

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, *rest = conv.vjp(residuals, y_bar)
        kept.append(x_bar.ravel()[:1].copy())
        # A trace of the call before, which none of the known mistakes leaves.
        return x_bar + 3 * kept[max(len(kept) - 2, 0)], *rest

    subject = Subject(conv.forward, vjp, operation="conv1d")
    result, failing, passing = failing_in(subject, Kind.STATE)
    assert len(failing) > 3
    found = diagnose_conduct(
        subject, failing[:6], passing[:4], result=result, kinds=frozenset({Kind.STATE})
    )
    assert found is None


def test_a_cotangent_that_is_cleared_is_not_called_clamped() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        bars = tuple(np.array(bar) for bar in conv.vjp(residuals, y_bar))
        y_bar *= 0
        return bars

    subject = Subject(conv.forward, vjp, operation="conv1d")
    kinds = frozenset({Kind.MUTATES})
    result, failing, _ = failing_in(subject, Kind.MUTATES)
    assert diagnose_conduct(subject, failing[:6], (), result=result, kinds=kinds) is None


def test_a_gradient_with_noise_is_not_called_added_to_an_earlier_one() -> None:
    rng = np.random.default_rng(0)

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, *rest = conv.vjp(residuals, y_bar)
        return x_bar + rng.integers(0, 2, x_bar.shape), *rest

    subject = Subject(conv.forward, vjp, operation="conv1d")
    kinds = frozenset({Kind.NOT_DETERMINISTIC})
    result, failing, _ = failing_in(subject, Kind.NOT_DETERMINISTIC)
    assert diagnose_conduct(subject, failing[:6], (), result=result, kinds=kinds) is None


def test_two_failing_cases_are_not_enough_for_a_name_by_conduct() -> None:
    subject = fault_named("residuals-on-a-stack").plant(RIGHT)
    result, failing, _ = failing_in(subject, Kind.STATE)
    kinds = frozenset({Kind.STATE})
    assert diagnose_conduct(subject, failing[:2], (), result=result, kinds=kinds) is None
    assert diagnose_conduct(subject, failing[:3], (), result=result, kinds=kinds) is not None


def test_a_check_that_the_subject_passes_contradicts_a_fault_that_fails_it() -> None:
    """A stack is wrong in order and not in reverse; with a vjp that is wrong in reverse too, no."""
    queue = fault_named("older-residuals-freed").plant(RIGHT)
    result, failing, _ = failing_in(queue, Kind.STATE)
    stack = fault_named("residuals-on-a-stack").plant(RIGHT)
    _, wrong, _ = failing_in(stack, Kind.STATE)
    kinds = frozenset({Kind.STATE})
    found = diagnose_conduct(queue, failing, wrong, result=result, kinds=kinds)
    assert found is not None
    assert found.fault.name == "older-residuals-freed"


def test_one_mistake_of_state_is_told_once_of_all_that_it_spoils() -> None:
    subject = fault_named("residuals-on-a-stack").plant(RIGHT)
    report = bpcheck.check(subject, cases=CASES)
    assert [each.verdict for each in report.judgements] == [Verdict.KEEPS_STATE]
    assert {report.judgements[0].result, *report.judgements[0].also} == {"x_bar", "w_bar"}
    assert report.judgements[0].looks_like.startswith("residuals lie on a stack")


def test_a_result_that_was_right_once_and_is_wrong_now_is_told_as_state_between_cases() -> None:
    calls: list[None] = []

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        calls.append(None)
        bars = conv.vjp(residuals, y_bar)
        return bars if len(calls) < 60 else tuple(np.zeros_like(bar) for bar in bars)

    subject = Subject(conv.forward, vjp, operation="conv1d")
    report = bpcheck.check(subject, cases=CASES)
    first = report.judgements[0]
    assert first.verdict is Verdict.BACKWARD_WRONG
    assert first.looks_like.startswith("state that is kept from one case to the next")


def test_a_buffer_that_is_not_cleared_is_told_by_its_cause_and_that_is_all() -> None:
    buffers: dict[Any, Array] = {}

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, *rest = conv.vjp(residuals, y_bar)
        buffer = buffers.setdefault((x_bar.shape, x_bar.dtype.name), np.zeros_like(x_bar))
        buffer += x_bar
        return buffer.copy(), *rest

    report = bpcheck.check(Subject(conv.forward, vjp, operation="conv1d"), count=40, largest=256)
    assert [(each.verdict, each.result) for each in report.judgements] == [
        (Verdict.NOT_DETERMINISTIC, "x_bar")
    ]
    assert report.judgements[0].looks_like.startswith("x_bar is accumulated into a buffer")


def test_what_raises_in_other_cases_keeps_no_state_between_them() -> None:
    def forward(x: Array, *others: Any, **params: Any) -> Any:
        if x.ravel()[0] > 0:
            raise ValueError("of a positive cell")
        y, residuals = conv.forward(x, *others, **params)
        return 2 * y, residuals

    report = bpcheck.check(Subject(forward, conv.vjp, operation="conv1d"), cases=CASES[:16])
    assert Verdict.RAISES in {each.verdict for each in report.judgements}
    assert not any("state" in each.looks_like for each in report.judgements)


def test_a_steady_kernel_right_or_wrong_keeps_no_state_between_cases() -> None:
    wrong = fault_named("w-bar-rotated").plant(RIGHT)
    for subject in (RIGHT, wrong):
        assert state_between_cases(subject, CASES[:6], result="x_bar") == ""


def test_a_fault_that_few_cases_show_is_named_by_their_neighbours() -> None:
    subject = fault_named("x-bar-divisor-of-8-bits").plant(
        Subject(avg_pool.forward, avg_pool.vjp, operation="avg_pool1d")
    )
    plain = parse_case("avg_pool1d n1ic1iw9kw2 f64 exact")
    cases = [*(replace(plain, seed=s) for s in range(6))]
    cases.append(parse_case("avg_pool1d n1ic1iw140kw130 f64 exact"))
    report = bpcheck.check(subject, cases=cases)
    assert report.judgements[0].looks_like.startswith("the cells of a window are counted in 8 bits")


def test_a_gradient_that_is_another_one_every_time_is_told_so_once() -> None:
    rng = np.random.default_rng(1)

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return x_bar, w_bar + rng.integers(1, 900, w_bar.shape), b_bar

    report = bpcheck.check(Subject(conv.forward, vjp, operation="conv1d"), cases=CASES[:12])
    (only,) = report.judgements
    assert (only.verdict, only.result) == (Verdict.NOT_DETERMINISTIC, "w_bar")
    assert only.looks_like.startswith("w_bar is another one every time (explains ")


def test_what_grows_from_run_to_run_is_told_as_added_to_earlier_calls() -> None:
    sums: dict[int, Any] = {}

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        bars: tuple[Any, ...] = conv.vjp(residuals, y_bar)
        x_bar, w_bar, b_bar = bars
        sums[len(b_bar)] = b_bar + sums.get(len(b_bar), 0)
        return x_bar, w_bar, sums[len(b_bar)].copy()

    cases = [replace(each, geometry=parse_case("conv1d n2ic2iw5oc2kw2").geometry) for each in CASES]
    subject = Subject(conv.forward, vjp, operation="conv1d")
    assert between_runs(subject, cases[:6], result="b_bar").startswith(
        "b_bar is added to that of earlier calls (explains "
    )
    assert between_runs(subject, cases[:6], result="w_bar") == ""


@pytest.mark.parametrize("name", ["residuals-in-a-queue", "vjp-right-only-once", "prints"])
def test_what_is_left_for_good_is_named_by_how_the_run_began(name: str) -> None:
    """A queue that is out of step stays so; what is used up in the first call never comes back."""
    subject = fault_named(name).plant(RIGHT)
    report = bpcheck.check(subject, profile="quick", count=14, largest=512)
    (only,) = report.judgements
    assert only.looks_like.startswith(fault_named(name).what), only


def test_a_batch_of_no_samples_is_no_case_in_which_zeros_were_right() -> None:
    fault = fault_named("vjp-right-only-once")
    report = bpcheck.check(fault.plant(RIGHT), profile="quick", count=90, largest=512)
    assert report.coverage["batch 0"]
    (only,) = report.judgements
    assert only.looks_like.startswith(fault.what), only


def test_a_gradient_of_zeros_that_never_was_right_is_called_zero() -> None:
    subject = fault_named("every-gradient-zero").plant(RIGHT)
    report = bpcheck.check(subject, profile="quick", count=14, largest=512)
    assert report.judgements[0].looks_like.startswith("every gradient is 0")
