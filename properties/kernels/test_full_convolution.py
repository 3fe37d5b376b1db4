"""What the input of a convolution gets: the full convolution of the cotangent with the kernel.

Three statements of one fact: by scipy, by the kernel's own forward, and by sliding the rotated
kernel over the zero-padded, zero-interleaved cotangent, cell by cell.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from properties.kernels.cotangents import cropped, spread_out, zero_padded
from properties.kernels.run import CONVS, Array, assert_same, exact_cases, narrowed, run
from reference import conv


def has_few_planes(geometry: Any) -> bool:
    return bool(geometry.n * geometry.oc * geometry.ic <= 100)


def is_ungrouped(geometry: Any) -> bool:
    return bool(geometry.g == 1)


def whole_plane(full: Array, geometry: Any) -> Array:
    """A full convolution, with zeros for the last cells, which no window reads: the remainder."""
    sizes = (window.low + window.i + window.high for window in geometry.windows)
    rest = tuple((0, size - s) for size, s in zip(sizes, full.shape[2:], strict=True))
    return cropped(zero_padded(full, rest), geometry)


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_x_bar_is_the_full_convolution_with_the_interleaved_cotangent(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(narrowed(operation, has_few_planes))
    ran, g = run(case), case.geometry
    delta = spread_out(ran.y_bar.astype(np.float64), case.params["stride"])
    w = spread_out(ran.w.astype(np.float64), case.params["dilation"])
    size = tuple(s + k - 1 for s, k in zip(delta.shape[2:], w.shape[2:], strict=True))
    full = np.zeros((g.n, g.ic, *size))
    group_in, group_out = g.ic // g.g, g.oc // g.g
    for n, o, c in product(range(g.n), range(g.oc), range(group_in)):
        channel = o // group_out * group_in + c
        full[n, channel] += signal.convolve(delta[n, o], w[o, c], mode="full", method="direct")
    assert_same(ran.vjp()["x"], whole_plane(full, g))


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_x_bar_is_a_stride_1_conv_of_the_cotangent_with_the_kernel_rotated_and_its_channels_swapped(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(exact_cases(operation))
    ran, g, dilation = run(case), case.geometry, case.params["dilation"]
    around = tuple((window.span - 1, window.span - 1) for window in g.windows)
    delta = zero_padded(spread_out(ran.y_bar, case.params["stride"]), around)
    rotated = np.flip(ran.w, axis=tuple(range(2, ran.w.ndim)))
    # (oc, ic / groups) to (ic, oc / groups): the channel axes exchanged, group by group.
    w = np.concatenate([part.swapaxes(0, 1) for part in np.split(rotated, g.g)])
    full, _ = conv.forward(delta, w, dilation=dilation, groups=g.g)
    assert_same(ran.vjp()["x"], whole_plane(full, g))


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_each_input_cell_gets_the_rotated_kernel_times_the_cotangent_around_it(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(narrowed(operation, is_ungrouped))
    ran, g = run(case), case.geometry
    w = spread_out(ran.w.astype(np.float64), case.params["dilation"])
    rotated = np.flip(w, axis=tuple(range(2, w.ndim)))
    delta = spread_out(ran.y_bar.astype(np.float64), case.params["stride"])
    # Enough zeros around that a window of the kernel's size is centred on every input cell.
    sizes = zip(g.windows, delta.shape[2:], strict=True)
    around = tuple((v.span - 1, v.low + v.i + v.high - size) for v, size in sizes)
    delta = zero_padded(delta, around)
    # Summed over: output channels, and the kernel's offsets.
    summed = ((1, *range(2, w.ndim)), (0, *range(2, w.ndim)))
    x_bar = np.empty((g.n, g.ic, *(v.i for v in g.windows)))
    for cell in np.ndindex(*x_bar.shape[2:]):
        starts = (p + window.low for p, window in zip(cell, g.windows, strict=True))
        cells = zip(starts, w.shape[2:], strict=True)
        near = tuple(slice(start, start + span) for start, span in cells)
        window = delta[(slice(None), slice(None), *near)]
        x_bar[(slice(None), slice(None), *cell)] = np.tensordot(window, rotated, axes=summed)
    assert_same(ran.vjp()["x"], x_bar)


def test_a_cotangent_of_one_prints_the_kernel_itself_not_rotated() -> None:
    # The rotation is the convolution's, not the picture's: one output cell sends back its window.
    x, w = np.zeros((1, 1, 4, 4)), np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    _, residuals = conv.forward(x, w, None)
    y_bar = np.zeros((1, 1, 3, 3))
    y_bar[0, 0, 1, 2] = 1
    x_bar = np.zeros((4, 4))
    x_bar[1:3, 2:4] = [[1, 2], [3, 4]]
    assert_same(conv.vjp(residuals, y_bar)[0], x_bar[None, None])
