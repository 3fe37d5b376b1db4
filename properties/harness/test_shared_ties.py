"""A maximum that shares its cotangent out among all winners is right, however its shares round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import bpcheck
from bpcheck import Subject
from bpcheck.cases import parse_case
from bpcheck.verdict import Verdict
from reference import conv

pytestmark = pytest.mark.verdicts


def forward(x: Any, *, kernel_size: Any, stride: Any) -> Any:
    (k,), (s,) = kernel_size, stride
    windows = sliding_window_view(x, k, axis=-1)[..., ::s, :]
    y = windows.max(axis=-1)
    wins = np.where(np.isnan(y)[..., None], np.isnan(windows), windows == y[..., None])
    return y, (x.shape, k, s, wins)


def shared(residuals: Any, y_bar: Any, *, factor: float = 1.0) -> Any:
    shape, k, s, wins = residuals
    shares = (wins / wins.sum(axis=-1, keepdims=True)).astype(y_bar.dtype) * y_bar[..., None]
    x_bar = np.zeros(shape, y_bar.dtype)
    for j in range(k):
        x_bar[..., j : j + s * y_bar.shape[-1] : s] += shares[..., j] * y_bar.dtype.type(factor)
    return (x_bar,)


CASES = [
    parse_case(f"max_pool1d n2ic2iw{i}kw{k} {dtype} {kind} c-order seed={seed}")
    for i, k in ((11, 5), (25, 25), (60, 49))
    for dtype in ("f64", "f32")
    for kind in ("ties", "special")
    for seed in range(12)
]


def test_shares_that_are_rounded_are_another_convention_and_no_defect() -> None:
    report = bpcheck.check(Subject(forward, shared, operation="max_pool1d"), cases=CASES)
    # Numbers that tie, and NaN that do.
    verdicts = {each.verdict for each in report.judgements}
    assert verdicts == {Verdict.CONVENTION, Verdict.NAN_ELSEWHERE}
    assert report.table["split cotangent"]["x_bar"].passed


def test_shares_beside_a_nan_that_equals_nothing_are_no_broken_linearity() -> None:
    def plain(x: Any, *, kernel_size: Any, stride: Any) -> Any:
        y, (shape, k, s, _) = forward(x, kernel_size=kernel_size, stride=stride)
        wins = sliding_window_view(x, k, axis=-1)[..., ::s, :] == y[..., None]
        return y, (shape, k, s, wins)

    def vjp(residuals: Any, y_bar: Any) -> Any:
        shape, k, s, wins = residuals
        # Nobody wins a window with NaN, and nothing is sent there.
        count = np.maximum(wins.sum(axis=-1, keepdims=True), 1)
        shares = np.where(wins, y_bar[..., None] / count.astype(y_bar.dtype), 0)
        x_bar = np.zeros(shape, y_bar.dtype)
        for j in range(k):
            x_bar[..., j : j + s * y_bar.shape[-1] : s] += shares[..., j].astype(y_bar.dtype)
        return (x_bar,)

    special = [case for case in CASES if case.values == "special"]
    report = bpcheck.check(Subject(plain, vjp, operation="max_pool1d"), cases=special)
    assert Verdict.NOT_LINEAR not in {each.verdict for each in report.judgements}
    assert report.table["split cotangent"]["x_bar"].passed


@pytest.mark.parametrize("factor", [1 - 1e-3, 1 + 1e-3])
def test_shares_that_are_not_all_of_it_are_a_defect(factor: float) -> None:
    def vjp(residuals: Any, y_bar: Any) -> Any:
        return shared(residuals, y_bar, factor=factor)

    report = bpcheck.check(Subject(forward, vjp, operation="max_pool1d"), cases=CASES)
    assert report.judgements[0].verdict is Verdict.BACKWARD_WRONG


def test_a_forward_that_raises_on_a_word_is_shown_the_word() -> None:
    def numbers(x: Any, w: Any, b: Any, *, padding: Any) -> Any:
        (p,) = padding
        return conv.forward(x, w, b, stride=(1,), padding=(p,), dilation=(1,), groups=1)

    subject = Subject(numbers, conv.vjp, operation="conv1d", supports=lambda params, shapes: True)
    case = parse_case("conv1d n1ic1iw4oc1kw2same1 f64 small")
    (judgement,) = bpcheck.check(subject, cases=[case]).judgements
    assert "; here with padding='same', which supports() may leave out" in str(judgement.findings)


def test_what_overflows_on_huge_values_is_not_told_as_unwritten_memory() -> None:
    def narrow(x: Any, w: Any, b: Any, **params: Any) -> Any:
        with np.errstate(all="ignore"):
            y, residuals = conv.forward(x, w, b, **params)
            return y.astype(np.float32).astype(x.dtype), residuals

    case = parse_case("conv1d n1ic1iw1oc1kw1bias0 f64 huge")
    subject = Subject(narrow, conv.vjp, operation="conv1d")
    told = str(bpcheck.check(subject, cases=[case]).judgements)
    assert "every operand is finite and no true result overflows" in told
    assert "small; look for memory" not in told
