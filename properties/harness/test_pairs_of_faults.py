"""Two mistakes of the catalogue in one result are named together where no single one fits."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from bpcheck.cases import Case
from bpcheck.explain.faults import fault_named
from bpcheck.explain.pairs import diagnose_pair
from bpcheck.explain.right import right_kernel
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.subject import Subject

OVERLAP, UNDIVIDED = (
    fault_named(name) for name in ("x-bar-overlap-overwritten", "x-bar-not-divided")
)


def cases() -> tuple[list[Case], list[Case]]:
    """Cases in which one of both mistakes shows, and others."""
    right = right_kernel("avg_pool1d")
    plan = Plan(right.operation, profile=PROFILES["quick"], dtypes=["float64"], limits=Limits(512))
    drawn = [case for case in islice(plan, 90) if case.values == "exact" and case.geometry.n]
    failing = [case for case in drawn if OVERLAP.shows(case) or UNDIVIDED.shows(case)]
    return failing, [case for case in drawn if case not in failing]


def test_two_mistakes_that_show_together_are_both_named() -> None:
    right = right_kernel("avg_pool1d")
    failing, passing = cases()
    assert any(OVERLAP.shows(case) and UNDIVIDED.shows(case) for case in failing)
    wrong = UNDIVIDED.plant(OVERLAP.plant(right))
    found = diagnose_pair(wrong, failing, passing, result="x_bar")
    assert found is not None
    assert OVERLAP.what in str(found)
    assert UNDIVIDED.what in str(found)


def test_one_mistake_is_no_pair() -> None:
    failing, passing = cases()
    shown = [case for case in failing if UNDIVIDED.shows(case)]
    wrong = UNDIVIDED.plant(right_kernel("avg_pool1d"))
    assert diagnose_pair(wrong, shown, passing, result="x_bar") is None


def test_a_known_mistake_beside_an_unknown_one_is_no_pair() -> None:
    overwritten = OVERLAP.plant(right_kernel("avg_pool1d"))

    def vjp(residuals: Any, y_bar: Any) -> tuple[Any, ...]:
        (x_bar,) = overwritten.vjp(residuals, y_bar)
        return (x_bar + 7 * np.arange(x_bar.shape[-1]),)

    failing, passing = cases()
    subject = Subject(overwritten.forward, vjp, operation="avg_pool1d")
    assert diagnose_pair(subject, failing, passing, result="x_bar") is None
