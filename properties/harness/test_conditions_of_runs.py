"""Conditions of what only further runs show, and of results that are wrong in two ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from bpcheck.cases import Case, parse_case
from bpcheck.explain.right import right_kernel
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.condition import asked_of, condition_of_defect
from bpcheck.runner.one import judge
from bpcheck.runner.showing import Asked
from bpcheck.subject import Subject
from bpcheck.verdict import Verdict
from bpcheck.verdict.conditions import PLAIN, SPECIAL
from bpcheck.verdict.tally import Defect, Tally
from properties.harness.test_conditions import CONV, wrong_where

EMPTY = ("conv1d n0ic1iw4oc1kw2 f64", "conv1d n0ic2iw3oc2kw1 f64", "conv1d n0ic1iw5oc3kw2sw2 f64")

ORDERS = ("contract", "vjps in reverse", "vjps in order", "three forwards", "autograd")


def asked(
    subject: Subject,
    cases: Iterable[Case],
    checks: tuple[str, ...],
    which: Callable[[Defect], bool],
) -> Asked:
    """The question after the condition of the first defect of which that holds."""
    tally = Tally()
    for case in cases:
        tally.add(judge(subject, case, checks=checks))
    defect = next(filter(which, tally.decided()))
    assert defect.ruling is not None
    own = {each.check for each in defect.ruling.findings} | {"contract"}
    limits = Limits(1_024)
    return asked_of(defect, tally, None, checks=own, seed=0, limits=limits, dtypes=["float64"])


def plain_cases(operation: str, count: int) -> list[Case]:
    profile, limits = PROFILES["quick"], Limits(1_024)
    plan = Plan(
        right_kernel(operation).operation, profile=profile, dtypes=["float64"], limits=limits
    )
    return [replace(each, values="exact", layout="c-order") for each in islice(plan, count)]


def of_the_last_forward(shows: Callable[[dict[str, Any]], bool]) -> Subject:
    """A convolution whose vjp takes what the last forward has left, where `shows` says so."""
    right = right_kernel("conv1d")
    last: list[Any] = [None]

    def forward(
        x: Any, w: Any, b: Any, *, stride: Any, padding: Any, dilation: Any, groups: Any
    ) -> tuple[Any, Any]:
        params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        y, residuals = right.forward(x, w, b, **params)
        last[0] = residuals
        return y, (residuals, shows(params))

    def vjp(residuals: Any, y_bar: Any) -> Any:
        own, forgets = residuals
        there = last[0] if forgets else own
        return right.vjp(there, y_bar)

    return Subject(forward, vjp, operation="conv1d", name="mine")


def is_state(defect: Defect) -> bool:
    return defect.verdict in (Verdict.KEEPS_STATE, Verdict.RAISES) and defect.result != "y"


def test_state_that_is_kept_in_some_cases_alone_has_their_condition() -> None:
    """Cases to which no order of calls falls are evidence for nothing."""
    subject = of_the_last_forward(lambda params: params["stride"] > (1,))
    found = condition_of_defect(
        subject, asked(subject, plain_cases("conv1d", 60), ORDERS, is_state)
    )
    assert found is not None
    assert found.where == "stride > 1"
    assert found.wrong_without == 0


def test_state_that_is_kept_in_every_case_is_said_to_be() -> None:
    subject = of_the_last_forward(lambda params: True)
    found = condition_of_defect(
        subject, asked(subject, plain_cases("conv1d", 60), ORDERS, is_state)
    )
    assert found is not None
    assert found.where == ""
    assert found.wrong_with > 0.8 * found.cases_with


def test_what_plain_values_show_is_no_evidence_for_what_nan_shows() -> None:
    def shows(params: dict[str, Any], x: Any, y_bar: Any) -> str:
        of_nan = np.isnan(x).any() and len(x) > 1
        return "x_bar" if params["stride"] > (1,) or of_nan else ""

    subject = wrong_where("avg_pool1d", shows, ("x_bar",))
    plain = plain_cases("avg_pool1d", 60)
    special = [replace(each, values="special", seed=each.seed + 7) for each in plain]
    question = asked(
        subject,
        [*plain, *special],
        ("contract", "autograd", "NaN and infinity"),
        lambda defect: defect.condition == SPECIAL,
    )
    assert question.is_plain_too
    found = condition_of_defect(subject, question)
    assert found is not None
    assert "batch many" in found.names
    assert "stride > 1" not in found.names


def test_what_is_wrong_by_history_has_no_condition_that_only_nearly_holds() -> None:
    def shows(params: dict[str, Any], x: Any, y_bar: Any) -> str:
        return "w_bar" if params["stride"] > (1,) and y_bar.sum() > 0 else ""

    subject = wrong_where("conv1d", shows, CONV)
    question = asked(
        subject,
        plain_cases("conv1d", 90),
        ("contract", "autograd"),
        lambda defect: defect.condition == PLAIN,
    )
    found = condition_of_defect(subject, question)
    assert found is not None
    assert not found.is_exact
    assert condition_of_defect(subject, replace(question, is_unsteady=True)) is None


def test_what_shows_in_empty_batches_alone_is_said_to() -> None:
    right = right_kernel("conv1d")

    def vjp(residuals: Any, y_bar: Any) -> Any:
        x_bar, w_bar, b_bar = right.vjp(residuals, y_bar)
        return x_bar, w_bar if len(y_bar) else np.full_like(w_bar, np.nan), b_bar

    subject = replace(right, vjp=vjp)
    cases = [*plain_cases("conv1d", 20), *map(parse_case, EMPTY)]
    checks = ("contract", "finite", "autograd", "empty batch")
    question = asked(subject, cases, checks, lambda defect: defect.result == "w_bar")
    found = condition_of_defect(subject, question)
    assert found is not None
    assert found.where == "batch 0"
    assert found.is_exact
