"""Memory that is read before it is written is told where the memory was seen, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, Verdict, parse_case
from bpcheck.arithmetic import Array
from bpcheck.runner.memory import keep_freed_memory
from bpcheck.runner.one import judge
from reference import avg_pool

CASE = "avg_pool2d n2ic2ih5iw6kh2kw2 f64 exact c-order seed={}"

Spoilt = Callable[[Array, Array], None]


def without_border(found: Array, right: Array) -> None:
    """As one who fills the inside alone."""
    found[..., :-1] = right[..., :-1]


def accumulated(found: Array, right: Array) -> None:
    """As one who takes empty for zeros."""
    found += right


def divided(found: Array, right: Array) -> None:
    """A division that has nothing to do with memory."""
    found[:] = right * 0 / 0


def overflown(found: Array, right: Array) -> None:
    found[:] = right * np.finfo(right.dtype).max * 2


def by_chance(found: Array, right: Array) -> None:
    """NaN in every other call."""
    by_chance.calls += 1  # type: ignore[attr-defined]
    found[:] = right * np.nan if by_chance.calls % 2 else right  # type: ignore[attr-defined]


def of_y(spoil: Spoilt) -> Subject:
    """An average pool that makes its output first, and fills it so."""

    def forward(x: Array, **params: Any) -> Any:
        found = np.empty((2, 2, 4, 5), x.dtype)
        y, residuals = avg_pool.forward(x, **params)
        spoil(found, y)
        return found, residuals

    return Subject(forward, avg_pool.vjp, operation="avg_pool2d")


def of_x_bar(spoil: Spoilt) -> Subject:
    """The same of its gradient."""

    def vjp(residuals: Any, y_bar: Array) -> Any:
        found = np.empty((2, 2, 5, 6), y_bar.dtype)
        spoil(found, avg_pool.vjp(residuals, y_bar)[0])
        return (found,)

    return Subject(avg_pool.forward, vjp, operation="avg_pool2d")


def said(subject: Subject) -> list[str]:
    """What is said of results that are not finite, in a few cases."""
    keep_freed_memory()
    judged = [judge(subject, parse_case(CASE.format(seed))) for seed in range(4)]
    return [
        ruling.because
        for each in judged
        for ruling in each.rulings
        if ruling.verdict is Verdict.NOT_FINITE
    ]


@pytest.mark.parametrize("subject", [of_y, of_x_bar])
@pytest.mark.parametrize("change", [without_border, accumulated])
def test_where_it_decides_it_is_said(subject: Any, change: Any) -> None:
    messages = said(subject(change))
    assert messages
    assert all("memory that is read before it is written" in each for each in messages)


@pytest.mark.parametrize("subject", [of_y, of_x_bar])
@pytest.mark.parametrize("change", [divided, overflown, by_chance])
def test_where_a_number_comes_from_elsewhere_it_is_not(subject: Any, change: Any) -> None:
    by_chance.calls = 0  # type: ignore[attr-defined]
    messages = said(subject(change))
    assert messages
    assert not any("memory" in each for each in messages)
