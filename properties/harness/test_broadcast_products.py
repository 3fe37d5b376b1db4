"""Products whose leading axes are broadcast: gradients are sums over what was repeated."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

import bpcheck
from bpcheck.operations import operation_named
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.verdict import Verdict

pytestmark = pytest.mark.verdicts


def forward(a: Any, b: Any) -> Any:
    return a @ b, (a, b)


def summed(bar: Any, shape: Any) -> Any:
    """A gradient in the shape of its operand: summed over axes that it lacks, or has as 1."""
    bar = bar.sum(tuple(range(bar.ndim - len(shape))))
    ones = tuple(place for place, size in enumerate(shape) if size == 1 != bar.shape[place])
    return bar.sum(ones, keepdims=True)


def right(residuals: Any, y_bar: Any) -> Any:
    a, b = residuals
    a_bar, b_bar = y_bar @ b.swapaxes(-1, -2), a.swapaxes(-1, -2) @ y_bar
    return summed(a_bar, a.shape), summed(b_bar, b.shape)


def never_summed(residuals: Any, y_bar: Any) -> Any:
    a, b = residuals
    return summed(y_bar @ b.swapaxes(-1, -2), a.shape), a.swapaxes(-1, -2) @ y_bar


def first_of_ones(residuals: Any, y_bar: Any) -> Any:
    """Axes of length 1 are cut back, where they are to be summed."""
    a_bar, b_bar = never_summed(residuals, y_bar)
    b_bar = b_bar.sum(tuple(range(b_bar.ndim - residuals[1].ndim)))
    return a_bar, b_bar[tuple(slice(size) for size in residuals[1].shape)]


def check(vjp: Any) -> bpcheck.Report:
    subject = bpcheck.Subject(forward, vjp, operation="matmul")
    return bpcheck.check(subject, profile="quick", count=60)


def test_a_right_product_agrees() -> None:
    assert check(right).judgements == ()


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [(never_summed, Verdict.CONTRACT_BROKEN), (first_of_ones, Verdict.BACKWARD_WRONG)],
)
def test_what_is_repeated_and_not_summed_is_found(wrong: Any, verdict: Verdict) -> None:
    first = check(wrong).judgements[0]
    assert (first.verdict, first.result) == (verdict, "b_bar")


def test_either_factor_has_fewer_axes_or_axes_of_one_and_most_have_the_same() -> None:
    plan = Plan(operation_named("matmul"), profile=PROFILES["quick"], dtypes=["float32"])
    shapes = [case.operation.operand_shapes(case.geometry) for case in islice(plan, 60)]
    pairs = [(each["a"][:-2], each["b"][:-2]) for each in shapes]
    assert sum(one == other for one, other in pairs) >= 20
    assert any(one and not other for one, other in pairs)
    assert any(other and not one for one, other in pairs)
    assert any(len(one) == len(other) and one != other for one, other in pairs)
