"""The reference pools against torch autograd, bit for bit: geometry, ties, NaN, signed zeros."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from reference import avg_pool, max_pool

Array = npt.NDArray[Any]
Sizes = tuple[int, ...]

#: Few values, so that most windows have ties; and those that compare unlike numbers.
TIES = (-1.0, 0.0, 1.0, 2.0)
SPECIAL = (np.nan, -np.inf, np.inf, -0.0, 0.0, 1.0)
NEVER_GREATER = (-np.inf,)


class Pool(NamedTuple):
    """Shape and parameters of one pool."""

    x: Sizes
    kernel_size: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes
    ceil_mode: bool
    seed: int

    def params(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("kernel_size", "stride", "padding", *names)}


@st.composite
def pools(draw: st.DrawFn, rank: int, *, dilated: bool) -> Pool:
    """Pools that torch accepts: overlaps, gaps, unread rows and overhangs among them."""

    def sizes(least: int, most: int) -> Sizes:
        return draw(st.tuples(*[st.integers(least, most)] * rank))

    kernel = sizes(1, 4 if rank < 3 else 3)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    dilation = sizes(1, 3 if dilated else 1)
    # At least so large that one window fits, and that no window's taps skip all of the input. In
    # 3-d, torch's average refuses windows larger than the input without its padding.
    least = (
        max((k - 1) * d + 1 - 2 * p, d, k if rank == 3 else 1)
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    size = tuple(map(sum, zip(least, sizes(0, 5 if rank < 3 else 2), strict=True)))
    return Pool(
        x=(draw(st.integers(0, 2)), draw(st.integers(1, 3)), *size),
        kernel_size=kernel,
        stride=sizes(1, 4),
        padding=padding,
        dilation=dilation,
        ceil_mode=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def integers(pool: Pool, shape: Sizes, dtype: str) -> Array:
    return np.random.default_rng(pool.seed + 1).integers(-3, 4, shape).astype(dtype)


def assert_same(got: Array, expected: Array) -> None:
    """Equal to the sign of zero; one NaN is as good as another."""
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(got, expected)
    number = ~np.isnan(got)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("dtype", max_pool.DTYPES)
@pytest.mark.parametrize("rank", [1, 2, 3])
@given(data=st.data(), values=st.sampled_from([TIES, SPECIAL, NEVER_GREATER]))
def test_max_pool_its_winners_and_its_vjp_equal_torch(
    rank: int, dtype: str, data: st.DataObject, values: tuple[float, ...]
) -> None:
    pool = data.draw(pools(rank, dilated=True))
    params = pool.params("dilation", "ceil_mode")
    x = np.random.default_rng(pool.seed).choice(np.array(values, dtype), pool.x)
    tensor = torch.tensor(x, requires_grad=True)
    torch_pool = getattr(torch.nn.functional, f"max_pool{rank}d")
    expected, indices = torch_pool(tensor, return_indices=True, **params)
    y, residuals = max_pool.forward(x, **params)
    assert_same(y, expected.detach().numpy())
    np.testing.assert_array_equal(residuals.winners, indices.numpy())

    y_bar = integers(pool, y.shape, dtype)
    expected.backward(torch.tensor(y_bar))
    assert tensor.grad is not None
    np.testing.assert_array_equal(max_pool.vjp(residuals, y_bar)[0], tensor.grad.numpy())


@pytest.mark.parametrize("dtype", avg_pool.DTYPES)
@pytest.mark.parametrize("rank", [1, 2, 3])
@given(
    data=st.data(),
    count_include_pad=st.booleans(),
    divisor_override=st.none() | st.sampled_from([-2, 1, 4]),
)
def test_avg_pool_and_its_vjp_equal_torch(
    rank: int,
    dtype: str,
    data: st.DataObject,
    count_include_pad: bool,  # noqa: FBT001  Hypothesis passes it by name.
    divisor_override: int | None,
) -> None:
    pool = data.draw(pools(rank, dilated=False))
    params = {**pool.params("ceil_mode"), "count_include_pad": count_include_pad}
    if rank > 1:  # torch.nn.functional.avg_pool1d has none
        params["divisor_override"] = divisor_override
    # Sums of integers are exact, and one division rounds alike in both.
    x = integers(pool, pool.x, dtype)
    # torch has no 3-d average in float16 on the CPU: in float32, then, and rounded once, as here.
    wide = np.promote_types(dtype, np.float32)
    tensor = torch.tensor(x.astype(wide), requires_grad=True)
    expected = getattr(torch.nn.functional, f"avg_pool{rank}d")(tensor, **params)
    y, residuals = avg_pool.forward(x, **params)
    np.testing.assert_array_equal(y, expected.detach().numpy().astype(dtype))

    # Cotangents that every divisor divides, and that float16 represents.
    unit = int(np.lcm.reduce(residuals.divisor.astype(int).ravel()))
    assume(3 * unit <= 2048 or dtype != "float16")
    y_bar = (unit * integers(pool, y.shape, dtype)).astype(dtype)
    expected.backward(torch.tensor(y_bar.astype(wide)))
    assert tensor.grad is not None
    (x_bar,) = avg_pool.vjp(residuals, y_bar)
    np.testing.assert_array_equal(x_bar, tensor.grad.numpy().astype(dtype))


@pytest.mark.parametrize("pooling", [max_pool, avg_pool])
@given(pool=pools(2, dilated=False))
def test_vjp_is_of_its_own_forward_whatever_ran_or_changed_since(pooling: Any, pool: Pool) -> None:
    params = pool.params("ceil_mode")
    x = np.random.default_rng(pool.seed).standard_normal(pool.x)
    y, residuals = pooling.forward(x, **params)
    assert not np.shares_memory(x, y)
    y_bar, (expected,) = y.copy(), pooling.vjp(residuals, y)
    assert not np.shares_memory(y, expected)
    for array in (x, y):
        np.negative(array, out=array)
    pooling.forward(x, **params)
    np.testing.assert_array_equal(pooling.vjp(residuals, y_bar)[0], expected)


def test_the_gradient_of_an_infinite_cotangent_stays_with_the_winner() -> None:
    # An implementation that multiplies by a mask gives inf * 0 = NaN beside the winner.
    _, residuals = max_pool.forward(np.array([[[1.0, 2.0, 0.0]]]), kernel_size=2, stride=1)
    (x_bar,) = max_pool.vjp(residuals, np.array([[[np.inf, 1.0]]]))
    np.testing.assert_array_equal(x_bar, [[[0, np.inf, 0]]])


@pytest.mark.parametrize("pooling", [max_pool, avg_pool])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kernel_size": 0}, "kernel_size=0: every kernel_size must be at least 1"),
        ({"kernel_size": (2, 2, 2)}, "x has 2 spatial dimensions"),
        ({"kernel_size": 6}, r"kernel_size=\(6, 6\): .* must fit into the input \(5, 5\)"),
        ({"stride": (0, 1)}, r"stride=\(0, 1\): every stride must be at least 1"),
        ({"padding": 2}, r"padding=\(2, 2\): must be at most half of kernel_size=\(2, 2\)"),
        ({"padding": "same"}, "padding='same': must be an int"),
    ],
)
def test_a_bad_parameter_is_named_with_its_rule(
    pooling: Any, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pooling.forward(np.ones((1, 2, 5, 5)), **{"kernel_size": 2, **changed})


def test_a_window_that_skips_all_of_the_input_is_refused() -> None:
    # torch gives -inf there, and an index outside the plane for its backward to write to.
    with pytest.raises(ValueError, match="a window skips all of the input"):
        max_pool.forward(np.ones((1, 1, 2)), kernel_size=2, stride=1, padding=1, dilation=3)
