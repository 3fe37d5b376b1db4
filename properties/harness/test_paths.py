"""Paths of their own that kernels have: a plan must reach each of them, and a check must see it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, Verdict, check
from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.operations import operation_named
from bpcheck.planning.plan import plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner import check_subject
from reference import conv, max_pool

# A plan is made once for all that look at it.
pytestmark = pytest.mark.xdist_group("paths")

DTYPES = ("float64", "float32")


def is_wide_depthwise(case: Case) -> bool:
    return bool(case.geometry.g == case.geometry.ic > 8 and case.geometry.n)


def is_grouped_batch(case: Case) -> bool:
    return bool(case.geometry.g > 1 and case.geometry.n > 8)


def is_channels_last(case: Case) -> bool:
    g = case.geometry
    alike = {case.layouts.get(name) for name in ("x", "w", "y_bar")} == {"channels-last"}
    return bool(alike and g.ic > g.g and min(g.kernel) > 1 and g.n)


def is_wide_ceil(case: Case) -> bool:
    g = case.geometry
    return bool(g.ic > 64 and g.windows[0].ceil and g.windows[0].k > 2)


@cache
def default_plan(operation: str) -> tuple[Case, ...]:
    """The cases of a run in the default profile."""
    profile = PROFILES["default"]
    drawn = plan(operation_named(operation), profile=profile, dtypes=DTYPES, seed=2)
    return tuple(islice(drawn, profile.cases))


@pytest.mark.parametrize(
    ("operation", "is_met"),
    [
        ("conv2d", is_wide_depthwise),
        ("conv2d", is_grouped_batch),
        ("conv2d", is_channels_last),
        ("avg_pool2d", is_wide_ceil),
        ("max_pool2d", is_wide_ceil),
    ],
)
def test_the_default_plan_reaches_it(operation: str, is_met: Callable[[Case], bool]) -> None:
    assert sum(map(is_met, default_plan(operation))) >= 3


def test_weights_that_are_cached_by_identity_are_found() -> None:
    last: list[tuple[Any, Array]] = []

    def forward(x: Array, w: Array, b: Array | None, **params: Any) -> Any:
        if not last or last[0][0] is not w:
            last[:] = [(w, w.copy())]
        return conv.forward(x, last[0][1], b, **params)

    report = check(Subject(forward, conv.vjp, operation="conv1d"), profile="quick")
    assert report.verdict is Verdict.KEEPS_STATE
    assert "other numbers were in the same arrays" in report.judgements[0].because


def last_wins(residuals: Any, y_bar: Array) -> tuple[Array]:
    """Max pooling of one dimension whose last winner gets the cotangent."""
    x, k, s = residuals
    x_bar = np.zeros(x.shape, y_bar.dtype)
    n, c = np.indices(x.shape[:2])
    for j in range(y_bar.shape[2]):
        window = x[:, :, j * s : j * s + k]
        wins = np.isnan(window) | (window == window.max(axis=2, keepdims=True))
        at = k - 1 - np.argmax(wins[:, :, ::-1], axis=2)
        np.add.at(x_bar, (n, c, j * s + at), y_bar[:, :, j])
    return (x_bar,)


def shared(residuals: Any, y_bar: Array) -> tuple[Array]:
    """Max pooling of one dimension whose winners share the cotangent."""
    x, k, s = residuals
    x_bar = np.zeros(x.shape, y_bar.dtype)
    for j in range(y_bar.shape[2]):
        window = x[:, :, j * s : j * s + k]
        wins = np.isnan(window) | (window == window.max(axis=2, keepdims=True))
        wins &= np.isnan(window) | ~np.isnan(window).any(axis=2, keepdims=True)
        shares = y_bar[:, :, j : j + 1] / wins.sum(axis=2, keepdims=True).astype(y_bar.dtype)
        x_bar[:, :, j * s : j * s + k] += np.where(wins, shares, 0)
    return (x_bar,)


@cache
def repeated() -> tuple[Case, ...]:
    """Cases of repeated numbers: those tie, whatever kind of values they are."""
    drawn = plan(operation_named("max_pool1d"), profile=PROFILES["default"], dtypes=DTYPES)
    return tuple(each for each in islice(drawn, 3_000) if each.layouts.get("x") == "broadcast")


@pytest.mark.parametrize("vjp", [last_wins, shared])
def test_another_choice_at_ties_is_no_defect(vjp: Any) -> None:
    def forward(x: Array, *, kernel_size: Any, stride: Any) -> Any:
        y, _ = max_pool.forward(x, kernel_size=kernel_size, stride=stride)
        return y, (x.copy(), kernel_size[0], stride[0])

    subject = Subject(forward, vjp, operation="max_pool1d")
    with np.errstate(all="ignore"):
        report = check_subject(subject, cases=repeated())
    assert [str(each.verdict) for each in report.judgements] == [str(Verdict.CONVENTION)]


def test_a_convolution_without_bias_can_agree() -> None:
    subject = Subject(
        conv.forward,
        conv.vjp,
        operation="conv1d",
        supports=lambda params, shapes: "b" not in shapes,
    )
    report = check(subject, profile="quick")
    assert report.verdict is Verdict.AGREES
    assert report.missing == ()
