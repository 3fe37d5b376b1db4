"""What was lost is told in one line for each cause, where the errors themselves show it."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache

import pytest
from rich.console import Console

from bpcheck.precision import Comparison, Measurement, compare, measure
from bpcheck.precision.behaviour import Behaviour
from bpcheck.precision.causes import _changed, cause_line, causes
from bpcheck.precision.summary import markdown
from bpcheck.precision.table import print_comparison
from bpcheck.precision.testing import lost
from bpcheck.subject import Subject
from properties.harness.precision_losses import LOSSES, Loss


def named(name: str) -> Loss:
    return next(each for each in LOSSES if each.name == name)


@cache
def measured(subject: Subject, dtype: str) -> Measurement:
    return measure(subject.claiming(dtypes=(dtype,)), longest=64, cases=14)


@cache
def compared(name: str) -> Comparison:
    loss = named(name)
    return compare(measured(loss.before, loss.dtype), measured(loss.after, loss.dtype))


COARSE = "bf16 rounding of the cotangent"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "TF32 inputs",
            "y, x_bar, w_bar and b_bar, float32: x, w and the cotangent are rounded to 11 bits",
        ),
        (COARSE, "x_bar, w_bar and b_bar, float32: the cotangent is rounded to 8 bits"),
    ],
)
def test_one_cause_is_one_line(name: str, told: str) -> None:
    comparison = compared(name)
    assert len(comparison.losses) >= 3
    (cause,) = causes(comparison, comparison.losses)
    assert cause_line(cause).startswith(f"{told}; ")
    assert cause_line(cause).endswith(" the baseline")
    assert len(cause.changes) == len(comparison.losses)


def test_a_change_of_the_sums_is_told_where_both_are_near_what_is_emulated() -> None:
    pairwise, naive = (Behaviour("float32", order, 0.1) for order in ("pairwise", "naive"))
    assert _changed(pairwise, naive) == "sums are naive, and were pairwise"
    half = Behaviour("float16", "blocked", 0.5)
    assert _changed(naive, half) == "sums are as those in float16, and were as in float32"
    assert _changed(naive, replace(half, octaves=1.3)) == ""
    assert _changed(naive, naive) == _changed(None, naive) == ""


def printed(comparison: Comparison, *, every: bool = False) -> list[str]:
    file = io.StringIO()
    print_comparison(comparison, Console(file=file, width=200), every=every, option="--all")
    return file.getvalue().splitlines()


def test_every_comparison_is_listed_on_request_alone() -> None:
    comparison = compared(COARSE)
    assert sum("LOSS" in each for each in printed(comparison)) == 1
    assert sum("rms error" in each for each in printed(comparison)) == 0
    assert f"from {len(comparison.losses)} comparisons; --all lists them" in str(
        printed(comparison)
    )
    every = printed(comparison, every=True)
    assert sum("times the baseline (p = " in each for each in every) == len(comparison.losses)


def test_pytest_and_the_summary_of_a_workflow_say_the_same() -> None:
    comparison = compared(COARSE)
    (cause,) = causes(comparison, comparison.losses)
    assert lost(comparison, "w_bar").splitlines() == ["precision lost", cause_line(cause)]
    assert lost(comparison, "y") == ""
    assert "the cotangent is rounded to 8 bits" in markdown([comparison])
    assert "<details><summary>every comparison</summary>" in markdown([comparison])


def test_a_gain_is_told_the_other_way_round() -> None:
    loss = named(COARSE)
    better = compare(measured(loss.after, "float32"), measured(loss.before, "float32"))
    said = [cause_line(cause) for cause in causes(better, better.gains)]
    assert said
    assert all("rounded" not in each for each in said)
    assert all("times the baseline" in each for each in said)
