"""The vjp is the adjoint of the forward: <y_bar, J u> = <x_bar, u>, as integers, exactly.

No oracle is asked: the forward is linear in each operand of a convolution and in the input of an
average pool, so it is its own Jacobian there; a maximum is, as long as every winner stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcheck.arithmetic import exact_dot
from bpcheck.filling import fill
from properties.kernels.run import AVG_POOLS, CONVS, MAX_POOLS, exact_cases, run


@pytest.mark.parametrize("operand", ["x", "w"])
@pytest.mark.parametrize("operation", CONVS)
@given(data=st.data())
def test_conv_and_its_vjp_are_adjoint_in_each_operand(
    operation: str, operand: str, data: st.DataObject
) -> None:
    case = data.draw(exact_cases(operation))
    ran = run(case)
    u = fill(replace(case, seed=case.seed + len(ran.operands) + 1)).operands[operand]
    without_bias = {"b": np.zeros_like(ran.b)} if ran.b is not None else {}
    moved = run(case, **{operand: u}, **without_bias)
    assert exact_dot(ran.y_bar, moved.y) == exact_dot(ran.vjp()[operand], u)


@pytest.mark.parametrize("operation", AVG_POOLS)
@given(data=st.data())
def test_average_pool_and_its_vjp_are_adjoint(operation: str, data: st.DataObject) -> None:
    case = data.draw(exact_cases(operation))
    ran = run(case)
    u = fill(replace(case, seed=case.seed + 2)).operands["x"]
    assert exact_dot(ran.y_bar, run(case, x=u).y) == exact_dot(ran.vjp()["x"], u)


@pytest.mark.parametrize("operation", MAX_POOLS)
@given(data=st.data())
def test_max_pool_and_its_vjp_are_adjoint_while_the_winners_stay(
    operation: str, data: st.DataObject
) -> None:
    # Values of a window differ by more than twice the step, so that no step makes another winner.
    case = data.draw(exact_cases(operation, ("exact",)))
    ran = run(case)
    step = fill(case).steps["x"]
    rng = np.random.default_rng(case.seed)
    u = rng.integers(-step, step, endpoint=True, size=ran.x.shape).astype(ran.x.dtype)
    difference = run(case, x=ran.x + u).y.astype(np.float64) - ran.y
    assert exact_dot(ran.y_bar, difference) == exact_dot(ran.vjp()["x"], u)
