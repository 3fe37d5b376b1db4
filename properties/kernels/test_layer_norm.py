"""Layer normalization against torch autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from properties.kernels.autograd import DTYPES, assert_within, by_torch, unit
from reference import layer_norm

seeds = st.integers(0, 2**32 - 1)


@given(
    dtype=st.sampled_from(list(DTYPES.values())),
    batch=st.lists(st.integers(0, 3), max_size=2),
    c=st.integers(1, 7),
    given_=st.sampled_from([(), ("weight",), ("bias",), ("weight", "bias")]),
    far=st.sampled_from([0, 100]),
    seed=seeds,
)
def test_it_and_its_vjp_are_within_their_rounding_of_torch(
    dtype: np.dtype[Any], batch: list[int], c: int, given_: tuple[str, ...], far: int, seed: int
) -> None:
    """The bounds, with u the unit roundoff of the arithmetic, r the largest |x| and s = rstd.

    The mean is off by (c + 1) u r, so a centred cell by e = (c + 3) u r. The variance is then off
    relatively by 2 e s sqrt(c) + (c + 3) u, since |centred| s <= sqrt(c); so rstd by half of that
    and 3 u, and n = centred s, of at most sqrt(c), by t = e s (1 + c) + (c + 8) sqrt(c) u. With m
    for the largest |weight|, y is off by m t and two roundings of numbers up to m sqrt(c) + |bias|.
    In x_bar = s (d - mean(d) - n mean(d n)) with |d| <= D, the last term is off by t twice, times
    D sqrt(c), and the sums and products round (2 c + 12) times numbers of at most (2 + c) D; rstd
    itself is off as n is. Sums over rows add up (rows + 2) roundings.
    """
    rng = np.random.default_rng(seed)
    x = (far + rng.uniform(-2, 2, (*batch, c))).astype(dtype)
    y_bar = rng.uniform(-2, 2, x.shape).astype(dtype)
    named = {name: rng.uniform(-2, 2, c).astype(dtype) for name in given_}
    y, residuals = layer_norm.forward(x, **named, eps=1e-2)
    bars = [bar for bar in layer_norm.vjp(residuals, y_bar) if bar is not None]
    expected, expected_bars = by_torch(
        lambda x, *rest: torch.nn.functional.layer_norm(
            x, (c,), **dict(zip(given_, rest, strict=True)), eps=1e-2
        ),
        [x, *named.values()],
        y_bar,
    )
    u, root, rows = unit(dtype), np.sqrt(c), max(1, x.size // c)
    wide = x.astype(np.float64)
    s = 1 / np.sqrt(wide.var(axis=-1, keepdims=True) + 1e-2)
    r = np.abs(wide).max(axis=-1, keepdims=True)
    t = (c + 3) * u * r * s * (1 + c) + (c + 8) * root * u
    assert_within(y, expected, 2 * t + 2 * u * (2 * root + 2), dtype)
    assert_within(
        bars[0],
        expected_bars[0],
        s * 4 * (2 * t * root + 2 * t * (2 + c) + (2 * c + 12) * (2 + c) * u),
        dtype,
    )
    worst = 2 * t.max(initial=0) * rows + (rows + 2) * u * 2 * (root + 1) * rows
    for got, exact in zip(bars[1:], expected_bars[1:], strict=True):
        assert_within(got, exact, worst, dtype)


@given(seed=seeds)
def test_the_gradient_adds_up_to_nothing_and_stands_at_a_right_angle(seed: int) -> None:
    """A shift or a stretch of a row changes nothing, so the gradient points along neither."""
    rng = np.random.default_rng(seed)
    x, y_bar = rng.integers(-9, 10, (2, 4, 5)).astype(np.float64)
    x[:, 0] = 11
    y, residuals = layer_norm.forward(x, eps=0.0)
    (x_bar, _, _) = layer_norm.vjp(residuals, y_bar)
    # Five terms of at most 30 each: a dozen roundings of them.
    bound = 12 * 5 * 30 * np.finfo(np.float64).eps
    assert (np.abs(x_bar.sum(axis=-1)) <= bound).all()
    assert (np.abs((x_bar * y).sum(axis=-1)) <= bound * 5).all()


def test_a_row_of_one_cell_is_the_bias_and_has_no_gradient() -> None:
    y, residuals = layer_norm.forward(np.array([[3.0], [-8.0]]), np.ones(1), np.array([5.0]))
    np.testing.assert_array_equal(y, [[5], [5]])
    x_bar, weight_bar, bias_bar = layer_norm.vjp(residuals, np.array([[2.0], [3.0]]))
    np.testing.assert_array_equal(x_bar, [[0], [0]])
    np.testing.assert_array_equal(weight_bar, [0])
    np.testing.assert_array_equal(bias_bar, [5])


def test_a_thousand_ones_in_bfloat16_add_up_to_a_thousand() -> None:
    dtype = DTYPES["bfloat16"]
    _, residuals = layer_norm.forward(np.ones((1024, 2), dtype), None, np.ones(2, dtype))
    bias_bar = layer_norm.vjp(residuals, np.ones((1024, 2), dtype))[2]
    assert bias_bar is not None
    np.testing.assert_array_equal(bias_bar.astype(np.float64), [1024, 1024])


@pytest.mark.parametrize(
    ("operands", "eps", "message"),
    [
        ((np.ones((2, 0)),), 1e-5, "c at least 1"),
        ((np.ones((2, 3)), np.ones(2)), 1e-5, r"weight.shape=\(2,\): must be \(c,\) = \(3,\)"),
        ((np.ones((2, 3)), None, np.ones(4)), 1e-5, "bias.shape"),
        ((np.ones((2, 3)),), float("nan"), "eps=nan: must be at least 0"),
    ],
)
def test_what_does_not_fit_is_told(operands: tuple[Any, ...], eps: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer_norm.forward(*operands, eps=eps)
