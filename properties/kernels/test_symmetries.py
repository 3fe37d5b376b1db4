"""What a kernel must not notice: where the image lies, which sample, which channel, which axis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from properties.kernels.run import (
    AVG_POOLS,
    CONVS,
    MAX_POOLS,
    Array,
    assert_same,
    assert_same_gradients,
    exact_cases,
    kernel,
    narrowed,
    run,
)
from reference import conv

EVERY = (*CONVS, *MAX_POOLS, *AVG_POOLS)
OF_A_PLANE = [*CONVS[1:], *MAX_POOLS[1:], *AVG_POOLS[1:]]


def has_samples(geometry: Any) -> bool:
    return bool(geometry.n > 0)


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data(), steps=st.integers(1, 2))
def test_moving_the_image_by_whole_strides_moves_its_gradient_and_keeps_the_weights(
    operation: str, data: st.DataObject, steps: int
) -> None:
    case = data.draw(exact_cases(operation))
    ran, strides = run(case), case.params["stride"]

    def beside(array: Array, widths: tuple[int, ...], *, before: bool) -> Array:
        each = tuple((width, 0) if before else (0, width) for width in widths)
        return np.pad(array, ((0, 0), (0, 0), *each))

    cells = tuple(steps * stride for stride in strides)
    windows = (steps,) * len(strides)
    bars = {}
    for before in (True, False):
        x = beside(ran.x, cells, before=before)
        y_bar = beside(ran.y_bar, windows, before=before)
        _, residuals = conv.forward(x, ran.w, ran.b, **case.params)
        bars[before] = conv.vjp(residuals, y_bar)
    moved, still = bars[True], bars[False]
    size = still[0].shape[2:]
    later = tuple(slice(c, None) for c in cells)
    earlier = tuple(slice(0, s - c) for s, c in zip(size, cells, strict=True))
    both = (slice(None), slice(None))
    assert_same(moved[0][(*both, *later)], still[0][(*both, *earlier)])
    assert_same(moved[1], still[1])


@pytest.mark.parametrize("operation", EVERY)
@given(data=st.data())
def test_samples_of_a_batch_do_not_meet_and_their_weight_gradients_add_up(
    operation: str, data: st.DataObject
) -> None:
    case = data.draw(narrowed(operation, has_samples))
    ran = run(case)
    alone = []
    for n in range(case.geometry.n):
        operands = dict(ran.operands) | {"x": ran.x[n : n + 1]}
        y, residuals = kernel(case).forward(*operands.values(), **case.params)
        assert_same(ran.y[n : n + 1], y)
        alone.append(kernel(case).vjp(residuals, ran.y_bar[n : n + 1]))
    bars = ran.vjp()
    assert_same(bars["x"], np.concatenate([each[0] for each in alone]))
    for position, name in enumerate(("w", "b"), start=1):
        if name in bars:
            total = np.asarray(np.sum([each[position] for each in alone], axis=0, dtype=np.float64))
            assert_same(bars[name], total)


@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_permuted_channels_permute_the_gradients(operation: str, data: st.DataObject) -> None:
    case = data.draw(exact_cases(operation))
    ran, g = run(case), case.geometry
    rng = np.random.default_rng(case.seed)
    # Whole groups change places, and channels within them.
    group = rng.permutation(g.g)
    within_in, within_out = rng.permutation(g.ic // g.g), rng.permutation(g.oc // g.g)
    ins = (group[:, None] * (g.ic // g.g) + within_in).ravel()
    outs = (group[:, None] * (g.oc // g.g) + within_out).ravel()
    changed = {"x": ran.x[:, ins], "w": ran.w[outs][:, within_in], "y_bar": ran.y_bar[:, outs]}
    if ran.b is not None:
        changed["b"] = ran.b[outs]
    permuted, bars = run(case, **changed), ran.vjp()
    assert_same(permuted.y, ran.y[:, outs])
    expected = {"x": bars["x"][:, ins], "w": bars["w"][outs][:, within_in]}
    if "b" in bars:
        expected["b"] = bars["b"][outs]
    assert_same_gradients(permuted.vjp(), expected)


@pytest.mark.parametrize("operation", OF_A_PLANE)
@given(data=st.data())
def test_exchanging_two_axes_of_the_plane_exchanges_them_in_every_gradient(
    operation: str, data: st.DataObject
) -> None:
    # 'exact' alone: among equal values the winner depends on the order of the axes.
    case = data.draw(exact_cases(operation, ("exact",)))
    ran, bars = run(case), run(case).vjp()
    windows = case.geometry.windows
    exchanged_windows = (*windows[:-2], windows[-1], windows[-2])
    turned = replace(case, geometry=replace(case.geometry, windows=exchanged_windows))
    changed: dict[str, Any] = {name: turn(array) for name, array in ran.operands.items()}
    exchanged = run(turned, **changed, y_bar=turn(ran.y_bar))
    assert_same(exchanged.y, turn(ran.y))
    assert_same_gradients(exchanged.vjp(), {name: turn(bar) for name, bar in bars.items()})


def turn(array: Array) -> Array:
    """The last two axes exchanged; a bias has none."""
    return array.swapaxes(-1, -2) if array.ndim > 1 else array
