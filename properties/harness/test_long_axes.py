"""Long axes of declared operations, and two of them, come in every quick run."""

from __future__ import annotations

from itertools import islice

import pytest

from bpcheck.operations import operation_named
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES

#: A decoder's layer of several samples whose channels come in fours.
IN_FOURS = {"kh": 3, "kw": 3, "stride_0": 2, "output_padding_0": 1, "g": 1}


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("layer_norm", {"c": 768}),
        ("layer_norm", {"c": 1_536}),
        ("softmax", {"batch_0": 1_025}),
        ("linear", {"c": 65, "o": 65}),
        ("matmul", {"n": 65, "k": 65}),
        ("batch_norm", {"c": 65, "training": 0}),
        ("scaled_dot_product_attention", {"l": 65, "s": 65, "is_causal": 1}),
        ("scaled_dot_product_attention", {"l": 192, "s": 192}),
        ("scaled_dot_product_attention", {"batch": 2, "l": 65, "s": 65, "is_causal": 1}),
        ("conv_transpose1d", {"w": 129}),
        ("conv_transpose2d", {"w": 129}),
        ("conv_transpose2d", {"ci": 40, "co": 40}),
    ],
)
def test_a_long_axis_comes_in_quick(name: str, least: dict[str, int]) -> None:
    plan = Plan(operation_named(name), profile=PROFILES["quick"], dtypes=["float32"])
    numbers = [case.geometry.numbers() for case in islice(plan, 60)]
    assert any(all(each[key] >= size for key, size in least.items()) for each in numbers)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_family_of_several_samples_in_fours_comes_on_exact_values(dtype: str) -> None:
    plan = Plan(
        operation_named("conv_transpose2d"),
        profile=PROFILES["quick"],
        dtypes=["float32", "float64"],
    )
    found = [
        case
        for case in islice(plan, 40)
        if case.dtype == dtype and case.values == "exact" and _is_in_fours(case.geometry.numbers())
    ]
    assert found


def _is_in_fours(numbers: dict[str, int]) -> bool:
    window = all(numbers[key] == size for key, size in IN_FOURS.items())
    return window and numbers["n"] > 1 and not (numbers["ci"] % 4 or numbers["co"] % 4)


@pytest.mark.parametrize("name", ["layer_norm", "scaled_dot_product_attention"])
def test_a_long_axis_hides_nothing_by_repeated_numbers(name: str) -> None:
    operation = operation_named(name)
    plan = Plan(operation, profile=PROFILES["quick"], dtypes=["float32"])
    cases = list(islice(plan, len(operation.landmarks)))
    assert {case.values for case in cases} == {"real"}
    assert all(str(case).split()[-2] == "c-order" for case in cases)
