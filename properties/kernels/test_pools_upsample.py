"""What a pool sends back: an average shares the cotangent out, a maximum gives it to its winner."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcheck.cases import Case
from bpcheck.operations.windowed.window import Window
from bpcheck.planning.strategies import cases, geometries
from properties.kernels.run import (
    AVG_POOLS,
    EXACT,
    MAX_POOLS,
    Array,
    assert_same,
    exact_cases,
    narrowed,
    run,
)
from reference import conv, max_pool


def tiling(geometry: Any) -> Any:
    """The geometry with windows that tile: stride the kernel, no padding, no rest."""
    windows = tuple(Window(i=w.k * w.out, k=w.k, s=w.k) for w in geometry.windows)
    return replace(geometry, windows=windows, divisor=0)


@cache
def tiling_cases(operation: str, values: tuple[str, ...] = EXACT) -> st.SearchStrategy[Case]:
    among = geometries(operation).map(tiling)
    return cases(operation, dtypes=("float64",), values=values, among=among)


def has_samples(geometry: Any) -> bool:
    return bool(geometry.n > 0)


def per_plane(array: Array) -> Array:
    return array.sum(axis=tuple(range(2, array.ndim)))


@pytest.mark.parametrize("operation", [*AVG_POOLS, *MAX_POOLS])
@given(data=st.data())
def test_a_tiling_pool_keeps_the_sum_of_the_cotangent_in_every_plane(
    operation: str, data: st.DataObject
) -> None:
    # In the value kind 'wide', sums of a whole plane would leave the lattice.
    ran = run(data.draw(tiling_cases(operation, values=("exact",))))
    assert_same(per_plane(ran.vjp()["x"]), per_plane(ran.y_bar))


@pytest.mark.parametrize("operation", AVG_POOLS)
@given(data=st.data())
def test_each_cell_of_a_tiling_average_gets_its_windows_cotangent_over_the_cells(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(tiling_cases(operation))
    ran, kernel = run(case), case.geometry.kernel
    upsampled = np.kron(ran.y_bar, np.ones((1, 1, *kernel)))
    assert_same(ran.vjp()["x"], upsampled / prod(kernel))


@pytest.mark.parametrize("operation", AVG_POOLS)
@given(data=st.data())
def test_an_average_is_a_depthwise_conv_with_equal_weights(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(exact_cases(operation))
    # Cells beyond the padding count in no divisor, and no convolution has them.
    g = replace(case.geometry, windows=tuple(replace(w, ceil=False) for w in case.geometry.windows))
    g = replace(g, pad_counts=True, divisor=g.divisor if len(g.windows) > 1 else 0)
    ran = run(replace(case, geometry=g))
    divisor = g.divisor or prod(g.kernel)
    w = np.ones((g.ic, 1, *g.kernel))
    params = {name: ran.case.params[name] for name in ("stride", "padding")}
    y, residuals = conv.forward(ran.x, w, None, groups=g.ic, **params)
    x_bar, _, _ = conv.vjp(residuals, ran.y_bar)
    assert_same(ran.y * divisor, y)
    assert_same(ran.vjp()["x"] * divisor, x_bar)


@pytest.mark.parametrize("operation", MAX_POOLS)
@given(data=st.data())
def test_each_cotangent_goes_to_the_one_winner_of_its_window(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(exact_cases(operation, ("exact", "ties")))
    ran, windows = run(case), case.geometry.windows
    y, x_bar = np.empty(ran.y.shape), np.zeros(ran.x.shape)
    for output in np.ndindex(ran.y.shape):
        read = (v.positions[o] for v, o in zip(windows, output[2:], strict=True))
        cells = np.ix_(*(cells[cells >= 0] for cells in read))
        plane = output[:2]
        window = ran.x[plane][cells]
        # argmax gives the first in raster order, which is whom ties go to.
        winner = np.unravel_index(window.argmax(), window.shape)
        y[output] = window[winner]
        target = tuple(np.broadcast_to(axis, window.shape)[winner] for axis in cells)
        x_bar[(*plane, *target)] += ran.y_bar[output]
    assert_same(ran.y, y)
    assert_same(ran.vjp()["x"], x_bar)


@pytest.mark.parametrize("operation", MAX_POOLS)
@given(data=st.data())
def test_one_cotangent_lands_whole_in_one_cell_that_holds_the_maximum(
    operation: str, data: st.DataObject
) -> None:
    ran = run(data.draw(narrowed(operation, has_samples, ("exact", "ties", "wide", "real"))))
    output = tuple(data.draw(st.integers(0, size - 1)) for size in ran.y.shape)
    y_bar = np.zeros_like(ran.y_bar)
    y_bar[output] = -3
    x_bar = ran.vjp(y_bar)["x"]
    (cell,) = np.argwhere(x_bar)
    assert tuple(cell[:2]) == output[:2]
    assert x_bar[tuple(cell)] == -3
    assert ran.x[tuple(cell)] == ran.y[output]


def test_the_winner_is_recorded_by_the_forward_and_not_looked_for_again() -> None:
    x = np.array([[[1.0, 5.0, 2.0, 3.0]]])
    _, residuals = max_pool.forward(x, kernel_size=2)
    x[...] = [[[9.0, 0.0, 9.0, 0.0]]]
    (x_bar,) = max_pool.vjp(residuals, np.array([[[7.0, 8.0]]]))
    assert_same(x_bar, np.array([[[0.0, 7.0, 0.0, 8.0]]]))


def test_a_cell_that_wins_two_windows_gets_both_cotangents() -> None:
    _, residuals = max_pool.forward(np.array([[[1.0, 5.0, 2.0]]]), kernel_size=2, stride=1)
    (x_bar,) = max_pool.vjp(residuals, np.array([[[10.0, 20.0]]]))
    assert_same(x_bar, np.array([[[0.0, 30.0, 0.0]]]))
