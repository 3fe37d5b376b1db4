"""Orders of calls: each vjp is that of its forward, whatever was called before it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from torch.nn import functional

import bpcheck
from bpcheck import Subject, adapters
from bpcheck.cases import parse_case
from bpcheck.checks.orders import ORDERS
from bpcheck.cli import main
from bpcheck.finding import Status
from bpcheck.report import report_text
from bpcheck.runner.one import judge
from bpcheck.verdict import Report, Verdict
from properties.harness.doors import asked_of
from properties.harness.planting import candidates_of, reference
from reference import avg_pool, conv

COUNT = 60

#: As a run is asked for them.
FEW: dict[str, Any] = {"profile": "quick", "count": COUNT}

#: Small input 6: a right kernel whose residuals lie on a stack.
STACK = """
from reference import conv

stack = []

def forward(x, w, b=None, **params):
    y, residuals = conv.forward(x, w, b, **params)
    stack.append(residuals)
    return y, None

def vjp(_, y_bar):
    return conv.vjp(stack.pop(), y_bar)
"""

AS_A_TEST = """
import bpcheck
import stack

subject = bpcheck.Subject(stack.forward, stack.vjp, operation="conv1d")
test_stack = bpcheck.conformance(subject)
"""


def by_command_line(pytester: pytest.Pytester, patch: pytest.MonkeyPatch) -> str:
    result = CliRunner().invoke(
        main, ["check", "conv1d", "stack", "--profile", "quick", "--cases", str(COUNT)]
    )
    assert result.exit_code == 1
    return str(result.stdout)


def by_pytest(pytester: pytest.Pytester, patch: pytest.MonkeyPatch) -> str:
    asked_of(patch, lambda subject: FEW)
    pytester.makepyfile(test_stack=AS_A_TEST)
    arguments = ("-p", "no:cacheprovider", "-v")
    result = pytester.runpytest_inprocess(*arguments)
    failed = {line.split("[")[1].split("]")[0] for line in result.outlines if "] FAILED" in line}
    wrong = ("vjps-in-order", "three-forwards", "second-vjp")
    assert failed == {f"{row}-{result}" for row in wrong for result in ("x_bar", "w_bar")}
    return str(result.stdout)


def by_python(pytester: pytest.Pytester, patch: pytest.MonkeyPatch) -> str:
    made: dict[str, Any] = {}
    exec(STACK, made)  # noqa: S102 - the very text that the others import
    subject = Subject(made["forward"], made["vjp"], operation="conv1d")
    report = bpcheck.check(subject, **FEW)
    assert {each.verdict for each in report.judgements} == {Verdict.KEEPS_STATE}
    return report_text(report)


@pytest.mark.parametrize("door", [by_command_line, by_pytest, by_python])
def test_residuals_on_a_stack_keep_state(
    door: Callable[[pytest.Pytester, pytest.MonkeyPatch], str],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytester.syspathinsert()
    Path("stack.py").write_text(STACK, encoding="utf-8")
    said = " ".join(door(pytester, monkeypatch).split())
    assert "_bar: keeps state" in said
    # Of the orders that show it, the one that fell to the case that is told.
    assert re.search(r"in the order f1 f2 (v1 v2|f3 v1), and", said)
    assert "keep what each vjp needs in the residuals that its forward returns" in said


def rows_that_failed(report: Report) -> set[str]:
    return {row for row, cells in report.table.items() if any(c.failed for c in cells.values())}


def test_a_mistake_that_several_orders_show_is_one_defect_counted_once_a_case() -> None:
    stack: list[Any] = []

    def forward(*operands: Any, **params: Any) -> Any:
        y, residuals = conv.forward(*operands, **params)
        stack.append(residuals)
        return y, None

    subject = Subject(forward, lambda _, y_bar: conv.vjp(stack.pop(), y_bar), operation="conv2d")
    report = bpcheck.check(subject, count=150)
    assert rows_that_failed(report) == {"vjps in order", "three forwards", "second vjp"}
    (judgement,) = report.judgements
    assert (judgement.verdict, judgement.result) == (Verdict.KEEPS_STATE, "x_bar")
    assert [each.also for each in report.judgements] == [("w_bar",)]
    for each in report.judgements:
        order, three, second = (
            report.table[row][each.result].failed
            for row in ("vjps in order", "three forwards", "second vjp")
        )
        # Three forwards and a second vjp fall to the same cases.
        assert min(three, second) > 0
        assert each.failing <= order + max(three, second) < order + three + second
    text = report_text(report)
    assert text.count("smallest case") == 1
    assert text.endswith("KEEPS STATE. 1 defect.\n")


def test_a_shape_on_a_stack_is_found_where_no_number_is_kept() -> None:
    stack: list[Any] = []

    def forward(x: Any, **params: Any) -> Any:
        y, residuals = avg_pool.forward(x, **params)
        stack.append(residuals)
        return y, None

    subject = Subject(
        forward, lambda _, y_bar: avg_pool.vjp(stack.pop(), y_bar), operation="avg_pool2d"
    )
    report = bpcheck.check(subject, count=COUNT)
    assert {each.verdict for each in report.judgements} == {Verdict.KEEPS_STATE}


def pool_of_two(x: Any) -> Any:
    return avg_pool.forward(x, kernel_size=(2,), stride=(2,), padding=(0,))


def of_pools_of_two(params: Any, shapes: Any) -> bool:
    return bool(params["kernel_size"] == params["stride"] == (2,) and shapes["x"][2] % 2 == 0)


def test_a_shape_that_is_kept_is_found_where_the_forward_takes_no_params() -> None:
    kept: list[Any] = [None]

    def forward(x: Any) -> Any:
        y, kept[0] = pool_of_two(x)
        return y, None

    def subject(forward: Any, vjp: Any) -> Subject:
        def forward_of_all(x: Any, **_: Any) -> Any:
            return forward(x)

        return Subject(forward_of_all, vjp, operation="avg_pool1d", supports=of_pools_of_two)

    def verdicts(subject: Subject) -> set[Verdict]:
        cases = [
            case
            for case in candidates_of("avg_pool1d", "autograd", ("exact",))
            if of_pools_of_two(case.params, case.operation.operand_shapes(case.geometry))
            and not case.params["padding"][0]
        ]
        return {ruling.verdict for case in cases[:40] for ruling in judge(subject, case).rulings}

    assert verdicts(subject(pool_of_two, avg_pool.vjp)) == set()
    wrong = subject(forward, lambda _, y_bar: avg_pool.vjp(kept[0], y_bar))
    assert verdicts(wrong) == {Verdict.KEEPS_STATE}


def test_who_refuses_the_params_of_the_other_case_raises_no_alarm() -> None:
    def forward(x: Any, **params: Any) -> Any:
        if params["stride"] != params["kernel_size"]:
            raise NotImplementedError("windows that do not tile")
        return avg_pool.forward(x, **params)

    subject = Subject(forward, avg_pool.vjp, operation="avg_pool2d")
    assert bpcheck.check(subject, count=COUNT).judgements == ()


def test_what_is_kept_for_good_reasons_is_no_defect() -> None:
    plans: dict[Any, Any] = {}
    made: dict[bytes, Any] = {}

    def forward(x: Any, w: Any, b: Any, **params: Any) -> Any:
        plans.setdefault((x.shape, w.shape, str(params)), params)
        # By what the weights hold, not by the array that holds it.
        held = w.dtype.str.encode() + str(w.shape).encode() + w.tobytes()
        w = made.setdefault(held, np.array(w, order="C"))
        return conv.forward(x, w, b, **plans[x.shape, w.shape, str(params)])

    subject = Subject(forward, conv.vjp, operation="conv2d")
    assert bpcheck.check(subject, count=COUNT).judgements == ()


@pytest.mark.verdicts
@pytest.mark.parametrize("size", [3, 4, 16])
def test_a_ring_of_many_buffers_shows_between_many_forwards(size: int) -> None:
    ring: list[Any] = [None] * size
    calls = count()

    def forward(*operands: Any, **params: Any) -> Any:
        y, residuals = conv.forward(*operands, **params)
        place = next(calls) % size
        ring[place] = residuals
        return y, place

    subject = Subject(forward, lambda at, y_bar: conv.vjp(ring[at], y_bar), operation="conv2d")
    report = bpcheck.check(subject, count=450)
    assert {each.verdict for each in report.judgements} == {Verdict.KEEPS_STATE}
    assert rows_that_failed(report) == {"three forwards"}
    assert "in the order f1 f2 f3 ... f17 v1" in report_text(report)


@pytest.mark.parametrize("operation", ["conv2d", "max_pool2d", "avg_pool2d"])
def test_every_order_is_asked_of_torch_and_agrees(operation: str) -> None:
    subject = adapters.torch(getattr(functional, operation), operation=operation)
    report = bpcheck.check(subject, count=COUNT)
    assert report.judgements == ()
    for row in (*ORDERS, "second vjp", "reused arrays"):
        assert report.table[row]["x_bar"].passed


def test_orders_take_turns_and_each_falls_to_about_one_small_case_in_nine() -> None:
    case = parse_case("conv1d n1ic1iw3oc1kw2 f64 exact")
    asked = Counter(
        tuple(
            outcome.check
            for outcome in judge(reference("conv1d"), replace(case, seed=seed)).outcomes
            if outcome.check in ORDERS and outcome.result == "y" and outcome.status is Status.PASSED
        )
        for seed in range(180)
    )
    assert set(asked) == {(), *((name,) for name in ORDERS)}
    assert all(12 <= asked[name,] <= 28 for name in ORDERS), asked
