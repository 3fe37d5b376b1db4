"""The transposed convolution against torch autograd, and as the transpose of the convolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from properties.kernels.autograd import DTYPES, Array, by_torch
from reference import conv, conv_transpose

seeds = st.integers(0, 2**32 - 1)


@st.composite
def layers(draw: st.DrawFn, rank: int) -> tuple[dict[str, Any], tuple[int, ...], tuple[int, ...]]:
    """Params, and the shapes of x and w."""

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    groups, size, kernel = draw(st.integers(1, 2)), each(1, 4 - rank // 3), each(1, 3)
    stride, dilation, padding = each(1, 3), each(1, 3 - rank // 3), each(0, 2)
    extra = tuple(
        draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    lines = zip(size, kernel, stride, dilation, padding, extra, strict=True)
    assume(all((i - 1) * s - 2 * p + d * (k - 1) + e + 1 > 0 for i, k, s, d, p, e in lines))
    n, c_in, c_out = draw(st.integers(0, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    params = {
        "stride": stride,
        "padding": padding,
        "output_padding": extra,
        "groups": groups,
        "dilation": dilation,
    }
    return params, (n, groups * c_in, *size), (groups * c_in, c_out, *kernel)


def integers(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return rng.integers(-3, 4, shape).astype(dtype)


@pytest.mark.parametrize("rank", [1, 2, 3])
@given(
    dtype=st.sampled_from(list(DTYPES.values())),
    data=st.data(),
    has_bias=st.booleans(),
    seed=seeds,
)
def test_it_and_its_vjp_equal_torch_on_integers(
    rank: int,
    dtype: np.dtype[Any],
    data: st.DataObject,
    has_bias: bool,  # noqa: FBT001  Hypothesis passes it by name.
    seed: int,
) -> None:
    params, x_shape, w_shape = data.draw(layers(rank))
    rng = np.random.default_rng(seed)
    operands = [integers(rng, x_shape, dtype), integers(rng, w_shape, dtype)]
    if has_bias:
        operands.append(integers(rng, (params["groups"] * w_shape[1],), dtype))
    y, residuals = conv_transpose.forward(*operands, **params)
    y_bar = integers(rng, y.shape, dtype)
    transposed = getattr(torch.nn.functional, f"conv_transpose{rank}d")
    expected, expected_bars = by_torch(
        lambda *tensors: transposed(*tensors, **params), operands, y_bar
    )
    bars = [bar for bar in conv_transpose.vjp(residuals, y_bar) if bar is not None]
    for got, exact in zip([y, *bars], [expected, *expected_bars], strict=True):
        assert got.dtype == dtype
        # The wide type holds these sums exactly, so that one rounding is all there is.
        np.testing.assert_array_equal(got, exact.astype(dtype))


@given(data=st.data(), seed=seeds)
def test_it_is_what_the_vjp_of_the_convolution_gives_for_its_input(
    data: st.DataObject, seed: int
) -> None:
    params, x_shape, w_shape = data.draw(layers(2))
    rng = np.random.default_rng(seed)
    x, w = (integers(rng, shape, np.dtype("float64")) for shape in (x_shape, w_shape))
    shared = {name: params[name] for name in ("stride", "padding", "groups", "dilation")}
    y, residuals = conv_transpose.forward(x, w, **params)
    # Where the plane has room for more windows than x has cells, the rest of them get nothing.
    read, of_conv = conv.forward(y, w, **shared)
    cells = tuple(map(slice, x.shape))
    padded = np.zeros_like(read)
    padded[cells] = x
    np.testing.assert_array_equal(conv.vjp(of_conv, padded)[0], y)
    np.testing.assert_array_equal(conv_transpose.vjp(residuals, y)[0], read[cells])


def test_cells_that_no_window_writes_are_the_bias_alone() -> None:
    x, w, b = np.ones((1, 1, 2)), np.ones((1, 1, 1)), np.array([7.0])
    y, residuals = conv_transpose.forward(x, w, b, stride=3, output_padding=2)
    np.testing.assert_array_equal(y, [[[8, 7, 7, 8, 7, 7]]])
    x_bar, _, b_bar = conv_transpose.vjp(residuals, np.arange(6.0).reshape(1, 1, 6))
    np.testing.assert_array_equal(x_bar, [[[0, 3]]])
    np.testing.assert_array_equal(b_bar, [15])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"output_padding": 2, "stride": 2}, "less than stride"),
        ({"padding": 3}, "pad less"),
        ({"groups": 2}, "divide c_in=3"),
        ({"stride": 0}, "every stride must be at least 1"),
    ],
)
def test_what_does_not_fit_is_told(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        conv_transpose.forward(np.ones((1, 3, 2)), np.ones((3, 1, 2)), **params)


def test_a_bias_of_another_length_than_the_outputs_channels_is_told() -> None:
    with pytest.raises(ValueError, match=r"must be \(c_out,\) = \(4,\)"):
        conv_transpose.forward(np.ones((1, 2, 2)), np.ones((2, 2, 1)), np.ones(2), groups=2)
