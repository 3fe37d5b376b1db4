"""What the weights of a convolution get, the input correlated with the cotangent; and the bias."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from properties.kernels.cotangents import spread_out, zero_padded
from properties.kernels.run import CONVS, assert_same, exact_cases, narrowed, run
from reference import conv


def has_few_planes(geometry: Any) -> bool:
    return bool(geometry.n * geometry.oc * geometry.ic <= 100)


def is_ungrouped_and_has_samples(geometry: Any) -> bool:
    return bool(geometry.g == 1 and geometry.n > 0)


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_w_bar_is_the_input_correlated_with_the_interleaved_cotangent(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(narrowed(operation, has_few_planes))
    ran, g = run(case), case.geometry
    x = zero_padded(ran.x.astype(np.float64), tuple((w.low, w.high) for w in g.windows))
    delta = spread_out(ran.y_bar.astype(np.float64), case.params["stride"])
    # Dilation and stride change places: the weights lie on every d-th place of the correlation.
    places = tuple(slice(0, window.span, window.d) for window in g.windows)
    w_bar = np.zeros(ran.w.shape)
    group_in, group_out = g.ic // g.g, g.oc // g.g
    for n, o, c in product(range(g.n), range(g.oc), range(group_in)):
        plane = x[n, o // group_out * group_in + c]
        w_bar[o, c] += signal.correlate(plane, delta[n, o], mode="valid", method="direct")[places]
    assert_same(ran.vjp()["w"], w_bar)


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_w_bar_is_a_conv_of_the_input_by_the_cotangent_with_stride_and_dilation_exchanged(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(narrowed(operation, is_ungrouped_and_has_samples))
    ran, g, params = run(case), case.geometry, case.params
    # Channels take the place of samples, and samples that of channels: w_bar sums over samples.
    x = zero_padded(ran.x, tuple((w.low, w.high) for w in g.windows)).swapaxes(0, 1)
    w_bar, _ = conv.forward(
        x, ran.y_bar.swapaxes(0, 1), stride=params["dilation"], dilation=params["stride"]
    )
    # The remainder of the stride lets the correlation run on; it stops after the last weight.
    taps = tuple(slice(0, k) for k in g.kernel)
    assert_same(ran.vjp()["w"], w_bar.swapaxes(0, 1)[(slice(None), slice(None), *taps)])


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_b_bar_sums_the_cotangent_over_samples_and_cells(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(exact_cases(operation))
    ran = run(case)
    bars = ran.vjp()
    assert ("b" in bars) == (ran.b is not None)
    if ran.b is not None:
        cells = (0, *range(2, ran.y_bar.ndim))
        assert_same(bars["b"], ran.y_bar.astype(np.float64).sum(axis=cells))
