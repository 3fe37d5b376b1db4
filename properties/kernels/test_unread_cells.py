"""Cells that no window reads get a gradient of exactly 0: remainders, gaps, skipped by dilation."""

from __future__ import annotations

from functools import cache, reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcheck.cases import Case
from bpcheck.planning.strategies import cases, geometries
from properties.kernels.run import AVG_POOLS, CONVS, MAX_POOLS, Array, assert_same, run
from reference.operands import DTYPES

#: Value kinds without NaN and infinities.
FINITE = ("exact", "wide", "real")


def leaves_cells_out(geometry: Any) -> bool:
    return any(window.is_gapped for window in geometry.windows)


@cache
def cases_with_unread_cells(operation: str) -> st.SearchStrategy[Case]:
    among = geometries(operation).filter(leaves_cells_out)
    return cases(operation, dtypes=DTYPES, values=FINITE, among=among)


def is_read(geometry: Any) -> Array:
    """Which cells of the plane some window reads, each window walked through by hand."""
    lines = []
    for window in geometry.windows:
        line = np.zeros(window.i, bool)
        for o in range(window.out):
            for t in range(window.k):
                cell = o * window.s - window.low + t * window.d
                if 0 <= cell < window.i:
                    line[cell] = True
        lines.append(line)
    return reduce(np.logical_and.outer, lines)


@pytest.mark.parametrize("operation", [*CONVS, *MAX_POOLS, *AVG_POOLS])
@given(data=st.data())
def test_cells_that_no_window_reads_get_a_gradient_of_exactly_zero(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(cases_with_unread_cells(operation))
    ran, unread = run(case), ~is_read(case.geometry)
    assert unread.any()
    x_bar = ran.vjp()["x"][:, :, unread]
    assert_same(x_bar, np.zeros_like(x_bar))


@pytest.mark.parametrize("operation", [*CONVS, *MAX_POOLS, *AVG_POOLS])
@given(data=st.data())
def test_values_that_no_window_reads_change_nothing_not_even_nan(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(cases_with_unread_cells(operation))
    ran, unread = run(case), ~is_read(case.geometry)
    x = ran.x.copy()
    x[:, :, unread] = np.nan
    poisoned = run(case, x=x)
    assert_same(poisoned.y, ran.y)
    bars, expected = poisoned.vjp(), ran.vjp()
    for name, bar in expected.items():
        assert np.isfinite(bars[name]).all()
        assert_same(bars[name], bar)
