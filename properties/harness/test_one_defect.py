"""One mistake is one defect: what merely follows from it is not charged as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, check
from bpcheck.arithmetic import Array
from bpcheck.cases import parse_case
from bpcheck.explain.faults import fault_named
from bpcheck.runner.at_length import COMES_AND_GOES
from bpcheck.runner.one import judge
from bpcheck.verdict import Verdict
from properties.harness.planting import reference
from reference import avg_pool, conv


@pytest.mark.parametrize("values", ["f32 exact", "f64 huge", "f64 tiny", "f64 special", "f64 real"])
def test_a_mistake_with_layouts_alone_is_never_a_wrong_backward(values: str) -> None:
    wrong = fault_named("cotangent-taken-for-contiguous").plant(reference("conv2d"))
    for seed in range(12):
        case = parse_case(f"conv2d n2ic3ih6iw6oc4kh3kw3 {values} y_bar:transposed seed={seed}")
        verdicts = {ruling.verdict for ruling in judge(wrong, case).rulings}
        assert verdicts == {Verdict.READS_BY_LAYOUT}, str(case)


def test_a_wrong_kernel_is_not_charged_with_its_rounding_by_layout_too() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, *others = conv.vjp(residuals, y_bar)
        # Summed in another order for another layout, as einsum does.
        noise = 1 + np.finfo(x_bar.dtype).eps * (not y_bar.flags.c_contiguous)
        return (x_bar * 3 * noise).astype(x_bar.dtype), *others

    report = check(Subject(conv.forward, vjp, operation="conv1d"), count=120)
    assert {each.verdict for each in report.judgements} == {Verdict.BACKWARD_WRONG}


def test_rounded_quotients_in_another_layout_are_no_defect() -> None:
    def forward(x: Array, **params: Any) -> Any:
        y, residuals = avg_pool.forward(x, **params)
        # As a sum of rounded quotients gives it.
        is_other = not x.flags.c_contiguous and max(params["kernel_size"]) > 1
        return (y * (1 + np.finfo(y.dtype).eps * is_other)).astype(y.dtype), residuals

    assert check(Subject(forward, avg_pool.vjp, operation="avg_pool2d"), count=150).agrees


def test_integers_for_gradients_break_the_contract_and_that_is_all() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
        return (avg_pool.vjp(residuals, y_bar)[0].astype(int),)

    # Infinities become integers only with a warning.
    with np.errstate(invalid="ignore"):
        report = check(Subject(avg_pool.forward, vjp, operation="avg_pool1d"), count=100)
    assert [each.verdict for each in report.judgements] == [Verdict.CONTRACT_BROKEN]


def test_a_narrow_gradient_that_overflows_is_told_by_its_dtype_alone() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
        with np.errstate(over="ignore"):
            return (avg_pool.vjp(residuals, y_bar)[0].astype(np.float32),)

    subject = Subject(avg_pool.forward, vjp, operation="avg_pool1d", dtypes=("float64",))
    cases = [parse_case(f"avg_pool1d n1ic1iw{i}kw2 f64 huge seed={i}") for i in (3, 4, 5)]
    report = check(subject, cases=cases)
    assert [each.verdict for each in report.judgements] == [Verdict.CONTRACT_BROKEN]


def test_a_few_values_that_hide_a_clamped_cotangent_do_not_make_it_two_defects() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        return conv.vjp(residuals, np.maximum(y_bar, 0))

    subject = Subject(conv.forward, vjp, operation="conv2d", dtypes=("float64",))
    # A cotangent of nothing below 0 is not changed, until it is negated.
    cases = [parse_case(f"conv2d n1ic1ih1iw{i}oc1kh1kw1 exact seed={i}") for i in range(4, 20)]
    hidden = [parse_case("conv2d n1ic1ih1iw1oc1kh1kw1 sparse seed=78 y_bar=0,0,0,0")]
    verdicts = {each.verdict for each in check(subject, cases=[*cases, *hidden]).judgements}
    assert verdicts == {Verdict.BACKWARD_WRONG}


def test_a_gradient_that_is_another_one_every_time_is_told_once() -> None:
    rng = np.random.default_rng(0)

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, *others = conv.vjp(residuals, y_bar)
        return (x_bar + rng.integers(1, 9, x_bar.shape)).astype(x_bar.dtype), *others

    report = check(Subject(conv.forward, vjp, operation="conv1d"), count=100)
    assert [each.verdict for each in report.judgements] == [Verdict.NOT_DETERMINISTIC]


def test_a_defect_that_comes_and_goes_is_said_to() -> None:
    calls = 0

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        nonlocal calls
        calls += 1
        x_bar, *others = conv.vjp(residuals, y_bar)
        return x_bar + (calls % 97 == 0), *others

    report = check(Subject(conv.forward, vjp, operation="conv1d", dtypes=("float64",)), count=120)
    assert any(each.because.endswith(COMES_AND_GOES) for each in report.judgements)


def test_a_wrong_dtype_of_several_gradients_is_one_defect_that_names_them() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        bars = conv.vjp(residuals, y_bar)
        return tuple(None if bar is None else bar.astype(np.float64) for bar in bars)

    dtypes = ("float32", "float64")
    subject = Subject(conv.forward, vjp, operation="conv1d", dtypes=dtypes)
    (only,) = check(subject, count=16, largest=256).judgements
    assert only.headline.startswith("x_bar, w_bar, b_bar: contract broken (wrong dtype)")


def test_two_gradients_of_two_wrong_dtypes_are_two_defects() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return x_bar.astype(np.float64), w_bar.astype(np.float16), b_bar

    subject = Subject(conv.forward, vjp, operation="conv1d", dtypes=("float32",))
    report = check(subject, count=16, largest=256)
    assert [each.result for each in report.judgements] == ["x_bar", "w_bar"]


def test_what_only_a_bias_can_show_is_judged_where_there_is_one() -> None:
    kept: dict[int, tuple[Array, Array]] = {}

    def forward(x: Array, w: Array, b: Array | None, **params: Any) -> Any:
        y, residuals = conv.forward(x, w, b, **params)
        return y, (residuals, b)

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        own, b = residuals
        x_bar, w_bar, b_bar = conv.vjp(own, y_bar)
        if b is not None and b_bar is not None:
            before = kept.get(id(b), (b, np.zeros_like(b)))
            b_bar = b_bar + before[1] if before[0] is b else b_bar
            kept[id(b)] = b, b_bar
        return x_bar, w_bar, b_bar

    cases = [
        parse_case(f"conv1d n1ic1iw4oc2kw1bias{bias} f64 exact c-order seed={seed}")
        for seed in range(4)
        for bias in (0, 1)
    ]
    report = check(Subject(forward, vjp, operation="conv1d"), cases=cases)
    (only,) = report.judgements
    assert only.verdict is Verdict.NOT_DETERMINISTIC
    # Without a bias there is no gradient of it: "where bias yes" would say nothing.
    assert (only.failing, only.judged, only.where) == (4, 4, "")


def test_twice_the_gradient_of_its_own_output_is_no_other_order_of_sums() -> None:
    calls: list[None] = []

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        calls.append(None)
        (x_bar,) = avg_pool.vjp(residuals, y_bar)
        return (x_bar if len(calls) % 2 else 2 * x_bar,)

    subject = Subject(avg_pool.forward, vjp, operation="avg_pool1d")
    case = parse_case("avg_pool1d n1ic1iw6kw2 f64 real y_bar:output")
    found = judge(subject, case, checks=("same bits twice",)).rulings
    assert Verdict.UNORDERED not in {ruling.verdict for ruling in found}
