"""Kernels that take a wrong short cut in some layers or for some cotangents: quick finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bpcheck.adapters import load
from bpcheck.arithmetic import Array
from bpcheck.cases import parse_case
from bpcheck.explain.faults import fault_named
from bpcheck.finding import Status
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from properties.harness.planting import reference

#: What a short cut looks at: operands, params and the cotangent.
Seen = SimpleNamespace


def is_3x3(seen: Seen, dilation: int = 1, channels: int = 16, least: int = 4) -> bool:
    """Whether Winograd is for it: dense, 3x3, many channels, a plane of several tiles."""
    return (
        seen.w.shape[2:] == (3, 3)
        and set(seen.stride) == {1}
        and set(seen.dilation) == {dilation}
        and seen.groups == 1
        and min(seen.w.shape[:2]) >= channels
        and min(seen.y_bar.shape[2:]) > least
    )


CONVOLUTIONS: dict[str, Callable[[Seen], bool]] = {
    "a batch counted in 8 bits": lambda seen: len(seen.x) > 255,
    "more samples than a workspace holds": lambda seen: len(seen.x) > 128,
    "input channels counted in 8 bits": lambda seen: seen.x.shape[1] > 256,
    "a block of 512 channels": lambda seen: seen.x.shape[1] > 512,
    "filters counted in 8 bits": lambda seen: len(seen.w) > 256,
    "a filter past shared memory": lambda seen: seen.w[0].size > 12_288,
    "an unrolled image past 8 MiB": lambda seen: (
        seen.x.shape[1] * np.prod(seen.w.shape[2:]) * np.prod(seen.y_bar.shape[2:]) > 2**20
    ),
    "five outputs for each channel": lambda seen: (
        seen.groups == seen.x.shape[1] > 1 and len(seen.w) > 4 * seen.groups
    ),
    "Winograd's bottom tile of three rows": lambda seen: (
        is_3x3(seen) and seen.y_bar.shape[2] % 4 == 3
    ),
    "Winograd's right tile of one column": lambda seen: (
        is_3x3(seen) and seen.y_bar.shape[3] % 6 == 1
    ),
    "a stem of three channels": lambda seen: (
        (seen.w.shape[1:], set(seen.stride), seen.groups) == ((3, 7, 7), {2}, 1)
        and len(seen.w) >= 8
    ),
    "a stem of an odd width": lambda seen: (
        (seen.w.shape[1:], set(seen.stride), set(seen.padding)) == ((3, 7, 7), {2}, {3})
        and seen.groups == 1
        and seen.x.shape[3] % 2 == 1
    ),
    "pointwise, strided along the width alone": lambda seen: (
        (seen.w.shape[2:], seen.groups) == ((1, 1), 1) and seen.stride[0] == 1 != seen.stride[1]
    ),
    "pointwise, a block of 32 filters and a half": lambda seen: (
        (seen.w.shape[2:], seen.groups, len(seen.w) % 32) == ((1, 1), 1, 16) and len(seen.w) > 32
    ),
    "depthwise 3x3, dilated": lambda seen: (
        (seen.w.shape[1:], seen.dilation) == ((1, 3, 3), (2, 2)) and seen.groups > 1
    ),
    "strips of rows": lambda seen: (
        is_3x3(seen, channels=1) and np.prod(seen.y_bar.shape[2:]) > 1_024
    ),
    "a large batch in two halves": lambda seen: (
        len(seen.x) % 2 == 1 < len(seen.x) and seen.x.size >= 2**18
    ),
    "32 channels in C order": lambda seen: (
        is_3x3(seen, channels=32, least=2) and seen.y_bar.flags.c_contiguous
    ),
    "Winograd's bottom tile in C order": lambda seen: (
        is_3x3(seen) and seen.y_bar.shape[2] % 4 == 2 and seen.y_bar.flags.c_contiguous
    ),
    "'same' of a dilated even kernel": lambda seen: (
        seen.padding == "same" and (3, 2) in zip(seen.dilation, seen.w.shape[2:], strict=True)
    ),
    "a cotangent of ones": lambda seen: (
        seen.y_bar.size > 1 and bool((seen.y_bar == 1).all()) and seen.w[0, 0].size > 1
    ),
    "a cotangent with one number": lambda seen: (
        np.count_nonzero(seen.y_bar) == 1 and seen.y_bar.size > 20
    ),
    "a cotangent with few numbers": lambda seen: (
        0 < np.count_nonzero(seen.y_bar) < 0.1 * seen.y_bar.size
    ),
    "one sample with a cotangent": lambda seen: (
        len(seen.x) > 2 and sum(each.any() for each in seen.y_bar) == 1
    ),
}

POOLS: dict[str, Callable[[Seen], bool]] = {
    "a window counted in 8 bits": lambda seen: bool(np.prod(seen.kernel_size) > 255),
    "the window of a long sentence": lambda seen: bool(np.prod(seen.kernel_size) > 512),
    "channels counted in 8 bits": lambda seen: seen.x.shape[1] > 256,
}


def with_short_cut(operation: str, wanted: Callable[[Seen], bool]) -> Subject:
    """A right kernel whose first gradient lacks a sign where the short cut is taken."""
    right = load(f"reference.{operation[:-2]}", operation=operation)

    def forward(x: Array, *others: Any, **params: Any) -> Any:
        y, residuals = right.forward(x, *others, **params)
        seen = SimpleNamespace(x=x.copy(), **params)
        if others:
            seen.w = others[0].copy()
        return y, (seen, residuals)

    def vjp(kept: Any, y_bar: Array) -> Any:
        seen, residuals = kept
        seen.y_bar = y_bar
        x_bar, *others = right.vjp(residuals, y_bar)
        return (-x_bar if x_bar.size and wanted(seen) else x_bar, *others)

    return replace(right, forward=forward, vjp=vjp, name="short cut")


@pytest.mark.parametrize(
    ("operation", "cut"),
    [
        *(("conv2d", cut) for cut in CONVOLUTIONS),
        *((operation, cut) for operation in ("max_pool1d", "avg_pool2d") for cut in POOLS),
    ],
)
def test_a_wrong_short_cut_is_found(operation: str, cut: str) -> None:
    wrong = with_short_cut(operation, {**CONVOLUTIONS, **POOLS}[cut])
    plan = Plan(wrong.operation, profile=PROFILES["quick"], dtypes=wrong.claims.dtypes)
    judged = (judge(wrong, case) for case in islice(plan, PROFILES["quick"].total(wrong.operation)))
    assert any(ruling.verdict.is_defect for each in judged for ruling in each.rulings)


def test_a_border_that_is_zeroed_once_is_found() -> None:
    borders: dict[Any, Array] = {}
    right = load("reference.conv", operation="conv2d")

    def forward(x: Array, w: Array, b: Array | None, *, padding: Any, **params: Any) -> Any:
        if padding == "same":
            return right.forward(x, w, b, padding=padding, **params)
        sides = tuple(i + 2 * p for i, p in zip(x.shape[2:], padding, strict=True))
        shape = (*x.shape[:2], *sides)
        kept = borders.setdefault((shape, x.dtype), np.zeros(shape, x.dtype))
        inside = tuple(slice(p, p + i) for i, p in zip(x.shape[2:], padding, strict=True))
        kept[:, :, inside[0], inside[1]] = x
        y, _ = right.forward(kept, w, b, padding=(0, 0), **params)
        return y, right.forward(x, w, b, padding=padding, **params)[1]

    wrong = replace(right, forward=forward, name="border")
    plan = Plan(wrong.operation, profile=PROFILES["quick"], dtypes=wrong.claims.dtypes)
    judged = (judge(wrong, case) for case in islice(plan, PROFILES["quick"].total(wrong.operation)))
    assert any(ruling.verdict.is_defect for each in judged for ruling in each.rulings)


def test_a_cotangent_of_one_sample_is_split_all_the_same() -> None:
    """Of one sample, "that sample" is all of it: the other part would be nothing but zeros."""
    wrong = fault_named("cotangent-of-zero-taken-for-the-largest").plant(reference("conv1d"))
    asked = 0
    for seed in range(120):
        case = parse_case(f"conv1d n1ic2iw9oc3kw2 f64 exact c-order seed={seed}")
        outcomes = judge(wrong, case, checks=["split cotangent"]).outcomes
        told = [each.status for each in outcomes if each.result == "x_bar"]
        asked += Status.PASSED in told or Status.FAILED in told
        assert Status.PASSED not in told, case
    assert asked >= 8
