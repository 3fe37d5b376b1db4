"""Several defects in one result: parted by what the values must be, and each told once."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck import Subject, check
from bpcheck.arithmetic import Array
from bpcheck.cases import parse_case
from bpcheck.explain.faults import fault_named
from bpcheck.report import report_text
from bpcheck.runner.parting import wrong_in
from bpcheck.verdict import Judgement, Verdict
from bpcheck.verdict.conditions import plainer
from properties.harness.planting import reference
from reference import conv, max_pool

#: Cases of a run here, of at most so many multiplications.
FEW: dict[str, Any] = {"profile": "quick", "count": 120, "largest": 2_048}


def judged(subject: Subject, **options: Any) -> tuple[Judgement, ...]:
    return check(subject, **{**FEW, **options}).judgements


def pool_with_equals_and_overlaps() -> Subject:
    """A loop over windows: ``dx[window] = mask * dout`` where += and argmax belong."""

    def vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
        x, (kh, kw), (sh, sw) = residuals
        x_bar = np.zeros_like(x)
        for i in range(y_bar.shape[2]):
            for j in range(y_bar.shape[3]):
                window = (..., slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw))
                mask = x[window] == x[window].max(axis=(2, 3), keepdims=True)
                x_bar[window] = mask * y_bar[:, :, i : i + 1, j : j + 1]
        return (x_bar,)

    def forward(x: Array, *, kernel_size: Any, stride: Any) -> tuple[Array, Any]:
        y, _ = max_pool.forward(x, kernel_size=kernel_size, stride=stride)
        return y, (x, kernel_size, stride)

    return Subject(forward, vjp, operation="max_pool2d")


def test_ties_beside_an_overlap_that_is_overwritten_are_two_defects_with_two_names() -> None:
    subject = pool_with_equals_and_overlaps()
    plain, ties = judged(subject, count=200)[:2]
    assert (plain.verdict, plain.result) == (ties.verdict, ties.result)
    assert plain.looks_like.startswith(fault_named("x-bar-overlap-overwritten").what)
    assert ties.looks_like.startswith(fault_named("x-bar-all-ties-rewarded").what)
    assert "windows overlap" in plain.where
    assert ties.where.startswith("values tie")
    assert parse_case(plain.smallest).values in ("small", "exact")
    assert parse_case(ties.smallest).values == "ties"


def test_subnormals_beside_a_tap_that_is_never_written_are_two_defects() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        x_bar[np.abs(x_bar) < 1e-30] = 0
        if x_bar.shape[-1] > 5:
            x_bar[..., 5] = 0
        return x_bar, w_bar, b_bar

    subject = Subject(conv.forward, vjp, operation="conv1d", dtypes=("float64",))
    found = judged(subject, count=320)
    # Whether flushed numbers are a defect or a convention, they do not hide the tap.
    tap = next(each for each in found if not each.where.startswith("values"))
    assert (tap.verdict, tap.result) == (Verdict.BACKWARD_WRONG, "x_bar")
    assert parse_case(tap.smallest).values in ("small", "exact")
    assert parse_case(tap.smallest).geometry.windows[0].i == 6
    others = [each for each in found if each is not tap]
    assert others
    assert all(each.result == "x_bar" for each in others)
    assert all(parse_case(each.smallest).values in ("tiny", "huge") for each in others)


def test_what_plain_values_show_is_not_told_again_for_ties_and_nan() -> None:
    wrong = fault_named("x-bar-window-at-j-for-j-times-stride").plant(reference("max_pool2d"))
    first, *others = judged(wrong)
    assert "stride > 1" in first.where
    assert all(not each.verdict.is_defect for each in others), [each.headline for each in others]


def test_one_mistake_with_several_verdicts_is_told_once_by_the_one_that_is_its_own() -> None:
    wrong = fault_named("zero-padding-wins-throughout").plant(reference("max_pool2d"))
    (first,) = (each for each in judged(wrong) if each.verdict.is_defect)
    assert (first.verdict, first.result) == (Verdict.FORWARD_DIFFERS, "y")
    assert first.also in ((), ("x_bar",))


def test_a_wrong_shape_is_named_and_its_place_counts_what_was_returned() -> None:
    wrong = fault_named("x-bar-cropped-to-nothing").plant(reference("max_pool1d"))

    def vjp(residuals: Any, y_bar: Array) -> Any:
        if y_bar.shape[0] == 2:
            raise ValueError("no pairs")
        return wrong.vjp(residuals, y_bar)

    subject = Subject(wrong.forward, vjp, operation="max_pool1d")
    shape = next(each for each in judged(subject) if each.verdict is Verdict.CONTRACT_BROKEN)
    assert shape.looks_like.startswith(fault_named("x-bar-cropped-to-nothing").what)
    # Of the cases that raised nothing is known.
    assert shape.where == "padding 0"
    assert shape.where_judged == shape.failing < shape.judged


def test_a_place_is_told_with_the_number_of_cases_judged_there() -> None:
    wrong = fault_named("x-bar-overlap-overwritten").plant(reference("avg_pool1d"))
    report = check(wrong, **FEW)
    (judgement,) = report.judgements
    assert judgement.where == "windows overlap"
    told = f"windows overlap: {judgement.failing} of {judgement.where_judged}"
    assert told in " ".join(report_text(report).split())


def test_a_dtype_is_a_place_only_where_it_is_the_cause() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return (2 * x_bar if x_bar.dtype == np.float32 else x_bar), w_bar, b_bar

    by_dtype = Subject(conv.forward, vjp, operation="conv1d", dtypes=("float64", "float32"))
    assert judged(by_dtype)[0].where == "dtype float32"

    def doubled(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return (2 * x_bar if y_bar.shape[-1] > 8 else x_bar), w_bar, b_bar

    # Of few cases all may have one dtype by chance: it is asked whether others fail too.
    cases = [
        parse_case(f"conv1d n1ic1iw{9 + i}oc1kw1 {'f32' if i < 4 else 'f64'} exact seed={i}")
        for i in range(4)
    ]
    fine = [parse_case(f"conv1d n1ic1iw{1 + i}oc1kw1 f64 exact seed={i}") for i in range(7)]
    subject = Subject(conv.forward, doubled, operation="conv1d")
    assert "dtype" not in check(subject, cases=[*cases, *fine]).judgements[0].where


def test_what_is_known_to_be_wrong_plainly_is_not_tried_on_more_seeds() -> None:
    called = 0

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        nonlocal called
        called += 1
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return x_bar, 2 * w_bar, b_bar

    subject = Subject(conv.forward, vjp, operation="conv2d")
    case = parse_case("conv2d n2ic2ih5iw5oc2kh2kw2 f64 special c-order seed=3")
    assert wrong_in(subject, plainer(case)[0], seeds=range(3), asked=frozenset(("w_bar",))) == {
        "w_bar"
    }
    once, called = called, 0
    # A right result is asked for on every seed.
    wrong_in(subject, plainer(case)[0], seeds=range(3), asked=frozenset(("x_bar",)))
    assert called > 2 * once
