"""Groups are convolutions side by side, on their own channels and their own weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from properties.kernels.run import CONVS, Array, assert_same, narrowed, run
from reference import conv


def is_grouped(geometry: Any) -> bool:
    return bool(geometry.g > 1)


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_groups_equal_separate_convolutions(operation: str, data: st.DataObject) -> None:
    case = data.draw(narrowed(operation, is_grouped))
    ran, groups = run(case), case.geometry.g
    bars = ran.vjp()
    b = [None] * groups if ran.b is None else np.split(ran.b, groups)
    params = case.params | {"groups": 1}
    y, x_bar, w_bar, b_bar = [], [], [], []
    operands = zip(np.split(ran.x, groups, axis=1), np.split(ran.w, groups), b, strict=True)
    for each, cotangent in zip(operands, np.split(ran.y_bar, groups, axis=1), strict=True):
        y_of_group, residuals = conv.forward(*each, **params)
        of_group = conv.vjp(residuals, cotangent)
        y.append(y_of_group)
        x_bar.append(of_group[0])
        w_bar.append(of_group[1])
        b_bar += [] if of_group[2] is None else [of_group[2]]
    assert_same(ran.y, np.concatenate(y, axis=1))
    assert_same(bars["x"], np.concatenate(x_bar, axis=1))
    assert_same(bars["w"], np.concatenate(w_bar))
    assert (ran.b is None) == (not b_bar)
    if b_bar:
        assert_same(bars["b"], np.concatenate(b_bar))


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_groups_equal_one_convolution_with_zeros_between_the_groups(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(narrowed(operation, is_grouped))
    ran, g = run(case), case.geometry
    bars = ran.vjp()
    own = block_diagonal(np.ones(ran.w.shape, ran.w.dtype), g.g).astype(bool)
    whole, residuals = conv.forward(
        ran.x, block_diagonal(ran.w, g.g), ran.b, **case.params | {"groups": 1}
    )
    x_bar, w_bar, _ = conv.vjp(residuals, ran.y_bar)
    assert_same(ran.y, whole)
    assert_same(bars["x"], x_bar)
    # Weights between groups get gradients too, which a grouped convolution does not have.
    assert_same(bars["w"], w_bar[own].reshape(ran.w.shape))


def block_diagonal(w: Array, groups: int) -> Array:
    """Grouped weights (oc, ic / groups, *k) among zeros: (oc, ic, *k)."""
    whole = np.zeros((len(w), w.shape[1] * groups, *w.shape[2:]), w.dtype)
    of_group, depth = len(w) // groups, w.shape[1]
    for group in range(groups):
        rows = slice(group * of_group, (group + 1) * of_group)
        whole[rows, group * depth : (group + 1) * depth] = w[rows]
    return whole
