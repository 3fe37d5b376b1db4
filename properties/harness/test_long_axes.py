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
        ("layer_norm", {"batch": 2, "batch_1": 17, "c": 65}),
        ("layer_norm", {"batch_0": 5, "c": 1_030}),
        ("layer_norm", {"batch_0": 5, "c": 513, "has_weight": 1}),
        ("gelu", {"c": 1_536}),
        ("gelu", {"batch": 2, "batch_1": 17, "c": 65}),
        ("matmul", {"n": 33, "k": 33, "m": 33}),
        ("matmul", {"batch": 2, "n": 33, "k": 33, "m": 33}),
        ("linear", {"batch_0": 2, "batch_1": 33, "c": 40, "o": 36}),
        ("linear", {"c": 768}),
        ("embedding", {"v": 1_024}),
        ("cross_entropy", {"n": 257}),
        ("rotary", {"s": 256}),
        ("scaled_dot_product_attention", {"l": 65, "s": 65, "e": 32}),
        ("scaled_dot_product_attention", {"l": 40, "s": 40, "e": 64, "is_causal": 1}),
        ("group_norm", {"g": 32, "c": 2, "h": 4, "w": 4, "has_weight": 1}),
        ("batch_norm", {"n": 33, "c": 70, "training": 1}),
        ("conv_transpose1d", {"w": 129}),
        ("conv_transpose2d", {"w": 129}),
        ("conv_transpose2d", {"ci": 40, "co": 40}),
    ],
)
def test_a_long_axis_comes_in_quick(name: str, least: dict[str, int]) -> None:
    plan = Plan(operation_named(name), profile=PROFILES["quick"], dtypes=["float32"])
    numbers = [case.geometry.numbers() for case in islice(plan, 60)]
    assert any(all(each[key] >= size for key, size in least.items()) for each in numbers)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("unfold", {"kernel_size_0": 3, "stride_0": 1, "padding_0": 1, "dilation_0": 1, "n": 2}),
        ("unfold", {"kernel_size_0": 2, "stride_0": 2, "padding_0": 0, "h": 5, "w": 7}),
        ("fold", {"kh": 3, "kw": 3, "stride_0": 1, "n": 2, "c": 4}),
        ("adaptive_avg_pool2d", {"output_size_0": 1, "output_size_1": 1, "h": 19, "w": 17}),
        ("upsample_nearest2d", {"h": 8, "size_0": 16, "w": 6, "size_1": 12, "n": 2, "c": 4}),
        ("upsample_nearest2d", {"h": 8, "size_0": 4, "w": 6, "size_1": 3}),
        ("upsample_bilinear2d", {"h": 5, "size_0": 10, "w": 7, "size_1": 14, "align_corners": 1}),
        ("conv_transpose2d", {"kh": 3, "stride_0": 2, "padding_0": 1, "output_padding_0": 0}),
        ("conv_transpose2d", {"kh": 4, "stride_0": 1, "h": 1, "w": 1, "ci": 12}),
        ("conv_transpose2d", {"kh": 1, "stride_0": 1, "ci": 4, "n": 2}),
    ],
)
def test_a_usual_layer_of_a_plane_comes_in_quick(name: str, numbers: dict[str, int]) -> None:
    plan = Plan(operation_named(name), profile=PROFILES["quick"], dtypes=["float32"])
    found = [case.geometry.numbers() for case in islice(plan, 60)]
    assert any(all(each[key] == size for key, size in numbers.items()) for each in found)


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
