"""Further layers of a quick run are asked briefly, and at length where something is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from bpcheck.cases import parse_case
from bpcheck.checks import OF_FIRST_RUN
from bpcheck.operations import operation_named
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import Terms, judge
from properties.harness.planting import reference

CASE = parse_case("conv2d n2ic3ih6iw5oc4kh3kw3ph1pw1 f32 exact c-order seed=460")
BRIEF = Terms(is_brief=True)


def test_a_right_kernel_is_run_once() -> None:
    subject, calls = reference("conv2d"), Counter[str]()

    def forward(*args: Any, **params: Any) -> Any:
        calls["forward"] += 1
        return subject.forward(*args, **params)

    counting = replace(subject, forward=forward)
    judged = judge(counting, CASE, terms=BRIEF)
    assert calls["forward"] == 1
    assert {outcome.check for outcome in judged.outcomes} <= OF_FIRST_RUN
    judge(counting, CASE)
    assert calls["forward"] > 2


@pytest.mark.parametrize("result", ["w_bar", "y"])
def test_a_wrong_one_is_judged_as_at_length(result: str) -> None:
    subject = reference("conv2d")

    def forward(*args: Any, **params: Any) -> Any:
        y, residuals = subject.forward(*args, **params)
        return y * (2 if result == "y" else 1), residuals

    def vjp(residuals: Any, y_bar: Any) -> Any:
        x_bar, w_bar, b_bar = subject.vjp(residuals, y_bar)
        return x_bar, w_bar * (2 if result == "w_bar" else 1), b_bar

    wrong = replace(subject, forward=forward, vjp=vjp)
    at_length, briefly = judge(wrong, CASE), judge(wrong, CASE, terms=BRIEF)
    assert any(ruling.verdict.is_defect for ruling in briefly.rulings)
    assert (briefly.rulings, briefly.outcomes) == (at_length.rulings, at_length.outcomes)


def test_those_of_a_quick_run_are_its_further_layers() -> None:
    quick = PROFILES["quick"]
    plan = Plan(operation_named("conv2d"), profile=quick, dtypes=["float32"], seed=2)
    brief = [plan.is_brief(case) for case in islice(plan, plan.total + 10)]
    assert not any(brief[: quick.cases])
    assert not any(brief[plan.total :])
    assert all(brief[quick.cases : plan.total])
    of_network = Plan(operation_named("network"), profile=quick, dtypes=["float32"])
    assert not any(of_network.is_brief(case) for case in islice(of_network, 20))
    default = Plan(operation_named("conv2d"), profile=PROFILES["default"], dtypes=["float32"])
    assert not any(default.is_brief(case) for case in islice(default, 600))
