"""Every vjp is linear in the cotangent, bit for bit on the lattice."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcheck.planning.strategies import cases
from properties.kernels.run import (
    AVG_POOLS,
    CONVS,
    MAX_POOLS,
    Run,
    assert_same,
    assert_same_gradients,
    exact_cases,
    run,
)
from reference.operands import DTYPES

EVERY = (*CONVS, *MAX_POOLS, *AVG_POOLS)


real_cases = cache(partial(cases, dtypes=("float64", "float32"), values=("real",)))
finite_cases = cache(partial(cases, dtypes=DTYPES, values=("exact", "wide", "real")))


def parts(ran: Run) -> tuple[np.ndarray, np.ndarray]:
    """The cotangent as a sum of two on the lattice, neither larger than it is."""
    rng = np.random.default_rng(ran.case.seed)
    size = np.abs(ran.y_bar.astype(np.float64)) / ran.unit
    share = np.floor(rng.random(size.shape) * size) * ran.unit
    first = (np.sign(ran.y_bar) * share).astype(ran.y_bar.dtype)
    return first, ran.y_bar - first


@pytest.mark.parametrize("operation", EVERY)
@given(data=st.data())
def test_the_vjp_of_a_sum_is_the_sum_of_the_vjps(operation: str, data: st.DataObject) -> None:
    ran = run(data.draw(exact_cases(operation)))
    first, second = (ran.vjp(part) for part in parts(ran))
    added = {name: bar.astype(np.float64) + second[name] for name, bar in first.items()}
    assert_same_gradients(ran.vjp(), added)


@pytest.mark.parametrize("operation", EVERY)
@given(data=st.data())
def test_the_vjp_of_a_negated_cotangent_is_negated(operation: str, data: st.DataObject) -> None:
    ran = run(data.draw(exact_cases(operation)))
    negated = {name: -bar for name, bar in ran.vjp().items()}
    assert_same_gradients(ran.vjp(-ran.y_bar), negated)


@pytest.mark.parametrize("operation", EVERY)
@given(data=st.data())
def test_doubling_a_real_cotangent_doubles_every_gradient_to_the_bit(
    operation: str, data: st.DataObject
) -> None:
    # A power of two changes exponents only: no rounding differs, whatever the values are.
    ran = run(data.draw(real_cases(operation)))
    doubled = {name: 2 * bar for name, bar in ran.vjp().items()}
    assert_same_gradients(ran.vjp(2 * ran.y_bar), doubled)


@pytest.mark.parametrize("operation", EVERY)
@given(data=st.data())
def test_a_cotangent_of_zero_gives_gradients_of_zero(operation: str, data: st.DataObject) -> None:
    ran = run(data.draw(finite_cases(operation)))
    for bar in ran.vjp(np.zeros_like(ran.y_bar)).values():
        assert_same(bar, np.zeros_like(bar))
