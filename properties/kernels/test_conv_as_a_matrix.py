"""A convolution is a sparse fully connected layer with shared weights: its vjp is the transpose.

The matrix is built by plain loops over output cells and kernel offsets, and shares no code with
the kernels.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcheck.cases import Case
from properties.kernels.run import CONVS, Array, assert_same, narrowed, run

#: Largest matrix, in entries, and most weights in it, counted with their repetitions.
ENTRIES, CONNECTIONS = 1_000_000, 20_000


def is_small(geometry: Any) -> bool:
    outputs: int = geometry.oc * prod(geometry.out)
    inputs: int = geometry.ic * prod(window.i for window in geometry.windows)
    fan_in: int = geometry.ic // geometry.g * prod(geometry.kernel)
    return outputs * inputs <= ENTRIES and outputs * fan_in <= CONNECTIONS


def weight_indices(case: Case) -> Array:
    """Which weight connects each output to each input, a flat index into `w`, or -1 for none.

    Shape ``(oc * prod(out), ic * prod(i))``.
    """
    g = case.geometry
    inputs = tuple(window.i for window in g.windows)
    group_in, group_out = g.ic // g.g, g.oc // g.g
    index = np.full((g.oc, *g.out, g.ic, *inputs), -1)
    w_shape = (g.oc, group_in, *g.kernel)
    for output in product(range(g.oc), *map(range, g.out)):
        for tap in product(range(group_in), *map(range, g.kernel)):
            channel = output[0] // group_out * group_in + tap[0]
            cell = tuple(
                o * window.s - window.low + t * window.d
                for o, t, window in zip(output[1:], tap[1:], g.windows, strict=True)
            )
            if all(0 <= c < i for c, i in zip(cell, inputs, strict=True)):
                weight = np.ravel_multi_index((output[0], *tap), w_shape)
                index[(*output, channel, *cell)] = weight
    return index.reshape(g.oc * prod(g.out), g.ic * prod(inputs))


def matrix_of(case: Case, w: Array) -> Array:
    index = weight_indices(case)
    return np.where(index < 0, 0.0, w.astype(np.float64).ravel()[index])


def rows(array: Array) -> Array:
    """One row of float64 numbers for each sample."""
    return array.reshape(len(array), prod(array.shape[1:])).astype(np.float64)


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_conv_is_the_product_with_its_matrix(operation: str, data: st.DataObject) -> None:
    case = data.draw(narrowed(operation, is_small))
    ran = run(case)
    y = (rows(ran.x) @ matrix_of(case, ran.w).T).reshape(ran.y.shape)
    if ran.b is not None:
        y += ran.b.reshape(-1, *(1,) * (y.ndim - 2))
    assert_same(ran.y, y)


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_the_input_gets_the_product_with_the_transposed_matrix(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(narrowed(operation, is_small))
    ran = run(case)
    x_bar = rows(ran.y_bar) @ matrix_of(case, ran.w)
    assert_same(ran.vjp()["x"], x_bar.reshape(ran.x.shape))


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_a_weight_gets_the_sum_over_all_places_that_share_it(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(narrowed(operation, is_small))
    ran = run(case)
    index = weight_indices(case)
    # The gradient of an unshared matrix: every connection its own weight.
    matrix_bar = rows(ran.y_bar).T @ rows(ran.x)
    is_there = index >= 0
    w_bar = np.bincount(index[is_there], matrix_bar[is_there], minlength=ran.w.size)
    assert_same(ran.vjp()["w"], w_bar.reshape(ran.w.shape))
