"""The small layers against torch autograd."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference import cross_entropy, linear, relu, sigmoid, tanh

Array = npt.NDArray[Any]
seeds = st.integers(0, 2**32 - 1)
dtypes = pytest.mark.parametrize("dtype", linear.DTYPES)


def by_torch(
    function: Callable[..., Any], operands: list[Array], y_bar: Array
) -> tuple[Array, list[Array]]:
    """Output and gradients in float64."""
    tensors = [torch.tensor(array.astype(np.float64), requires_grad=True) for array in operands]
    y = function(*tensors)
    bars = torch.autograd.grad(y, tensors, torch.tensor(y_bar.astype(np.float64)))
    return y.detach().numpy(), [bar.numpy() for bar in bars]


@dtypes
@given(
    sizes=st.tuples(st.integers(0, 4), st.integers(1, 6), st.integers(1, 5)),
    has_bias=st.booleans(),
    seed=seeds,
)
def test_linear_and_its_vjp_equal_torch_on_integers(
    dtype: str,
    sizes: tuple[int, int, int],
    has_bias: bool,  # noqa: FBT001  Hypothesis passes it by name.
    seed: int,
) -> None:
    n, features, classes = sizes
    rng = np.random.default_rng(seed)
    shapes = [(n, features), (classes, features), (classes,), (n, classes)]
    x, w, b, y_bar = (rng.integers(-3, 4, shape).astype(dtype) for shape in shapes)
    operands = [x, w, b] if has_bias else [x, w]
    y, residuals = linear.forward(*operands)
    expected, expected_bars = by_torch(torch.nn.functional.linear, operands, y_bar)
    bars = [bar for bar in linear.vjp(residuals, y_bar) if bar is not None]
    for got, exact in zip([y, *bars], [expected, *expected_bars], strict=True):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, exact)


@pytest.mark.parametrize("activation", [sigmoid, tanh])
@dtypes
@given(seed=seeds)
def test_smooth_activations_are_within_their_rounding_of_torch(
    activation: ModuleType, dtype: str, seed: int
) -> None:
    """The bounds, with u the unit roundoff.

    NumPy's exp and tanh are off by at most 4 ULP, so 8 u (its documented limit for vector code),
    and the sigmoid adds and divides: y is off by at most 10 u |y| and its own rounding to the
    dtype. Then y (1 - y) and 1 - y**2 are off by at most 2 * 11 u + 3 u, for |y| <= 1. torch in
    float64 is held to the same, hence twice the bound when that is the dtype.
    """
    rng = np.random.default_rng(seed)
    x, y_bar = rng.uniform(-6, 6, (2, 50)).astype(dtype)
    y, residuals = activation.forward(x)
    (x_bar,) = activation.vjp(residuals, y_bar)
    name = activation.__name__.rpartition(".")[-1]
    expected, (expected_bar,) = by_torch(getattr(torch, name), [x], y_bar)
    u = np.finfo(dtype).eps / 2 * (2 if dtype == "float64" else 1)
    assert y.dtype == x_bar.dtype == dtype
    assert (np.abs(y - expected) <= 11 * u * np.abs(expected)).all()
    assert (np.abs(x_bar - expected_bar) <= 25 * u * np.abs(y_bar)).all()


@dtypes
@given(seed=seeds)
def test_relu_and_its_vjp_equal_torch_at_the_kink_and_at_nan_too(dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.choice(np.array([-np.inf, -1, -0.0, 0.0, 2, np.inf, np.nan], dtype), (3, 7))
    y_bar = rng.integers(-3, 4, x.shape).astype(dtype)
    y, residuals = relu.forward(x)
    expected, (expected_bar,) = by_torch(torch.relu, [x], y_bar)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(relu.vjp(residuals, y_bar)[0], expected_bar)


@dtypes
@given(n=st.integers(1, 6), classes=st.integers(1, 6), scale=st.sampled_from([1, 50]), seed=seeds)
def test_cross_entropy_is_within_its_rounding_of_torch(
    dtype: str, n: int, classes: int, scale: int, seed: int
) -> None:
    """The bounds, with u the unit roundoff of the arithmetic, and r the largest logit.

    A shifted logit is at most 2 r, so off by 2 r u; its exponential relatively by that and 8 u; the
    sum of `classes` of them by classes * u more; so the logarithm of the softmax is off by at most
    k u with k = 6 r + classes + 16, the mean adds n + 1 roundings of numbers up to 2 r + classes,
    and the softmax, at most 1, is off by k u + 8 u. The result is rounded to the dtype.
    """
    rng = np.random.default_rng(seed)
    x = rng.uniform(-scale, scale, (n, classes)).astype(dtype)
    labels, y_bar = rng.integers(0, classes, n), np.asarray(rng.uniform(-2, 2), dtype)
    loss, residuals = cross_entropy.forward(x, labels=labels)
    (x_bar,) = cross_entropy.vjp(residuals, y_bar)
    expected, (expected_bar,) = by_torch(
        lambda t: torch.nn.functional.cross_entropy(t, torch.tensor(labels)), [x], y_bar
    )
    u = np.finfo(np.promote_types(dtype, np.float32)).eps / 2 * (2 if dtype == "float64" else 1)
    rounding = np.finfo(dtype).eps / 2
    k = 6 * scale + classes + 16
    of_mean = (n + 1) * (2 * scale + classes)
    assert (loss.shape, loss.dtype) == ((), np.dtype(dtype))
    assert np.abs(loss - expected) <= (k + of_mean) * u + rounding * np.abs(expected)
    assert x_bar.dtype == dtype
    # Below the normal numbers, rounding is absolute.
    within = (k + 12) * u * np.abs(y_bar) / n + rounding * np.abs(expected_bar)
    assert (np.abs(x_bar - expected_bar) <= within + np.finfo(dtype).smallest_subnormal).all()


def test_cross_entropy_of_huge_logits_stays_finite() -> None:
    x, labels = np.array([[1e30, 0.0], [0.0, -1e30]]), np.array([0, 1])
    loss, residuals = cross_entropy.forward(x, labels=labels)
    assert loss == 5e29
    np.testing.assert_array_equal(
        cross_entropy.vjp(residuals, np.array(1.0))[0], [[0, 0], [0.5, -0.5]]
    )


def test_an_empty_batch_has_no_mean() -> None:
    loss, residuals = cross_entropy.forward(np.ones((0, 3)), labels=np.ones(0, np.int64))
    assert np.isnan(loss)
    assert cross_entropy.vjp(residuals, np.array(1.0))[0].shape == (0, 3)
