"""The lattice: no partial sum of an exact case is ever rounded, and no zero hides an entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case
from bpcheck.cases.layouts import LAYOUTS, lay_out
from bpcheck.cases.repeats import REPEATING, repeated
from bpcheck.filling import fill
from bpcheck.operations import operation_named, operation_names

EXACT = [name for name in operation_names() if name != "network"]


def drawn(data: st.DataObject, operation: str, dtype: str, values: str) -> Case:
    promise = operation_named(operation)
    geometry = promise.draw(lambda low, high: data.draw(st.integers(low, high)))
    return Case(
        operation_named(operation),
        geometry,
        dtype=dtype,
        values=values,
        seed=data.draw(st.integers(0, 99)),
    )


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("operation", [name for name in EXACT if not name.startswith("avg")])
@given(data=st.data(), values=st.sampled_from(["exact", "small", "wide"]))
def test_the_sum_of_all_magnitudes_is_an_exact_integer(
    operation: str, dtype: str, data: st.DataObject, values: str
) -> None:
    case = drawn(data, operation, dtype, values)
    arrays = fill(case)
    wide = {name: np.asarray(a, np.float64) for name, a in arrays.operands.items()}
    sums = case.operation.absolute_sums(
        {**wide, "y_bar": np.asarray(arrays.y_bar, np.float64)}, case.params
    )
    for values_of_result in sums.values():
        assert (values_of_result <= 2.0 ** FORMATS[dtype].bits).all()
        assert (np.rint(values_of_result) == values_of_result).all()


@pytest.mark.parametrize("operation", EXACT)
@given(data=st.data())
def test_no_operand_and_no_cotangent_holds_a_zero_in_wide_formats(
    operation: str, data: st.DataObject
) -> None:
    case = drawn(data, operation, "float64", "exact")
    arrays = fill(case)
    assert np.all(arrays.y_bar != 0)
    if not operation.startswith("max"):
        assert all(np.all(array != 0) for array in arrays.operands.values())


@pytest.mark.parametrize("dtype", FORMATS)
@given(data=st.data())
def test_values_of_a_maximum_differ_by_more_than_twice_the_step(
    dtype: str, data: st.DataObject
) -> None:
    case = drawn(data, "max_pool2d", dtype, "exact")
    arrays = fill(case)
    step = arrays.steps["x"]
    if not step or not arrays.operands["x"].size:
        return
    x = np.asarray(arrays.operands["x"], np.float64)
    rows, columns = (window.positions for window in case.geometry.windows)
    for row in rows:
        for column in columns:
            cells = x[:, :, row[row >= 0]][:, :, :, column[column >= 0]]
            ordered = np.sort(cells.reshape(*cells.shape[:2], -1), axis=-1)
            assert np.all(np.diff(ordered, axis=-1) > 2 * step)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(shape=st.lists(st.integers(0, 4), min_size=1, max_size=5), seed=st.integers(0, 9))
def test_a_layout_keeps_shape_dtype_and_numbers(layout: str, shape: list[int], seed: int) -> None:
    array = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    if layout in REPEATING:
        array = repeated(array, layout)
    laid: Any = lay_out(array, layout)
    assert laid.shape == array.shape
    assert laid.dtype == array.dtype
    assert np.array_equal(laid, array)
    assert not np.shares_memory(laid, array)


def test_the_same_case_has_the_same_arrays_and_another_seed_has_others() -> None:
    geometry = operation_named("conv2d").geometry(
        {"ic": 2, "ih": 4, "iw": 4, "oc": 3, "kh": 2, "kw": 2}
    )
    one, same, other = (
        fill(Case(operation_named("conv2d"), geometry, seed=seed)).operands["x"]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
