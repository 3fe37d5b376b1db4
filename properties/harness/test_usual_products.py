"""Long rows without what may be left out, products long in several axes, and any row as padding."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck.operations import operation_named
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES


@pytest.mark.parametrize(
    ("name", "least", "absent"),
    [
        ("layer_norm", {"c": 1_025, "has_weight": 1}, "has_bias"),
        ("layer_norm", {"batch_0": 1_025, "has_weight": 1}, "has_bias"),
        ("rms_norm", {"c": 1_025}, "has_weight"),
        ("rms_norm", {"batch_0": 1_025}, "has_weight"),
        ("linear", {"c": 513}, "has_bias"),
    ],
)
def test_long_rows_and_many_come_without_what_may_be_left_out(
    name: str, least: dict[str, int], absent: str
) -> None:
    plan = Plan(operation_named(name), profile=PROFILES["quick"], dtypes=["float32"])
    numbers = [case.geometry.numbers() for case in islice(plan, 60)]
    assert any(
        not each[absent] and all(each[key] >= size for key, size in least.items())
        for each in numbers
    )


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("linear", {"batch_0": 17, "c": 4, "o": 257}),
        ("linear", {"batch_1": 17, "c": 513, "o": 4}),
        ("embedding", {"batch_1": 17, "v": 1_025, "d": 4}),
        ("embedding", {"batch_0": 257, "v": 1_025, "d": 4, "padding_idx": 1}),
        ("embedding", {"batch_1": 65, "d": 64, "padding_idx": 2}),
    ],
)
def test_products_are_long_in_several_axes(name: str, least: dict[str, int]) -> None:
    plan = Plan(operation_named(name), profile=PROFILES["quick"], dtypes=["float32"])
    numbers = [case.geometry.numbers() for case in islice(plan, 60)]
    assert any(all(each[key] >= size for key, size in least.items()) for each in numbers)


class Embedding:
    """Rows of a table, with padding in one of them."""

    def forward(self, indices: Any, weight: Any, *, padding_idx: int | None = None) -> Any:
        return weight[indices], (indices, weight.shape, padding_idx)

    def row(self, padding_idx: int) -> int:
        return padding_idx

    def vjp(self, residuals: Any, y_bar: Any) -> Any:
        indices, shape, padding_idx = residuals
        weight_bar = np.zeros(shape, y_bar.dtype)
        np.add.at(weight_bar, indices, y_bar)
        if padding_idx is not None:
            weight_bar[self.row(padding_idx)] = 0
        return None, weight_bar


class PaddingIsFirst(Embedding):
    """The row of the padding is taken to be the first one."""

    def row(self, padding_idx: int) -> int:
        return 0


def agrees(kernel: Embedding) -> bool:
    subject = bpcheck.Subject(kernel.forward, kernel.vjp, operation="embedding")
    return bpcheck.check(subject, profile="quick", count=60).agrees


def test_padding_may_be_in_another_row_than_the_first() -> None:
    assert agrees(Embedding())
    assert not agrees(PaddingIsFirst())


@pytest.mark.parametrize("keys", [65, 129])
def test_an_attention_has_a_single_key_behind_its_last_block(keys: int) -> None:
    plan = Plan(
        operation_named("scaled_dot_product_attention"),
        profile=PROFILES["quick"],
        dtypes=["float32"],
    )
    numbers = [case.geometry.numbers() for case in islice(plan, 60)]
    assert any(
        each["s"] == keys and each["l"] > 1 and not (each["is_causal"] or each["has_attn_mask"])
        for each in numbers
    )
