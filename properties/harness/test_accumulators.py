"""A claimed accumulator: who says that sums are made in float32 is held to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, Verdict, parse_case
from bpcheck.runner import check_subject
from reference import avg_pool, conv

pytestmark = pytest.mark.verdicts

CASES = [
    parse_case(f"conv1d n2ic{channels}iw40oc2kw3 f16 real c-order seed={channels}")
    for channels in (16, 32, 64)
]
WIDE = Subject(
    forward=conv.forward,
    vjp=conv.vjp,
    operation="conv1d",
    dtypes=conv.DTYPES,
    accumulates="float32",
)


def narrow_b_bar(residuals: Any, y_bar: Any) -> Any:
    """The bias's gradient as a running sum in float16."""
    x_bar, w_bar, _ = conv.vjp(residuals, y_bar)
    return x_bar, w_bar, np.cumsum(np.moveaxis(y_bar, 1, 0).reshape(2, -1), 1, np.float16)[:, -1]


def test_the_reference_kernels_add_up_float16_in_float32() -> None:
    assert check_subject(WIDE, cases=CASES).verdict is Verdict.AGREES
    subject = Subject(
        forward=avg_pool.forward,
        vjp=avg_pool.vjp,
        operation="avg_pool2d",
        dtypes=("float16",),
        accumulates="float32",
    )
    assert check_subject(subject, count=60).verdict is Verdict.AGREES


def test_a_narrower_sum_than_claimed_is_wrong() -> None:
    report = check_subject(replace(WIDE, vjp=narrow_b_bar), cases=CASES)
    assert {judgement.result for judgement in report.judgements} == {"b_bar"}


def test_float32_is_asked_of_convolutions_without_a_claim_and_less_can_be_claimed() -> None:
    plain = replace(WIDE, vjp=narrow_b_bar).claiming(accumulates=None)
    (judgement,) = check_subject(plain, cases=CASES).judgements
    assert (judgement.verdict, judgement.result) == (Verdict.LOST_PRECISION, "b_bar")
    assert "explained only by sums in float16" in judgement.because
    assert 'ACCUMULATES = "float16"' in judgement.because
    claimed = plain.claiming(accumulates="float16")
    assert check_subject(claimed, cases=CASES).verdict is Verdict.AGREES


def cut(array: Any) -> Any:
    """Float16 by cutting bits off in place of rounding."""
    bits = np.asarray(array, np.float32).view(np.uint32) & np.uint32(0xFFFFE000)
    return bits.view(np.float32).astype(np.float16)


def cut_w_bar(residuals: Any, y_bar: Any) -> Any:
    """Gradients from float32, w_bar cut to float16."""
    operands, params = residuals
    wide: Any = [each if each is None else each.astype(np.float32) for each in operands]
    bars = conv.vjp(conv.forward(*wide, **params)[1], y_bar.astype(np.float32))
    ways: Any = (np.float16, cut, np.float16)
    return tuple(way(bar) if bar is not None else None for way, bar in zip(ways, bars, strict=True))


def keeps_operands(x: Any, w: Any, b: Any, **params: Any) -> Any:
    return conv.forward(x, w, b, **params)[0], ((x, w, b), params)


def test_cutting_bits_off_in_place_of_rounding_is_lost_precision() -> None:
    subject = Subject(keeps_operands, cut_w_bar, "conv1d", dtypes=("float16",))
    (judgement,) = check_subject(subject, cases=CASES).judgements
    assert (judgement.verdict, judgement.result) == (Verdict.LOST_PRECISION, "w_bar")


def overlapping(residuals: Any, y_bar: Any) -> Any:
    """The gradient of a maximum, its windows added up one after the other in the narrow type."""
    x, (k,) = residuals
    x_bar = np.zeros_like(x)
    for place in range(y_bar.shape[-1]):
        won = x[..., place : place + k].argmax(-1)[..., None] + place
        given = np.take_along_axis(x_bar, won, -1) + y_bar[..., place, None]
        np.put_along_axis(x_bar, won, given, -1)
    return (x_bar,)


def maxima(x: Any, *, kernel_size: Any, stride: Any) -> Any:
    assert stride == (1,)
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel_size[0], -1)
    return windows.max(-1), (x, kernel_size)


@pytest.mark.parametrize("claimed", [None, "float16", "float32"])
def test_narrow_sums_of_overlapping_windows_are_a_note_unless_wider_ones_are_claimed(
    claimed: str | None,
) -> None:
    subject = Subject(maxima, overlapping, "max_pool1d", dtypes=("f16",), accumulates=claimed)
    cases = [
        parse_case(f"max_pool1d n2ic3iw60kw25sw1 f16 real c-order seed={seed}") for seed in range(3)
    ]
    judgements = check_subject(subject, cases=cases).judgements
    expected = {None: {Verdict.NARROW_SUMS}, "float16": set(), "float32": {Verdict.LOST_PRECISION}}
    # What narrow sums explain is no tie, though float16 has few numbers and many cells are equal.
    assert {each.verdict for each in judgements} == expected[claimed]
