"""Softmax cross-entropy against torch autograd: labels ignored, classes weighted, smoothed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from properties.kernels.autograd import DTYPES, assert_within, by_torch, unit
from reference import cross_entropy

REDUCTIONS = ("mean", "sum", "none")
seeds = st.integers(0, 2**32 - 1)


@given(
    reduction=st.sampled_from(REDUCTIONS),
    dtype=st.sampled_from(list(DTYPES.values())),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 2)),
    plane=st.booleans(),
    weighted=st.booleans(),
    ignore_index=st.sampled_from([-100, 0]),
    smoothing=st.sampled_from([0.0, 0.25, 1.0]),
    seed=seeds,
)
def test_it_and_its_vjp_are_within_their_rounding_of_torch(
    reduction: str,
    dtype: np.dtype[Any],
    shape: tuple[int, int, int],
    plane: bool,  # noqa: FBT001  Hypothesis passes them by name.
    weighted: bool,  # noqa: FBT001
    ignore_index: int,
    smoothing: float,
    seed: int,
) -> None:
    """The bounds, with u the unit roundoff of the arithmetic, no logit above 5, no weight above 2.

    The logarithm of the softmax is at most L = 10 + classes and off by k u with k = 6 * 5 + classes
    + 16 (as in the test without weights). What is wanted of a row adds up to at most 2, so its loss
    is off by 2 k u and (classes + 4) roundings of 2 L. The sum over rows adds rows + 1 roundings of
    at most 2 L rows; the mean divides by at least the smallest weight, 1/2, and is no larger than
    4 L, with rows + 3 roundings. The softmax is off by (k + 8) u, times at most 2, times the
    cotangent of at most 2, which the mean makes at most twice as large.
    """
    n, classes, size = shape
    rows = (n, size) if plane else (n,)
    rng = np.random.default_rng(seed)
    x = rng.uniform(-5, 5, (n, classes, *rows[1:])).astype(dtype)
    labels = rng.integers(0, classes, rows)
    labels[rng.random(rows) < 0.3] = ignore_index
    # A mean that no row counts for is another test's.
    assume(reduction != "mean" or (labels != ignore_index).any())
    weight = rng.uniform(0.5, 2, classes).astype(dtype) if weighted else None
    params: dict[str, Any] = {
        "ignore_index": ignore_index,
        "reduction": reduction,
        "label_smoothing": smoothing,
    }
    loss, residuals = cross_entropy.forward(x, labels, weight, **params)
    y_bar = rng.uniform(-2, 2, loss.shape).astype(dtype)
    (x_bar,) = cross_entropy.vjp(residuals, y_bar)
    factor = None if weight is None else torch.tensor(weight.astype(np.float64))
    expected, (expected_bar,) = by_torch(
        lambda t: torch.nn.functional.cross_entropy(t, torch.tensor(labels), factor, **params),
        [x],
        y_bar,
    )
    u, k, largest = unit(dtype), 6 * 5 + classes + 16, 10 + classes
    of_row = (2 * k + (classes + 4) * 2 * largest) * u
    count = labels.size
    of_loss = {
        "none": of_row,
        "sum": of_row * count + (count + 1) * 2 * largest * count * u,
        "mean": 2 * of_row * count + (count + 3) * 4 * largest * count * u,
    }
    assert_within(loss, expected, of_loss[reduction], dtype)
    assert_within(x_bar, expected_bar, (k + classes + count + 16) * u * 2 * 2 * 2, dtype)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_where_all_labels_are_ignored_it_does_as_torch(reduction: str, smoothing: float) -> None:
    x, labels = np.random.default_rng(0).uniform(-1, 1, (2, 3)), np.full(2, 7)
    params: dict[str, Any] = {
        "ignore_index": 7,
        "reduction": reduction,
        "label_smoothing": smoothing,
    }
    loss, residuals = cross_entropy.forward(x, labels, **params)
    (x_bar,) = cross_entropy.vjp(residuals, np.ones(loss.shape))
    expected, (expected_bar,) = by_torch(
        lambda t: torch.nn.functional.cross_entropy(t, torch.tensor(labels), **params),
        [x],
        np.ones(loss.shape),
    )
    assert np.isnan(loss) if reduction == "mean" else not loss.any()
    np.testing.assert_array_equal(loss, expected)
    np.testing.assert_array_equal(x_bar, expected_bar)
    np.testing.assert_array_equal(x_bar, np.zeros((2, 3)))


def test_an_impossible_class_that_nobody_wants_adds_nothing() -> None:
    x = np.array([[0.0, -np.inf, 0.0]])
    loss, residuals = cross_entropy.forward(x, np.array([2]), reduction="none")
    np.testing.assert_array_equal(loss, -np.log([0.5]))
    np.testing.assert_array_equal(cross_entropy.vjp(residuals, np.ones(1))[0], [[0.5, 0.0, -0.5]])


@pytest.mark.parametrize(
    ("labels", "params", "message"),
    [
        ([0, 3], {}, r"labels from 0 to 3: must lie in range\(3\)"),
        ([0, -1], {}, "or be ignore_index=-100"),
        ([0.0, 1.0], {}, "must be integers"),
        ([0], {}, r"must be integers of shape \(2,\)"),
        ([0, 1], {"weight": np.ones(2)}, r"must be \(classes,\)"),
        ([0, 1], {"reduction": "max"}, "must be 'mean', 'sum' or 'none'"),
        ([0, 1], {"label_smoothing": 1.5}, "between 0 and 1"),
    ],
)
def test_what_does_not_fit_is_told(labels: Any, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cross_entropy.forward(np.ones((2, 3)), np.array(labels), **params)
