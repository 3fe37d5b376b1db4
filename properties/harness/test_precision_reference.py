"""What precision is measured against must itself be far more precise: exact fractions say."""

from __future__ import annotations

from fractions import Fraction
from math import fsum
from typing import Any

import numpy as np
import pytest

from bpcheck.arithmetic import FORMATS
from bpcheck.operations import operation_named
from bpcheck.precision.data import KINDS, draw
from bpcheck.precision.doubled import total, two_product, two_sum
from bpcheck.precision.ladder import Settings, rungs
from bpcheck.precision.metrics import ulp_distance
from bpcheck.precision.reference import Reference, reference

CONV = operation_named("conv1d")


def _arrays(result: str, terms: int, kind: str, operation: Any = CONV) -> tuple[Any, Any]:
    settings = Settings(("float64",), results=(result,), longest=terms)
    rung = list(rungs(operation, settings))[-1]
    rng = np.random.default_rng(5)
    drawn = draw(
        operation,
        rung.geometry,
        result,
        terms=rung.terms,
        dtype="float64",
        kind=kind,
        rng=rng,
    )
    return rung, drawn


def _value(found: Reference, index: tuple[int, ...]) -> Fraction:
    return (Fraction(found.high[index]) + Fraction(found.low[index])) / found.divisor


@pytest.mark.parametrize("kind", KINDS)
def test_a_sum_of_products_of_float64_numbers_is_known_to_ninety_bits(kind: str) -> None:
    rung, arrays = _arrays("y", 256, kind)
    found = reference(CONV, rung.geometry, "y", arrays, "float64")
    x, w, b = (
        [[Fraction(v) for v in row] for row in arrays[n].reshape(-1, s)]
        for n, s in (
            ("x", arrays["x"].shape[-1]),
            ("w", 3),
            ("b", 1),
        )
    )
    for channel, place in ((0, 0), (1, 7)):
        rows = [w[channel * len(x) + c] for c in range(len(x))]
        exact = b[channel][0] + sum(
            rows[c][tap] * x[c][place + tap] for c in range(len(x)) for tap in range(3)
        )
        index = (0, channel, place)
        assert abs(_value(found, index) - exact) <= Fraction(found.sums[index]) / 2**90


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("result", ["w_bar", "b_bar"])
def test_the_gradient_of_a_weight_is_known_to_ninety_bits(result: str, kind: str) -> None:
    rung, arrays = _arrays(result, 64, kind)
    found = reference(CONV, rung.geometry, result, arrays, "float64")
    x, y_bar = arrays["x"], arrays["y_bar"]
    places = [(n, p) for n in range(y_bar.shape[0]) for p in range(y_bar.shape[2])]
    if result == "b_bar":
        index: tuple[int, ...] = (2,)
        exact = sum(Fraction(y_bar[n, 2, p]) for n, p in places)
    else:
        index = (2, 1, 1)
        exact = sum(Fraction(y_bar[n, 2, p]) * Fraction(x[n, 1, p + 1]) for n, p in places)
    assert abs(_value(found, index) - exact) <= Fraction(found.sums[index]) / 2**90


def test_a_quotient_by_a_window_that_is_no_power_of_two_is_known_exactly() -> None:
    pool = operation_named("avg_pool1d")
    rung, arrays = _arrays("y", 16, "zero-mean", pool)
    found = reference(pool, rung.geometry, "y", arrays, "float64")
    window = [Fraction(value) for value in arrays["x"][0, 3, :17]]
    assert _value(found, (0, 3, 0)) == sum(window) / 17
    got = np.asarray(found.nearest) * (1 + 2.0**-50)
    exact = Fraction(got[0, 3, 0]) - sum(window) / 17
    assert found.error_of(got)[0, 3, 0] == pytest.approx(float(exact), rel=1e-12)


def test_products_round_in_float64_so_that_there_is_something_to_measure() -> None:
    rung, arrays = _arrays("y", 16, "zero-mean")
    found = reference(CONV, rung.geometry, "y", arrays, "float64")
    assert np.mean(found.low != 0) > 0.9


def test_two_sum_and_two_product_lose_nothing() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 200)) * 2.0 ** rng.integers(-40, 40, (2, 200))
    for s, e, p, q in zip(*two_sum(a, b), a, b, strict=True):
        assert Fraction(s) + Fraction(e) == Fraction(p) + Fraction(q)
    for p, e, q in zip(*two_product(a, 3.14159), a, strict=True):
        assert Fraction(p) + Fraction(e) == Fraction(q) * Fraction(3.14159)


def test_a_total_is_the_sum_that_fsum_gives_though_nearly_all_of_it_cancels() -> None:
    rng = np.random.default_rng(1)
    parts = rng.standard_normal((40, 50)) * 2.0 ** rng.integers(-30, 30, (40, 50))
    parts = np.concatenate([parts, -parts[::-1] * (1 + 2.0**-40)])
    high, _ = total(parts)
    assert [fsum(column) for column in parts.T] == pytest.approx(high.tolist(), rel=1e-15)


@pytest.mark.parametrize("name", list(FORMATS))
def test_neighbours_are_one_ulp_apart_across_every_power_of_two_and_across_zero(name: str) -> None:
    form = FORMATS[name]
    powers = np.array([1.0, 2.0, 0.5, -1.0]).astype(form.dtype)
    below = (powers.astype(np.float64) * (1 - form.unit_roundoff)).astype(form.dtype)
    assert ulp_distance(powers, below).tolist() == [1, 1, 1, 1]
    smallest = np.array([form.tiniest, -form.tiniest]).astype(form.dtype)
    assert ulp_distance(smallest, smallest[::-1].copy()).tolist() == [2, 2]
    assert np.isinf(ulp_distance(np.array([np.nan]).astype(form.dtype), powers[:1])).all()
