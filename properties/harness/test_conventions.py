"""Conventions are one note each, whatever they touch, and a defect only where claimed otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck import Subject, Verdict, parse_case
from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases import Case
from bpcheck.checks.batch import NAME as BATCH
from bpcheck.report import report_text
from bpcheck.verdict import Judgement, Report
from reference import avg_pool, conv, max_pool


def cases(text: str, *kinds: str, seeds: int = 6) -> list[Case]:
    """The geometry of `text` with each dtype and kind of values, on a few seeds."""
    return [parse_case(f"{text} {kind} c-order seed={s}") for kind in kinds for s in range(seeds)]


def the_only(report: Report) -> Judgement:
    (judgement,) = report.judgements
    return judgement


def last_line(report: Report) -> str:
    return report_text(report, width=1000).splitlines()[-1].strip()


def flushed(array: Array | None) -> Any:
    """As processors do that are told to: zeros for what is subnormal."""
    if array is None:
        return None
    form = FORMATS[array.dtype.name]
    normal = 2.0 ** (form.bits - 1) * form.tiniest
    return np.where(np.abs(array) < normal, array.dtype.type(0), array)


def flushing(kernel: Any, operation: str, **claims: Any) -> Subject:
    def forward(*operands: Any, **params: Any) -> Any:
        y, residuals = kernel.forward(*map(flushed, operands), **params)
        return flushed(y), residuals

    def vjp(residuals: Any, y_bar: Array) -> Any:
        return tuple(map(flushed, kernel.vjp(residuals, flushed(y_bar))))

    return Subject(forward, vjp, operation, **claims)


TINY = {
    "conv2d": cases("conv2d n2ic2ih5iw6oc3kh3kw2", "f32 tiny", "f64 tiny", "f32 exact"),
    "avg_pool2d": cases("avg_pool2d n1ic2ih6iw7kh3kw3", "f32 tiny", "f64 tiny", "f32 exact"),
    "max_pool2d": cases("max_pool2d n1ic2ih6iw7kh3kw3", "f32 tiny", "f64 tiny", "f32 exact"),
}
KERNELS = {"conv2d": conv, "avg_pool2d": avg_pool, "max_pool2d": max_pool}


@pytest.mark.parametrize("operation", TINY)
def test_flushed_subnormals_are_one_note_of_all_results(operation: str) -> None:
    subject = flushing(KERNELS[operation], operation)
    report = bpcheck.check(subject, cases=TINY[operation])
    note = the_only(report)
    assert note.verdict is Verdict.FLUSHES
    assert {note.result, *note.also} == {"y", *(f"{n}_bar" for n in subject.operation.operands)}
    assert report.exit_code == 0
    assert last_line(report).startswith("AGREES in 18 cases, with 1 note (flushes subnormals to")


@pytest.mark.verdicts
@pytest.mark.parametrize("operation", TINY)
def test_who_claims_subnormals_may_not_flush_them(operation: str) -> None:
    subject = flushing(KERNELS[operation], operation, subnormals=True)
    report = bpcheck.check(subject, cases=TINY[operation])
    assert report.exit_code == 1
    assert Verdict.FLUSHES not in {each.verdict for each in report.judgements}


def below(threshold: float) -> Callable[[Any, Array], Any]:
    def vjp(residuals: Any, y_bar: Array) -> Any:
        large = np.abs(y_bar) >= threshold
        return conv.vjp(residuals, np.where(large, y_bar, y_bar.dtype.type(0)))

    return vjp


@pytest.mark.verdicts
def test_a_threshold_above_the_subnormals_is_no_convention() -> None:
    subject = Subject(conv.forward, below(1e-30), "conv2d")
    report = bpcheck.check(subject, cases=TINY["conv2d"][:6])
    assert report.exit_code == 1
    assert Verdict.FLUSHES not in {each.verdict for each in report.judgements}


def test_a_convention_hides_no_other_defect() -> None:
    def vjp(residuals: Any, y_bar: Array) -> Any:
        x_bar, w_bar, b_bar = map(flushed, conv.vjp(residuals, flushed(y_bar)))
        w_bar[..., 0] = 0
        return x_bar, w_bar, b_bar

    report = bpcheck.check(Subject(conv.forward, vjp, "conv2d"), cases=TINY["conv2d"])
    assert (report.judgements[0].verdict, report.judgements[0].result) == (
        Verdict.BACKWARD_WRONG,
        "w_bar",
    )
    assert last_line(report).startswith("BACKWARD WRONG. 1 defect.")


# NaN in a maximum.


def windows(x: Array, kernel_size: Any, stride: Any) -> Array:
    (k,), (s,) = kernel_size, stride
    return np.lib.stride_tricks.sliding_window_view(x, k, -1)[..., ::s, :]


def passing_over(x: Array, *, kernel_size: Any, stride: Any) -> Any:
    """A maximum by ``value > best``: NaN never wins."""
    numbers = np.where(np.isnan(x), -np.inf, x).astype(x.dtype)
    return windows(numbers, kernel_size, stride).max(-1), (numbers, kernel_size, stride)


def first_maximum(residuals: Any, y_bar: Array) -> Any:
    numbers, (k,), (s,) = residuals
    x_bar = np.zeros_like(numbers)
    for place in range(y_bar.shape[-1]):
        won = numbers[..., place * s : place * s + k].argmax(-1)[..., None] + place * s
        given = np.take_along_axis(x_bar, won, -1) + y_bar[..., place, None]
        np.put_along_axis(x_bar, won, given, -1)
    return (x_bar,)


def propagating(x: Array, *, kernel_size: Any, stride: Any) -> Any:
    return windows(x, kernel_size, stride).max(-1), (x, kernel_size, stride)


def first_equal(residuals: Any, y_bar: Array) -> Any:
    """A winner by ``x == max``: none is where that is NaN."""
    x, (k,), (s,) = residuals
    x_bar = np.zeros_like(x)
    for place in range(y_bar.shape[-1]):
        window = x[..., place * s : place * s + k]
        equal = window == window.max(-1, keepdims=True)
        first = equal & (np.cumsum(equal, -1) == 1)
        x_bar[..., place * s : place * s + k] += first * y_bar[..., place, None]
    return (x_bar,)


def lost_beside(residuals: Any, y_bar: Array) -> Any:
    """The same, with one window's cotangent lost wherever there is NaN in the array."""
    x, *_ = residuals
    (x_bar,) = first_equal(residuals, y_bar)
    return (np.where(np.isnan(x).any(), 0, x_bar).astype(x.dtype),)


SPECIAL = cases("max_pool1d n2ic3iw19kw3sw2", "f32 special", "f32 exact", "f64 special", seeds=8)


@pytest.mark.parametrize(
    ("forward", "vjp"),
    [(passing_over, first_maximum), (propagating, first_equal)],
    ids=["passed over", "equal to no maximum"],
)
def test_where_nan_goes_in_a_maximum_is_one_note_and_held_to_torch_by_a_claim(
    forward: Any, vjp: Any
) -> None:
    subject = Subject(forward, vjp, "max_pool1d")
    report = bpcheck.check(subject, cases=SPECIAL)
    assert the_only(report).verdict is Verdict.NAN_ELSEWHERE
    assert report.exit_code == 0
    assert bpcheck.check(subject, cases=SPECIAL, claims={"nan": True}).exit_code == 1
    assert bpcheck.check(subject, cases=SPECIAL, claims={"nan": False}).judgements == ()


def test_a_gradient_that_is_lost_beside_nan_is_no_convention() -> None:
    report = bpcheck.check(Subject(propagating, lost_beside, "max_pool1d"), cases=SPECIAL)
    assert report.exit_code == 1


# Wider dtypes.


def zeros_of_double(residuals: Any, y_bar: Array) -> Any:
    shape, k, s = residuals
    x_bar = np.zeros(shape)
    for j in range(k):
        x_bar[..., j : j + s * y_bar.shape[-1] : s] += y_bar / k
    return (x_bar,)


def mean(x: Array, *, kernel_size: Any, stride: Any) -> Any:
    y = windows(x, kernel_size, stride).sum(-1) / x.dtype.type(kernel_size[0])
    return y, (x.shape, kernel_size[0], stride[0])


MEANS = cases("avg_pool1d n2ic3iw19kw3sw2", "f32 real", "f32 exact", "f64 exact", "f32 huge")


def test_a_wider_dtype_is_a_note_with_its_remedy_and_judged_on_its_values() -> None:
    subject = Subject(mean, zeros_of_double, "avg_pool1d")
    report = bpcheck.check(subject, cases=MEANS)
    note = the_only(report)
    assert (note.verdict, note.result, note.failing) == (Verdict.WIDER, "x_bar", 18)
    assert "np.zeros(shape, x.dtype)" in note.because
    assert 'DTYPES = ("float64",)' in note.because
    assert last_line(report).startswith("AGREES in 24 cases, with 1 note (returns a wider dtype)")

    def twice(residuals: Any, y_bar: Array) -> Any:
        return (2 * zeros_of_double(residuals, y_bar)[0],)

    wrong = bpcheck.check(Subject(mean, twice, "avg_pool1d"), cases=MEANS)
    assert wrong.judgements[0].verdict is Verdict.BACKWARD_WRONG


def test_a_wider_dtype_is_a_defect_where_somebody_named_the_dtypes() -> None:
    subject = Subject(mean, zeros_of_double, "avg_pool1d")
    named = subject.claiming(dtypes=("float64", "float32"))
    assert the_only(bpcheck.check(named, cases=MEANS)).verdict is Verdict.CONTRACT_BROKEN
    asked = bpcheck.check(subject, count=20, dtypes=["float32"])
    assert the_only(asked).verdict is Verdict.CONTRACT_BROKEN
    assert bpcheck.check(subject, count=20, claims={"dtypes": ["float64"]}).judgements == ()


def test_a_narrower_dtype_is_a_defect_whatever_was_named() -> None:
    def narrow(residuals: Any, y_bar: Array) -> Any:
        return (zeros_of_double(residuals, y_bar)[0].astype(np.float32),)

    report = bpcheck.check(Subject(mean, narrow, "avg_pool1d"), cases=MEANS)
    assert the_only(report).verdict is Verdict.CONTRACT_BROKEN


# The batch that a sample is in.

ALONE = cases("avg_pool1d n3ic2iw30kw5sw2", "f32 real", seeds=9)


def rounds_by_batch(factor: float) -> Any:
    """A forward that is off by so many units of rounding where there are several samples."""

    def forward(x: Array, *, kernel_size: Any, stride: Any) -> Any:
        y, residuals = mean(x, kernel_size=kernel_size, stride=stride)
        off = factor * (np.finfo(x.dtype).eps if len(x) > 1 else 0)
        return y * x.dtype.type(1 + off), residuals

    return forward


def right_mean(residuals: Any, y_bar: Array) -> Any:
    return (zeros_of_double(residuals, y_bar)[0].astype(y_bar.dtype),)


def test_bits_that_depend_on_the_batch_are_one_line_and_a_defect_by_claim() -> None:
    subject = Subject(rounds_by_batch(1), right_mean, "avg_pool1d")
    report = bpcheck.check(subject, cases=ALONE)
    assert report.judgements == ()
    (line,) = report.remarks
    assert line.startswith("a sample's bits depend on the batch it is in (y; ")
    assert line in report_text(report, width=1000)
    claimed = bpcheck.check(subject, cases=ALONE, claims={"batch_invariant": True})
    assert the_only(claimed).verdict is Verdict.BATCH_DEPENDENT
    invariant = Subject(mean, right_mean, "avg_pool1d", batch_invariant=True)
    report = bpcheck.check(invariant, cases=ALONE)
    assert (report.judgements, report.remarks) == ((), ())
    assert report.table[BATCH]["y"].passed


def test_a_sample_that_is_another_one_alone_is_a_defect_without_any_claim() -> None:
    def forward(x: Array, *, kernel_size: Any, stride: Any) -> Any:
        y, residuals = mean(x, kernel_size=kernel_size, stride=stride)
        return (y if len(x) > 1 else np.zeros_like(y)), residuals

    report = bpcheck.check(Subject(forward, right_mean, "avg_pool1d"), cases=ALONE)
    assert the_only(report).verdict is Verdict.BREAKS_SYMMETRY


# Sums in another order.


@pytest.mark.verdicts
def test_values_that_are_exact_and_differ_are_no_convention() -> None:
    rng = np.random.default_rng(0)

    def vjp(residuals: Any, y_bar: Array) -> Any:
        bars: Any = conv.vjp(residuals, y_bar)
        return tuple(b * b.dtype.type(1 + rng.integers(2) * 2.0**-20) for b in bars)

    text = "conv1d n2ic2iw9oc3kw2"
    subject = Subject(conv.forward, vjp, "conv1d")
    exact = bpcheck.check(subject, cases=cases(text, "f32 exact", "f32 real"))
    assert Verdict.NOT_DETERMINISTIC in {each.verdict for each in exact.judgements}


def test_code_of_another_shape_that_returns_float64_gets_the_same_note() -> None:
    def forward(x: Any, kernel_size: Any, stride: Any) -> Any:
        return mean(x, kernel_size=kernel_size, stride=stride)

    def backward(dout: Any, cache: Any) -> Any:
        return zeros_of_double(cache, dout)[0]

    pool = bpcheck.adapters.pair(forward, backward, operation="avg_pool1d")
    report = bpcheck.check(pool, cases=MEANS)
    assert last_line(report).startswith("AGREES in 24 cases, with 1 note (returns a wider dtype)")
    assert not bpcheck.check(pool.claiming(dtypes=("float32",)), cases=MEANS).agrees
