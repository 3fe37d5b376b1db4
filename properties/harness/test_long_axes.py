"""Long axes of declared operations, and two of them, come in every quick run."""

from __future__ import annotations

from itertools import islice

import pytest

from bpcheck.operations import operation_named
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES


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
        ("conv_transpose2d", {"ci": 40, "co": 40}),
    ],
)
def test_a_long_axis_comes_in_quick(name: str, least: dict[str, int]) -> None:
    plan = Plan(operation_named(name), profile=PROFILES["quick"], dtypes=["float32"])
    numbers = [case.geometry.numbers() for case in islice(plan, 60)]
    assert any(all(each[key] >= size for key, size in least.items()) for each in numbers)
