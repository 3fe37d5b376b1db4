"""The lattice: no partial sum of an exact case is ever rounded, and no zero hides an entry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case
from bpcheck.cases.layouts import LAYOUTS, join_layouts, lay_out, lay_out_all
from bpcheck.cases.repeats import REPEATING, repeated
from bpcheck.filling import fill
from bpcheck.filling.tied import has_output_for_cotangent
from bpcheck.operations import operation_named, operation_names
from bpcheck.planning.classes import array_layouts

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


SUMMED = [name for name in EXACT if name.startswith("conv")]


@pytest.mark.parametrize("operation", EXACT)
@given(data=st.data())
def test_no_sparse_value_is_negative_and_no_chance_of_survival_is_claimed(
    operation: str, data: st.DataObject
) -> None:
    arrays = fill(drawn(data, operation, "float64", "sparse"))
    for array in (*arrays.operands.values(), arrays.y_bar):
        assert np.all(array >= 0)
    assert arrays.survival == 1


@pytest.mark.parametrize("operation", EXACT)
def test_sparse_values_are_half_zeros_on_the_whole_and_whole_slices_by_turns(
    operation: str,
) -> None:
    promise = operation_named(operation)
    rng = np.random.default_rng(3)
    zeros, total = 0.0, 0
    slices = set()
    for seed in range(200):
        geometry = promise.draw(lambda low, high: int(rng.integers(low, high + 1)))
        x = fill(Case(promise, geometry, values="sparse", seed=seed)).operands["x"]
        # By case: one large plane that is 0 throughout is not half of everything.
        zeros += float((x == 0).mean()) if x.size else 0.0
        total += bool(x.size)
        for kept, name in ((1, "samples"), (2, "planes"), (x.ndim - 1, "rows")):
            whole = x.reshape(*x.shape[:kept], -1) if x.size else np.ones((1, 2))
            if whole.shape[-1] > 30 and not whole.any(axis=-1).all():
                slices.add(name)
    assert 0.4 < zeros / total < 0.6
    assert {"samples", "planes"} <= slices


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("operation", SUMMED)
@given(data=st.data(), values=st.sampled_from(["exact", "small", "wide", "sparse"]))
def test_sums_stay_exact_whatever_lies_in_one_place(
    operation: str, dtype: str, data: st.DataObject, values: str
) -> None:
    case = drawn(data, operation, dtype, values)
    levels = array_layouts(case.operation)
    names = (*case.operation.operand_shapes(case.geometry), "y_bar")
    case = replace(
        case,
        layout=join_layouts({name: data.draw(st.sampled_from(levels[name])) for name in names}),
    )
    arrays = fill(case)
    every = {**arrays.operands, "y_bar": arrays.y_bar}
    wide = {name: np.asarray(array, np.float64) for name, array in every.items()}
    sums = case.operation.absolute_sums(wide, case.params)
    for found in sums.values():
        assert (found <= 2.0 ** FORMATS[dtype].bits).all()
    if has_output_for_cotangent(case):
        y = case.operation.absolute_sums(wide, case.params)["y"]
        assert (np.abs(wide["y_bar"]) <= y).all()


@pytest.mark.parametrize("layout", REPEATING)
@given(data=st.data(), values=st.sampled_from(["exact", "special", "tiny", "real", "sparse"]))
def test_what_lies_in_one_cell_of_memory_is_one_number(
    layout: str, data: st.DataObject, values: str
) -> None:
    case = replace(drawn(data, "conv2d", "float32", values), layout=f"x:{layout},y_bar:{layout}")
    arrays = fill(case)
    for array in (arrays.operands["x"], arrays.y_bar):
        assert np.array_equal(repeated(array, layout), array, equal_nan=True)


@given(data=st.data(), values=st.sampled_from(["exact", "special", "huge", "tiny", "real"]))
def test_operands_in_one_memory_hold_the_same_numbers(data: st.DataObject, values: str) -> None:
    layout = "x:one-memory,w:one-memory"
    case = replace(drawn(data, "conv2d", "float64", values), layout=layout)
    operands = fill(case).operands
    size = min(operands["x"].size, operands["w"].size)
    x, w = (operands[name].ravel()[:size] for name in ("x", "w"))
    assert np.array_equal(x, w, equal_nan=True)
    laid = lay_out_all(operands, case.layouts)
    assert not size or np.shares_memory(laid["x"], laid["w"])


def test_an_axis_of_length_1_has_no_negative_stride() -> None:
    laid = lay_out(np.arange(6.0).reshape(1, 2, 1, 3), "negative")
    assert [stride < 0 for stride in laid.strides] == [False, True, False, True]


@pytest.mark.parametrize("name", ["x", "w", "b", "y_bar"])
@pytest.mark.parametrize("values", ["special", "tiny", "huge"])
def test_the_ends_of_the_range_reach_every_array_by_turns(values: str, name: str) -> None:
    geometry = operation_named("conv2d").geometry(
        {"n": 2, "ic": 2, "ih": 4, "iw": 4, "oc": 3, "kh": 2, "kw": 2}
    )
    reached = 0
    for seed in range(40):
        arrays = fill(Case(operation_named("conv2d"), geometry, values=values, seed=seed))
        array = np.abs({**arrays.operands, "y_bar": arrays.y_bar}[name])
        ends = ~np.isfinite(array) if values == "special" else (array < 1e-200) | (array > 1e200)
        reached += bool(ends.any())
    assert reached >= 5
