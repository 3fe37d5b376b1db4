"""Scaled dot-product attention against torch autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from properties.kernels.autograd import DTYPES, Array, assert_within, by_torch, unit
from reference import attention

# Torch declares other types for it.
by_definition: Any = torch.nn.functional.scaled_dot_product_attention

MASKS = ("none", "causal", "bool", "added")
seeds = st.integers(0, 2**32 - 1)


def mask_of(kind: str, rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """A mask of half of the scores, without leading axes; some of its rows may be all forbidden."""
    if kind == "bool":
        return rng.random(shape[-2:]) < 0.5
    if kind == "added":
        return np.where(rng.random(shape[-2:]) < 0.5, rng.uniform(-2, 2), -np.inf).astype(dtype)
    return None


def by_torch_attention(
    operands: list[Array], y_bar: Array, mask: Array | None, **params: Any
) -> tuple[Array, list[Array]]:
    given_ = mask if mask is None or mask.dtype == np.bool_ else mask.astype(np.float64)
    tensor = None if given_ is None else torch.tensor(given_)
    return by_torch(
        lambda *qkv: by_definition(*qkv, tensor, **params),
        operands,
        y_bar,
    )


@given(
    kind=st.sampled_from(MASKS),
    dtype=st.sampled_from(list(DTYPES.values())),
    batch=st.lists(st.integers(0, 2), max_size=2),
    sizes=st.tuples(*(st.integers(1, 5) for _ in range(4))),
    scale=st.sampled_from([None, 0.5]),
    seed=seeds,
)
def test_it_and_its_vjp_are_within_their_rounding_of_torch(
    kind: str,
    dtype: np.dtype[Any],
    batch: list[int],
    sizes: tuple[int, int, int, int],
    scale: float | None,
    seed: int,
) -> None:
    """The bounds, with u the unit roundoff of the arithmetic, no number above 2, no scale above 1.

    A score is a sum of e products, at most Z = 4 e + 2 with the mask: off by (e + 4) Z u. Its
    exponential, the largest score taken away, is off relatively by 2 (e + 4) Z u and 8 u (exp's
    limit), the sum of s of them by s u more: so a weight by r u with r = 4 (e + 4) Z + s + 20. Then
    y is off by (r + s + 2) u times 2, and value_bar by (r + l + 2) u times 2 l. The cotangent of a
    weight is at most B = 4 v and off by (v + 1) B u, what is taken back is no larger and off by
    (r + v + s + 2) B u; so that of a score is off by k u = (2 r + 2 v + s + 6) 2 B u times its
    weight, query_bar by (k + s + 4) 2 u, and key_bar by l times as much.
    """
    n_q, n_k, e, v = sizes
    rng = np.random.default_rng(seed)
    shapes = [(*batch, n_q, e), (*batch, n_k, e), (*batch, n_k, v), (*batch, n_q, v)]
    query, key, value, y_bar = (rng.uniform(-2, 2, shape).astype(dtype) for shape in shapes)
    mask = mask_of(kind, rng, (n_q, n_k), dtype)
    params: dict[str, Any] = {"is_causal": kind == "causal", "scale": scale}
    y, residuals = attention.forward(query, key, value, mask, **params)
    bars = attention.vjp(residuals, y_bar)
    expected, expected_bars = by_torch_attention([query, key, value], y_bar, mask, **params)
    u, largest, of_weight = unit(dtype), 4 * e + 2, 4 * v
    r = 4 * (e + 4) * largest + n_k + 20
    k = (2 * r + 2 * v + n_k + 6) * 2 * of_weight
    assert_within(y, expected, (r + n_k + 2) * u * 2, dtype)
    assert_within(bars[0], expected_bars[0], (k + n_k + 4) * 2 * u, dtype)
    assert_within(bars[1], expected_bars[1], (k + n_k + 4) * 2 * u * n_q, dtype)
    assert_within(bars[2], expected_bars[2], (r + n_q + 2) * u * 2 * n_q, dtype)


@pytest.mark.parametrize("added", [False, True])
def test_a_query_that_may_not_look_at_any_key_gets_and_gives_zero(
    added: bool,  # noqa: FBT001  A parameter.
) -> None:
    rng = np.random.default_rng(0)
    query, key, value, y_bar = (rng.uniform(-1, 1, (2, 3)) for _ in range(4))
    allowed = np.array([[False, False], [True, False]])
    mask = np.where(allowed, 0.0, -np.inf) if added else allowed
    y, residuals = attention.forward(query, key, value, mask)
    np.testing.assert_array_equal(y, [np.zeros(3), value[0]])
    query_bar, key_bar, value_bar = attention.vjp(residuals, y_bar)
    np.testing.assert_array_equal(query_bar, np.zeros((2, 3)))
    np.testing.assert_array_equal(key_bar, np.zeros((2, 3)))
    np.testing.assert_array_equal(value_bar, [y_bar[1], np.zeros(3)])
    expected, expected_bars = by_torch_attention([query, key, value], y_bar, mask)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(value_bar, expected_bars[2])


def test_no_keys_at_all_give_zero() -> None:
    empty = np.ones((0, 3))
    y, residuals = attention.forward(np.ones((2, 3)), empty, np.ones((0, 4)))
    np.testing.assert_array_equal(y, np.zeros((2, 4)))
    bars = attention.vjp(residuals, np.ones((2, 4)))
    assert [bar.shape for bar in bars] == [(2, 3), (0, 3), (0, 4)]
    np.testing.assert_array_equal(bars[0], np.zeros((2, 3)))


def test_huge_scores_stay_finite() -> None:
    query, key, value = np.array([[1e200]]), np.array([[1e100], [0.0]]), np.array([[1.0], [2.0]])
    y, residuals = attention.forward(query, key, value)
    np.testing.assert_array_equal(y, [[1]])
    for bar in attention.vjp(residuals, np.ones((1, 1))):
        assert np.isfinite(bar).all()


@pytest.mark.parametrize(
    ("shapes", "params", "message"),
    [
        (((2, 3), (2, 4), (2, 3)), {}, r"key.shape=\(2, 4\)"),
        (((2, 3), (2, 3), (4, 3)), {}, r"value.shape=\(4, 3\)"),
        (((3,), (2, 3), (2, 3)), {}, "e at least 1"),
        (((2, 3),) * 3, {"is_causal": True, "mask": np.ones((2, 2), bool)}, "without a mask"),
        (((2, 3),) * 3, {"mask": np.ones((4, 2, 2), bool)}, "must broadcast"),
        (((2, 3),) * 3, {"mask": np.ones((2, 2), np.int64)}, "bool or that of the query"),
    ],
)
def test_what_does_not_fit_is_told(shapes: Any, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attention.forward(*map(np.ones, shapes), **params)
