"""Formulas that are equal in exact arithmetic, and round elsewhere: all of them are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import bpcheck
from bpcheck.cases import parse_case
from bpcheck.checks import Trial
from bpcheck.checks.rounding import check_rounding
from bpcheck.operations.declared.noise import spread
from bpcheck.operations.declared.rounding import honest_error
from bpcheck.operations.declared.tape import record

ROW = np.random.default_rng(3).standard_normal(4_096).astype(np.float32)


def applied(function: Any, *given: Any) -> Any:
    return function.apply(*given)


class AttentionByDelta(torch.autograd.Function):
    """The sum over a row of weights times their cotangent, by way of the output."""

    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any, allowed: Any) -> Any:
        ctx.scale = query.shape[-1] ** -0.5
        scores = (query @ key.mT * ctx.scale).masked_fill(~allowed, -torch.inf)
        weights = scores.softmax(-1)
        y = weights @ value
        ctx.save_for_backward(query, key, value, weights, y)
        return y

    @staticmethod
    def backward(ctx: Any, y_bar: Any) -> Any:
        query, key, value, weights, y = ctx.saved_tensors
        delta = (y_bar * y).sum(-1, keepdim=True)
        scores_bar = weights * (y_bar @ value.mT - delta) * ctx.scale
        return scores_bar @ key, scores_bar.mT @ query, weights.mT @ y_bar, None


def attention(query: Any, key: Any, value: Any, attn_mask: Any, *, is_causal: bool) -> Any:
    allowed = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool)
    if attn_mask is not None:
        allowed = attn_mask
    return applied(AttentionByDelta, query, key, value, allowed.tril() if is_causal else allowed)


class SoftmaxInTurn(torch.autograd.Function):
    """A softmax whose backward adds up a row from its first number to its last."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.y = functional.softmax(x, -1)
        return ctx.y.clone()

    @staticmethod
    def backward(ctx: Any, y_bar: Any) -> Any:
        total = torch.zeros_like(y_bar[..., 0])
        for each in (y_bar * ctx.y).unbind(-1):
            total = total + each
        return ctx.y * (y_bar - total[..., None])


def softmax(x: Any, *, dim: int = -1) -> Any:
    return applied(SoftmaxInTurn, x)


@pytest.mark.parametrize(
    ("kernel", "text"),
    [
        # What two sums of the same have in common cancels, and their roundings do not.
        (
            attention,
            (
                "scaled_dot_product_attention l=2 e=3 s=2 v=4 batch=7,7 is_causal=True "
                "attn_mask=none draws=62158 f64 rows query:one-memory,key:one-memory,"
                "value:one-memory,y_bar:broadcast seed=49"
            ),
        ),
        (
            attention,
            (
                "scaled_dot_product_attention l=37 e=3 s=1 v=29 batch=7 is_causal=True "
                "attn_mask=none draws=60893 f64 far c-order seed=29"
            ),
        ),
        # Sums of equal numbers are rounded to the same side again and again.
        (
            softmax,
            (
                "softmax c=1024 batch=- dim=-1 f32 far x:broadcast-batch,y_bar:broadcast-batch "
                "seed=1000069"
            ),
        ),
    ],
)
def test_a_formula_that_rounds_elsewhere_is_right(kernel: Any, text: str) -> None:
    case = parse_case(text)
    subject = bpcheck.adapters.torch(kernel, operation=case.operation, dtypes=[case.dtype])
    assert {str(each.status) for each in check_rounding(Trial(subject, case))} == {"passed"}


class Flash:
    """An attention that makes its weights anew, with the scale at another factor."""

    def forward(
        self, query: Any, key: Any, value: Any, attn_mask: Any, *, is_causal: bool = False
    ) -> Any:
        scale = query.dtype.type(query.shape[-1] ** -0.5)
        hidden = np.where(attn_mask, query.dtype.type(0), -np.inf)
        scores = (query * scale) @ key.swapaxes(-1, -2) + hidden
        largest = scores.max(-1, keepdims=True)
        total = np.exp(scores - largest).sum(-1, keepdims=True)
        y = np.exp(scores - largest) @ value / total
        return y, (query, key, value, scale, hidden - largest - np.log(total), y)

    def vjp(self, residuals: Any, y_bar: Any) -> Any:
        query, key, value, scale, shift, y = residuals
        weights = np.exp(query @ key.swapaxes(-1, -2) * scale + shift)
        delta = (y_bar * y).sum(-1, keepdims=True)
        scores_bar = weights * (y_bar @ value.swapaxes(-1, -2) - delta)
        key_bar = scores_bar.swapaxes(-1, -2) @ (query * scale)
        return scores_bar @ key * scale, key_bar, weights.swapaxes(-1, -2) @ y_bar, None


def test_what_is_computed_of_equal_rows_may_be_off_alike_in_all() -> None:
    layout = "query:broadcast-batch,key:broadcast-all,value:broadcast-all,y_bar:broadcast-batch"
    case = parse_case(
        "scaled_dot_product_attention l=44 e=32 s=1 v=6 batch=- is_causal=False draws=64729 f64 "
        f"rows {layout} seed=1000066"
    )
    kernel = Flash()
    subject = bpcheck.Subject(kernel.forward, kernel.vjp, operation=case.operation)
    assert {str(each.status) for each in check_rounding(Trial(subject, case))} == {"passed"}


@pytest.mark.parametrize("row", [np.sort(ROW), np.full_like(ROW, 0.1)], ids=["sorted", "equal"])
def test_a_row_may_be_added_up_as_it_lies(row: Any) -> None:
    total = np.float32(0)
    for each in row:
        total += each
    wide = row.astype(np.float64)
    y_bar = torch.ones((), dtype=torch.float64)
    tape = record(lambda tensors: tensors["x"].sum(-1), {"x": torch.tensor(wide)}, y_bar)
    arrays = {"x": wide, "y_bar": y_bar.numpy()}
    moved, size = spread(tape, arrays, 2.0**-24, 2.0**-24)["y"]
    assert abs(float(total) - wide.sum()) <= honest_error(moved, size, 2.0**-24)


@bpcheck.operation("x: n c l", params={"size": range(1, 33), "align_corners": [False, True]})
def interpolated(x: Any, *, size: int, align_corners: bool) -> Any:
    return functional.interpolate(x, size, mode="linear", align_corners=align_corners)


class Interpolated:
    """Linear interpolation by a matrix; each place is computed by `place`."""

    def __init__(self, place: Any):
        self.place = place

    def forward(self, x: Any, *, size: int, align_corners: bool) -> Any:
        length, steps = x.shape[-1], np.arange(size)
        places = self.place(steps, length, size)
        left = np.minimum(places.astype(int), length - 1)
        right, share = np.minimum(left + 1, length - 1), places - left
        matrix = np.zeros((size, length))
        np.add.at(matrix, (steps, left), 1 - share)
        np.add.at(matrix, (steps, right), share)
        return (x @ matrix.T).astype(x.dtype), matrix

    def vjp(self, matrix: Any, y_bar: Any) -> Any:
        return ((y_bar @ matrix).astype(y_bar.dtype),)


def _told(place: Any, text: str) -> bool:
    kernel = Interpolated(place)
    subject = bpcheck.Subject(kernel.forward, kernel.vjp, operation=interpolated)
    case = parse_case(f"{interpolated.address} {text}")
    return any(each.finding for each in check_rounding(Trial(subject, case)))


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize(("length", "size"), [(29, 7), (7, 29), (13, 5), (11, 31)])
@pytest.mark.parametrize(
    "place",
    [
        lambda steps, length, size: steps * (length - 1) / (size - 1),
        lambda steps, length, size: steps * ((length - 1) / (size - 1)),
        lambda steps, length, size: np.linspace(0, length - 1, size),
        # An ulp before a cell, and behind it.
        lambda steps, length, size: steps * ((length - 1) / (size - 1)) * (1 - 2.0**-52),
    ],
    ids=["quotient", "step", "linspace", "before"],
)
def test_a_place_may_round_to_the_other_side_of_a_cell(
    place: Any, length: int, size: int, dtype: str
) -> None:
    text = f"n=2 c=3 l={length} size={size} align_corners=True {dtype} real c-order seed=1"
    assert not _told(place, text)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_a_place_that_is_off_by_more_is_told(dtype: str) -> None:
    text = f"n=2 c=3 l=29 size=7 align_corners=True {dtype} real c-order seed=1"
    off = 2.0**-12 if dtype == "f32" else 2.0**-40
    assert _told(lambda steps, length, size: steps * ((length - 1) / (size - 1)) * (1 - off), text)
