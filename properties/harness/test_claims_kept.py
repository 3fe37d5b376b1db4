"""What a claim leaves out is not held against a subject; all else is, and so is a broken claim."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import bpcheck
from bpcheck import Subject
from bpcheck.cases import parse_case
from bpcheck.checks.claims import unclaimed
from bpcheck.planning.beyond import KINDS
from bpcheck.verdict import Report, Verdict
from reference import conv

pytestmark = pytest.mark.verdicts

PLAIN = "conv2d n1ic1ih4iw4oc1kh2kw2"
COUNT, MANY = 60, 130


def reference(**words: Any) -> Subject:
    return Subject(conv.forward, conv.vjp, operation="conv2d", name="mine", **words)


def anything(*_operands: Any, **_params: Any) -> Any:
    """A forward that takes all params there are."""


def verdicts(report: Report) -> set[Verdict]:
    return {each.verdict for each in report.judgements if each.verdict.is_defect}


@pytest.mark.parametrize(
    ("words", "case", "why"),
    [
        ({"dtypes": ("float32",)}, PLAIN, "float64 is not among the dtypes claimed"),
        ({"empty": False}, "conv2d n0ic1ih4iw4oc1kh2kw2", "empty batches"),
        ({"nan": False}, f"{PLAIN} f64 special", "NaN"),
        ({"subnormals": False}, f"{PLAIN} f32 tiny", "subnormals"),
        (
            {"layouts": ("fortran",)},
            f"{PLAIN} f32 exact x:fortran,w:negative",
            "layouts other than c-order and fortran",
        ),
        ({"square_kernels": True}, "conv2d n1ic1ih4iw4oc1kh2kw3", "kernels of unequal sides"),
        ({"equal_strides": True}, "conv2d n1ic1ih4iw4oc1kh2kw2sh2", "unequal strides"),
        ({"dilation": False}, "conv2d n1ic1ih4iw4oc1kh2kw2dh2", "dilation > 1"),
    ],
)
def test_what_a_claim_leaves_out_is_not_claimed(words: Any, case: str, why: str) -> None:
    subject = reference(**words)
    assert unclaimed(subject, parse_case(case)) == why
    assert unclaimed(reference(), parse_case(case)) == ""
    assert unclaimed(subject, parse_case(f"{PLAIN} f32 exact x:fortran")) == ""


def test_dilation_is_left_out_of_pools_too_and_means_nothing_where_there_is_none() -> None:
    dilated = parse_case("max_pool1d n1ic1iw5kw2dw2")
    pool = Subject(anything, print, operation="max_pool1d", dilation=False, square_kernels=True)
    assert unclaimed(pool, dilated) == "dilation > 1"
    average = Subject(anything, print, operation="avg_pool2d", dilation=False)
    assert unclaimed(average, parse_case("avg_pool2d n1ic1ih5iw5kh2kw2sh2")) == ""


def raises_on_empty(x: Any, *operands: Any, **params: Any) -> Any:
    if not len(x):
        raise IndexError("no sample")
    return conv.forward(x, *operands, **params)


def drops_nan(x: Any, *operands: Any, **params: Any) -> Any:
    return conv.forward(np.where(np.isfinite(x), x, 0), *operands, **params)


def flushes(x: Any, *operands: Any, **params: Any) -> Any:
    return conv.forward(np.where(abs(x) < np.finfo(x.dtype).tiny, 0, x), *operands, **params)


def reads_memory(x: Any, *operands: Any, **params: Any) -> Any:
    # As a kernel in C does that is handed a pointer and a shape.
    flat = x.T.reshape(x.shape) if x.flags.f_contiguous and not x.flags.c_contiguous else x
    return conv.forward(flat, *operands, **params)


def first_stride(x: Any, w: Any, b: Any, *, stride: Any, **params: Any) -> Any:
    return conv.forward(x, w, b, stride=(stride[0],) * 2, **params)


def ignores_dilation(x: Any, w: Any, b: Any, *, dilation: Any, **params: Any) -> Any:
    return conv.forward(x, w, b, dilation=(1, 1), **params)


def square_only(x: Any, w: Any, b: Any, **params: Any) -> Any:
    side = min(w.shape[2:])
    return conv.forward(x, w[..., :side, :side], b, **params)


@pytest.mark.parametrize(
    ("forward", "claims"),
    [
        (raises_on_empty, {"empty": False}),
        (drops_nan, {"nan": False}),
        (flushes, {"subnormals": False}),
        (reads_memory, {"layouts": ("channels-last", "sliced", "strided", "negative")}),
        (first_stride, {"equal_strides": True}),
        (ignores_dilation, {"dilation": False}),
        (square_only, {"square_kernels": True}),
    ],
)
def test_who_is_wrong_there_alone_agrees_with_the_claim_and_not_without(
    forward: Callable[..., Any], claims: dict[str, Any]
) -> None:
    plain = Subject(forward, conv.vjp, operation="conv2d")
    dtypes = ["float32"]
    bpcheck.assert_agrees(plain, count=MANY, dtypes=dtypes, claims=claims)
    (word,) = claims
    default = getattr(bpcheck.Claims(), word)
    # Stated out loud, it is the same as said nowhere, or what only who states it is held to.
    all_of_it = {word: True if word in KINDS.values() else default}
    report = bpcheck.check(plain, count=MANY, dtypes=dtypes, claims=all_of_it)
    assert verdicts(report)


class RefusalError(ValueError):
    """A user's own exception."""


def refuses_even(x: Any, w: Any, b: Any, **params: Any) -> Any:
    if w.shape[-1] % 2 == 0:
        raise RefusalError("odd kernels only")
    return conv.forward(x, w, b, **params)


def refuses_in_vjp(residuals: Any, y_bar: Any) -> Any:
    if y_bar.shape[-1] % 2 == 0:
        raise RefusalError("odd widths only")
    return conv.vjp(residuals, y_bar)


@cache
def without_a_claim(forward: Any, vjp: Any) -> Report:
    """What is found in one whose refusals nothing declares: once for all ways to declare them."""
    return bpcheck.check(Subject(forward, vjp, operation="conv2d"), count=COUNT)


@pytest.mark.parametrize(
    "refusal", [RefusalError, ValueError, "RefusalError", "ValueError", f"{__name__}.RefusalError"]
)
@pytest.mark.parametrize(
    ("forward", "vjp", "said"),
    [
        (refuses_even, conv.vjp, "odd kernels only"),
        (conv.forward, refuses_in_vjp, "odd widths only"),
    ],
)
def test_a_claimed_exception_refuses_a_case_in_forward_and_vjp(
    forward: Any, vjp: Any, said: str, refusal: Any
) -> None:
    assert verdicts(without_a_claim(forward, vjp)) == {Verdict.RAISES}
    subject = Subject(forward, vjp, operation="conv2d")
    report = bpcheck.check(subject, count=COUNT, claims={"refuses": (refusal,)})
    assert report.agrees
    name = refusal if isinstance(refusal, str) else refusal.__name__
    assert report.reasons[f"{name}: {said}"] == report.left_out[f"{name}: {said}"] > 0


@pytest.mark.parametrize("words", [{"refuses": (TypeError, "LookupError")}, {}])
def test_another_exception_than_the_claimed_ones_is_a_defect(words: Any) -> None:
    subject = Subject(refuses_even, conv.vjp, operation="conv2d", **words)
    assert verdicts(bpcheck.check(subject, count=COUNT)) == {Verdict.RAISES}


def test_who_states_what_is_supported_may_not_refuse_it() -> None:
    subject = Subject(
        refuses_even,
        conv.vjp,
        operation="conv2d",
        refuses=(RefusalError,),
        supports=lambda params, shapes: True,
    )
    assert verdicts(bpcheck.check(subject, count=COUNT)) == {Verdict.RAISES}


def strided_numpy(x: Any, w: Any, b: Any, *, stride: Any) -> Any:
    return conv.forward(x, w, b, stride=stride, padding=(0, 0), dilation=(1, 1), groups=1)


def strided_torch(x: Any, w: Any, b: Any, stride: Any) -> Any:
    return functional.conv2d(x, w, b, stride)


def by_position(x: Any, w: Any, b: Any, s: Any) -> Any:
    return functional.conv2d(x, w, b, s)


def unbiased(x: Any, w: Any, stride: Any) -> Any:
    return functional.conv2d(x, w, None, stride)


def taking_a_stride() -> dict[str, Subject]:
    return {
        "NumPy": Subject(strided_numpy, conv.vjp, operation="conv2d"),
        "torch": bpcheck.adapters.torch(strided_torch, operation="conv2d"),
        "by position": bpcheck.adapters.torch(by_position, operation="conv2d"),
    }


@pytest.mark.parametrize("style", ["NumPy", "torch", "by position"])
def test_a_param_without_a_place_is_never_held_against_who_supports_all(style: str) -> None:
    subject = taking_a_stride()[style].claiming(supports=lambda params, shapes: True)
    dilated, grouped = (f"conv2d n1ic2ih5iw5oc2kh2kw2{each}" for each in ("dh2dw2", "g2"))
    assert unclaimed(subject, parse_case(dilated)) == "forward takes no dilation"
    assert unclaimed(subject, parse_case(grouped.replace("n1", ""))) == "forward takes no groups"
    assert unclaimed(subject, parse_case("conv2d n1ic1ih5iw5oc1kh2kw2sh2sw3")) == ""
    report = bpcheck.check(subject, count=COUNT)
    assert report.agrees, report.judgements
    assert {"padding", "dilation", "groups"} <= set(report.left_out)


def test_what_a_torch_function_refuses_although_it_supports_it_is_a_defect() -> None:
    def refuses(x: Any, w: Any, b: Any, stride: Any) -> Any:
        if stride[0] > 1:
            raise NotImplementedError("stride 1 only")
        return functional.conv2d(x, w, b, stride)

    subject = bpcheck.adapters.torch(refuses, operation="conv2d")
    assert bpcheck.check(subject, count=COUNT).agrees
    stated = subject.claiming(supports=lambda params, shapes: True)
    assert verdicts(bpcheck.check(stated, count=COUNT)) == {Verdict.RAISES}


def test_an_operand_without_a_place_is_not_claimed_where_it_is_there() -> None:
    subject = bpcheck.adapters.torch(unbiased, operation="conv2d")
    subject = subject.claiming(supports=lambda params, shapes: True)
    assert unclaimed(subject, parse_case(PLAIN)) == "forward takes no b"
    assert unclaimed(subject, parse_case(f"{PLAIN}bias0")) == ""


def test_claims_of_a_function_of_torch_stand_at_it_and_at_its_class() -> None:
    class Mine(torch.autograd.Function):
        EMPTY = False
        REFUSES = ("ValueError",)

    for target in (Mine, Mine.apply):
        claims = bpcheck.adapters.STYLES["torch"](
            target, operation=reference().operation, name="mine", dtypes=("float32",)
        ).claims
        assert claims == bpcheck.Claims(dtypes=("float32",), empty=False, refuses=("ValueError",))


RNG = np.random.default_rng(0)


def windows(x: Any, *, kernel_size: Any, stride: Any) -> Any:
    """The forward of an average pool."""
    (k,), (s,) = kernel_size, stride
    view = np.lib.stride_tricks.sliding_window_view(x, k, axis=-1)[..., ::s, :]
    return view.mean(axis=-1), (x.shape, k, s)


def in_any_order(residuals: Any, y_bar: Any) -> Any:
    """Its vjp, which adds up the taps in another order each time, as atomics do."""
    shape, k, s = residuals
    x_bar = np.zeros(shape, y_bar.dtype)
    for j in RNG.permutation(k):
        x_bar[..., j : j + s * y_bar.shape[-1] : s] += y_bar * y_bar.dtype.type(1 / k)
    return (x_bar,)


class Counting:
    """In every fifth call one number is off by more than another order of summation explains."""

    def __init__(self) -> None:
        self.calls = 0

    def vjp(self, residuals: Any, y_bar: Any) -> Any:
        self.calls += 1
        (x_bar,) = in_any_order(residuals, y_bar)
        if self.calls % 5 == 0 and x_bar.size:
            x_bar.flat[0] += 1
        return (x_bar,)


def test_sums_in_any_order_are_wrong_for_who_claims_determinism_alone() -> None:
    subject = Subject(windows, in_any_order, operation="avg_pool1d")
    values = ("f32 real", "f32 exact", "f64 real")
    text = "avg_pool1d n2ic3iw40kw7sw1 {} c-order seed={}"
    cases = [parse_case(text.format(kind, seed)) for kind in values for seed in range(8)]
    claimed = bpcheck.check(subject, cases=cases, claims={"deterministic": True})
    assert Verdict.NOT_DETERMINISTIC in verdicts(claimed)
    assert "determinism" in claimed.claimed
    report = bpcheck.check(subject, cases=cases)
    assert report.agrees, report.judgements
    assert [each.verdict for each in report.judgements] == [Verdict.UNORDERED]


def test_what_no_order_of_summation_explains_is_found_without_that_claim_too() -> None:
    subject = Subject(windows, Counting().vjp, operation="avg_pool1d", deterministic=False)
    report = bpcheck.check(subject, count=COUNT)
    assert Verdict.NOT_DETERMINISTIC in verdicts(report)


def test_state_between_calls_is_found_without_that_claim_too() -> None:
    kept: list[Any] = []

    def forward(*operands: Any, **params: Any) -> Any:
        y, residuals = conv.forward(*operands, **params)
        kept[:] = [residuals]
        return y, None

    def vjp(_: None, y_bar: Any) -> Any:
        return conv.vjp(kept[0], y_bar)

    subject = Subject(forward, vjp, operation="conv2d", deterministic=False)
    report = bpcheck.check(subject, count=COUNT, dtypes=["float32"])
    assert Verdict.KEEPS_STATE in verdicts(report)
