"""Two mistakes of the catalogue in one result are named together where no single one fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.cases import Case, parse_case
from bpcheck.explain.faults import fault_named
from bpcheck.explain.pairs import diagnose_pair
from bpcheck.explain.right import right_kernel
from bpcheck.subject import Subject

ROTATED = fault_named("w-bar-rotated")
AVERAGED = fault_named("w-bar-averaged-over-the-batch")


def cases() -> tuple[list[Case], list[Case]]:
    """Cases in which one of both mistakes shows, or both, and others."""
    drawn = [
        parse_case(f"conv1d n{n}ic2iw{k + 3}oc2kw{k} f64 exact seed={seed}")
        for n in (1, 2, 3)
        for k in (1, 2, 3)
        for seed in range(2)
    ]
    failing = [case for case in drawn if ROTATED.shows(case) or AVERAGED.shows(case)]
    return failing, [case for case in drawn if case not in failing]


def test_two_mistakes_that_show_together_are_both_named() -> None:
    failing, passing = cases()
    assert any(ROTATED.shows(case) and AVERAGED.shows(case) for case in failing)
    wrong = AVERAGED.plant(ROTATED.plant(right_kernel("conv1d")))
    found = diagnose_pair(wrong, failing, passing, result="w_bar")
    assert found is not None
    assert ROTATED.what in str(found)
    assert AVERAGED.what in str(found)


def test_one_mistake_is_no_pair() -> None:
    failing, passing = cases()
    shown = [case for case in failing if ROTATED.shows(case)]
    wrong = ROTATED.plant(right_kernel("conv1d"))
    assert diagnose_pair(wrong, shown, passing, result="w_bar") is None


def test_a_known_mistake_beside_an_unknown_one_is_no_pair() -> None:
    rotated = ROTATED.plant(right_kernel("conv1d"))

    def vjp(residuals: Any, y_bar: Any) -> tuple[Any, ...]:
        x_bar, w_bar, b_bar = rotated.vjp(residuals, y_bar)
        return x_bar, w_bar + 7 * np.arange(1, 1 + w_bar.shape[-1]), b_bar

    failing, passing = cases()
    subject = Subject(rotated.forward, vjp, operation="conv1d")
    assert diagnose_pair(subject, failing, passing, result="w_bar") is None
