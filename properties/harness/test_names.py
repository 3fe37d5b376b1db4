"""A name is right or absent: what it takes to be named, and what is said instead."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from bpcheck import Subject, check
from bpcheck.arithmetic import Array
from bpcheck.cases import Case, parse_case
from bpcheck.explain.answers import Witness
from bpcheck.explain.diagnosis import diagnose
from bpcheck.explain.faults import fault_named
from bpcheck.explain.pattern import pattern_of
from bpcheck.explain.unsteady import state_between_cases
from bpcheck.verdict import Verdict
from bpcheck.verdict.conditions import TIE, condition_of
from properties.harness.planting import reference
from reference import avg_pool, conv

Bars = tuple[Any, Any, Any]


def spoiled(spoil: Callable[[Array, Array, Array | None, Array], Bars]) -> Subject:
    """The reference convolution with its gradients spoiled; the last argument is the cotangent."""

    def vjp(residuals: Any, y_bar: Array) -> Bars:
        return spoil(*conv.vjp(residuals, y_bar), y_bar)

    return Subject(conv.forward, vjp, operation="conv2d")


def batches(*sizes: int) -> list[Case]:
    return [
        parse_case(f"conv2d n{n}ic2ih4iw5oc3kh2kw3bias1 f64 exact c-order seed={seed}")
        for seed, n in enumerate(sizes)
    ]


def test_one_or_two_failing_cases_are_no_evidence() -> None:
    wrong = fault_named("w-bar-rotated").plant(reference("conv2d"))
    cases = batches(1, 2, 3)
    assert diagnose(wrong, cases[:1]) is None
    assert diagnose(wrong, cases[:2]) is None
    found = diagnose(wrong, cases)
    assert found is not None
    assert found.fault.name == "w-bar-rotated"


def test_a_mistake_that_explains_less_than_four_of_five_is_not_named() -> None:
    subject = spoiled(
        lambda x_bar, w_bar, b_bar, y_bar: (x_bar, w_bar * (2 if len(y_bar) == 2 else 17), b_bar)
    )
    # Only for pairs is it the number of samples.
    assert diagnose(subject, batches(2, 2, 2, 3, 4), result="w_bar") is None
    found = diagnose(subject, batches(2, 2, 2, 2, 3), result="w_bar")
    assert found is not None
    assert (found.fault.name, found.explained) == ("w-bar-once-per-sample", 4)


def test_w_bar_times_the_batch_is_not_every_gradient_twice() -> None:
    subject = spoiled(lambda x_bar, w_bar, b_bar, y_bar: (x_bar, w_bar * max(1, len(y_bar)), b_bar))
    found = diagnose(subject, batches(2, 2, 2), result="w_bar")
    assert found is not None
    assert found.fault.name == "w-bar-once-per-sample"


def test_gradients_that_are_all_0_are_not_one_channel_that_is() -> None:
    subject = spoiled(
        lambda x_bar, w_bar, b_bar, y_bar: tuple(  # type: ignore[arg-type,return-value]
            None if bar is None else np.zeros_like(bar) for bar in (x_bar, w_bar, b_bar)
        )
    )
    single = [
        parse_case(f"conv2d n1ic1ih{i}iw3oc1kh2kw2bias1 f64 exact seed={i}") for i in (3, 4, 5)
    ]
    for result in ("x_bar", "w_bar", "b_bar"):
        found = diagnose(subject, single, result=result)
        assert found is not None
        assert found.fault.name == "every-gradient-zero"


def test_a_passing_case_that_the_mistake_would_spoil_takes_its_name_away() -> None:
    def vjp(residuals: Any, y_bar: Array) -> Bars:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        return x_bar, (w_bar[..., ::-1, ::-1].copy() if len(y_bar) < 3 else w_bar), b_bar

    subject = Subject(conv.forward, vjp, operation="conv2d")
    failing, passing = batches(1, 2, 1, 2), batches(3, 4)
    assert diagnose(subject, failing, result="w_bar") is not None
    assert diagnose(subject, failing, passing, result="w_bar") is None


def test_a_wider_dtype_does_not_hide_the_mistake_beside_it() -> None:
    wrong = fault_named("w-bar-rotated").plant(reference("conv2d"))

    def vjp(residuals: Any, y_bar: Array) -> Bars:
        x_bar, w_bar, b_bar = wrong.vjp(residuals, y_bar)
        return x_bar, w_bar.astype(np.float64), b_bar

    subject = Subject(wrong.forward, vjp, operation="conv2d")
    cases = [parse_case(f"conv2d n1ic2ih4iw4oc2kh2kw2 f32 exact seed={i}") for i in range(4)]
    found = diagnose(subject, cases, result="w_bar")
    assert found is not None
    assert found.fault.name == "w-bar-rotated"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda bar: np.where(np.arange(bar.shape[-1]) == 0, bar + 1, bar), "the first column"),
        (lambda bar: -bar, "every number has the wrong sign"),
        (lambda bar: bar[..., ::-1].copy(), "the right numbers, in other places"),
        (lambda bar: bar + 17, "every cell"),
    ],
)
def test_what_no_mistake_explains_is_told_by_its_wrong_cells(
    spoil: Callable[[Array], Array], told: str
) -> None:
    subject = spoiled(lambda x_bar, w_bar, b_bar, y_bar: (x_bar, spoil(w_bar), b_bar))
    assert told in pattern_of(subject, batches(1, 2, 3, 4), result="w_bar")


def test_cells_without_a_pattern_are_told_to_have_none() -> None:
    rng = np.random.default_rng(0)
    subject = spoiled(
        lambda x_bar, w_bar, b_bar, y_bar: (
            x_bar,
            w_bar + 5 * (rng.random(w_bar.shape) < 0.5),
            b_bar,
        )
    )
    assert pattern_of(subject, batches(1, 2, 3, 4), result="w_bar") == ""


def test_a_report_describes_the_wrong_cells_of_what_has_no_name() -> None:
    def vjp(residuals: Any, y_bar: Array) -> Bars:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        x_bar[..., -1] *= 5
        return x_bar, w_bar, b_bar

    subject = Subject(conv.forward, vjp, operation="conv1d", dtypes=("float64",))
    report = check(subject, profile="quick", count=40, largest=2_048)
    (judgement,) = report.judgements
    assert judgement.looks_like == ""
    assert judgement.wrong_cells.startswith("the last column alone")


def test_what_is_changed_beside_a_mistake_does_not_hide_its_name() -> None:
    def vjp(residuals: Any, y_bar: Array) -> Bars:
        y_bar[y_bar < 0] = 0
        bars: Bars = conv.vjp(residuals, y_bar)
        return bars

    subject = Subject(conv.forward, vjp, operation="conv2d")
    found = diagnose(subject, batches(1, 2, 3), result="x_bar")
    assert found is not None
    assert found.fault.name == "cotangent-clamped-at-zero"


def test_a_mistake_that_changes_its_inputs_is_no_name_for_a_kernel_that_does_not() -> None:
    changing = fault_named("cotangent-clamped-at-zero").plant(reference("conv2d"))

    def vjp(residuals: Any, y_bar: Array) -> Bars:
        bars: Bars = changing.vjp(residuals, y_bar)
        y_bar[y_bar < 0] = 0
        return bars

    case, right = batches(3)[0], reference("conv2d")
    witness = Witness(right, case)
    quiet = witness.answers(changing)
    loud = witness.answers(Subject(changing.forward, vjp, operation="conv2d"))
    assert witness.alike(loud.beside(quiet), quiet, "x_bar")
    assert not witness.alike(quiet.beside(loud), loud, "x_bar")


def _depthwise_of(
    filters: Callable[[int, int, int], int], cotangents: Callable[[int, int, int], int]
) -> Subject:
    """Gradients added up filter by filter, those of a depthwise layer read in some order."""
    return _by_filters(filters, cotangents, lambda o, per, groups: o // per, only_depthwise=True)


def _by_filters(
    filters: Callable[[int, int, int], int],
    cotangents: Callable[[int, int, int], int],
    group_of: Callable[[int, int, int], int],
    *,
    result: str = "",
    only_depthwise: bool = False,
) -> Subject:
    """A convolution whose vjp goes through its output channels one by one."""

    def forward(x: Array, w: Array, b: Array | None = None, **params: Any) -> Any:
        return conv.forward(x, w, b, **params)[0], (x, w, b, params)

    def vjp(residuals: Any, y_bar: Array) -> Bars:
        x, w, b, params = residuals
        groups = params["groups"]
        per, width = len(w) // groups, w.shape[1]
        is_wrong = width == 1 or not only_depthwise
        read, sent = (filters, cotangents) if is_wrong else (_itself, _itself)
        x_bar, w_bar = np.zeros_like(x), np.zeros_like(w)
        for o in range(len(w)):
            group = group_of(o, per, groups)
            inputs = slice(group * width, (group + 1) * width)
            f, c = read(o, per, groups), sent(o, per, groups)
            one = {**params, "groups": 1}
            _, kept = conv.forward(x[:, inputs], w[f : f + 1], None, **one)
            bars = conv.vjp(kept, y_bar[:, c : c + 1])
            x_bar[:, inputs] += bars[0]
            w_bar[o : o + 1] = bars[1]
        wrong = {"x_bar": x_bar, "w_bar": w_bar}
        _, kept = conv.forward(x, w, b, **params)
        told = conv.vjp(kept, y_bar)
        if result:
            wrong = {"x_bar": told[0], "w_bar": told[1], result: wrong[result]}
        return wrong["x_bar"], wrong["w_bar"], told[2]

    return Subject(forward, vjp, operation="conv2d")


def _itself(o: int, per: int, groups: int) -> int:
    return o


def _in_multiplier_order(o: int, per: int, groups: int) -> int:
    return o % per * groups + o // per


def _by_remainder(o: int, per: int, groups: int) -> int:
    return o % groups


GROUPED = [
    parse_case(f"conv2d g{g}n2ic{ic}ih4iw5oc{oc}kh2kw3 f64 exact c-order seed={g + oc}")
    for g, ic, oc in ((2, 4, 6), (3, 6, 6), (2, 6, 8), (3, 3, 12))
]
DEPTHWISE = [
    parse_case(f"conv2d g{g}n2ic{g}ih4iw5oc{oc}kh2kw3 f64 exact c-order seed={g + oc}")
    for g, oc in ((2, 6), (3, 6), (2, 8), (3, 12))
]

#: What becomes of the output channels, what it is called, and where it shows.
CHANNELS = [
    (_by_filters(_itself, _itself, _by_remainder, result=f"{name}_bar"), f"{name}-bar-{of}", cases)
    for name in "xw"
    for of, cases in [("of-group-o-mod-groups", GROUPED)]
] + [
    (_depthwise_of(_in_multiplier_order, _itself), "x-bar-filters-in-multiplier-order", DEPTHWISE),
    (
        _depthwise_of(_itself, _in_multiplier_order),
        "x-bar-cotangent-in-multiplier-order",
        DEPTHWISE,
    ),
    (
        _depthwise_of(_itself, _in_multiplier_order),
        "w-bar-cotangent-in-multiplier-order",
        DEPTHWISE,
    ),
]


@pytest.mark.parametrize(("subject", "name", "cases"), CHANNELS, ids=[each[1] for each in CHANNELS])
def test_channels_in_the_wrong_group_or_order_are_named(
    subject: Subject, name: str, cases: list[Case]
) -> None:
    found = diagnose(subject, cases, result=name[:5].replace("-", "_"))
    assert found is not None
    assert found.fault.name == name


def test_a_gradient_that_is_cast_to_float32_on_its_way_out_is_not_summed_in_it() -> None:
    subject = spoiled(
        lambda x_bar, w_bar, b_bar, y_bar: (
            x_bar,
            w_bar.astype(np.float32).astype(w_bar.dtype),
            b_bar,
        )
    )
    cases = [
        parse_case(f"conv2d n2ic2ih{i}iw5oc3kh2kw3bias1 f64 real c-order seed={i}")
        for i in (3, 4, 5, 6)
    ]
    found = diagnose(subject, cases, result="w_bar")
    assert found is not None
    assert found.fault.name == "w-bar-cast-to-float32"


def test_a_padding_one_too_small_is_not_one_that_is_forgotten() -> None:
    def vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
        (shape, kernel, stride, padding), (_, _, rows, columns) = residuals, y_bar.shape
        x_bar = np.zeros(shape, y_bar.dtype)
        for i, j in np.ndindex(rows, columns):
            top, left = i * stride[0] - padding[0], j * stride[1] - max(padding[1] - 1, 0)
            bottom, right = top + kernel[0], left + kernel[1]
            share = y_bar[:, :, i, j, None, None] / (kernel[0] * kernel[1])
            x_bar[:, :, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] += share
        return (x_bar,)

    def forward(x: Array, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
        y, _ = avg_pool.forward(x, kernel_size=kernel_size, stride=stride, padding=padding)
        return y, (x.shape, kernel_size, stride, padding)

    subject = Subject(forward, vjp, operation="avg_pool2d")
    cases = [
        parse_case(f"avg_pool2d n1ic2ih6iw{8 + p}kh3kw5ph1pw{p} f64 exact c-order seed={seed}")
        for seed, p in enumerate((1, 2, 1, 2, 1))
    ]
    found = diagnose(subject, cases, result="x_bar")
    assert found is not None
    assert found.fault.name == "x-bar-padding-one-too-small-along-the-width"
    assert found.explained == len(cases)


@pytest.mark.parametrize("values", ["real", "tiny"])
def test_a_cotangent_that_is_cast_to_float32_is_not_small_numbers_dropped(values: str) -> None:
    def vjp(residuals: Any, y_bar: Array) -> Bars:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar.astype(np.float32).astype(y_bar.dtype))
        return x_bar, w_bar, b_bar

    fault = fault_named("cotangent-cast-to-float32")
    drawn = (
        parse_case(f"conv2d n2ic2ih{3 + i % 4}iw5oc3kh2kw3bias1 f64 {values} c-order seed={i}")
        for i in range(60)
    )
    cases = list(islice((case for case in drawn if fault.shows(case)), 5))
    found = diagnose(
        Subject(conv.forward, vjp, operation="conv2d"),
        cases,
        batches(1, 2, 3),
        result="b_bar",
        condition=condition_of(cases[0]),
    )
    assert found is not None
    assert found.fault is fault


def test_a_bias_gradient_that_every_sample_overwrites_is_named() -> None:
    def last(x_bar: Array, w_bar: Array, b_bar: Array | None, y_bar: Array) -> Bars:
        return x_bar, w_bar, y_bar[-1].sum(axis=(1, 2))

    found = diagnose(spoiled(last), batches(2, 3, 4, 5), result="b_bar")
    assert found is not None
    assert found.fault.name == "b-bar-of-the-last-sample"


def test_a_spread_cotangent_correlated_with_the_unpadded_input_is_named() -> None:
    def forward(x: Array, w: Array, b: Array | None = None, **params: Any) -> Any:
        y, residuals = conv.forward(x, w, b, **params)
        return y, (residuals, x, params)

    def vjp(residuals: Any, y_bar: Array) -> Bars:
        inner, x, params = residuals
        x_bar, w_bar, b_bar = conv.vjp(inner, y_bar)
        room = x.shape[2] + 2 * params["padding"][0] - w_bar.shape[2] + 1
        spread = np.zeros((*y_bar.shape[:2], room))
        spread[..., :: params["stride"][0]] = y_bar
        read = sliding_window_view(x, room, axis=2)
        return x_bar, np.einsum("nckr,nor->ock", read, spread), b_bar

    cases = [
        parse_case(f"conv1d n2ic2iw{iw}oc3kw3sw{sw}pw1 f64 exact c-order seed={iw}")
        for sw, iw in ((1, 4), (2, 6), (2, 8), (3, 9))
    ]
    found = diagnose(Subject(forward, vjp, operation="conv1d"), cases, result="w_bar")
    assert found is not None
    assert found.fault.name == "w-bar-of-the-unpadded-input-by-a-spread-cotangent"


def test_the_stride_of_the_first_dimension_in_all_of_them_is_no_exchange() -> None:
    def forward(x: Array, *, stride: tuple[int, int], **params: Any) -> Any:
        return avg_pool.forward(x, stride=stride[:1] * 2, **params)

    subject = Subject(forward, avg_pool.vjp, operation="avg_pool2d")
    # As many windows either way, one row of them among these: there an exchange is no other thing.
    cases = [
        parse_case(f"avg_pool2d n1ic2ih{ih}iw{iw}kh1kw1sh{sh}sw{sw} f64 exact c-order seed={ih}")
        for ih, iw, sh, sw in ((1, 5, 4, 3), (6, 4, 3, 2), (1, 4, 3, 2), (5, 5, 4, 3))
    ]
    found = diagnose(subject, cases, result="y")
    assert found is not None
    assert found.fault.name == "stride-of-the-first-dimension-throughout"


def test_a_kernel_that_computes_in_float32_is_named_whatever_the_order_of_its_sums() -> None:
    def forward(x: Array, w: Array, b: Array | None = None, **params: Any) -> Any:
        dtype, bias = x.dtype, None if b is None else b.astype(np.float32)
        x, w = x[:, ::-1].astype(np.float32), w[:, ::-1].astype(np.float32)
        y, residuals = conv.forward(x, w, bias, **params)
        return y.astype(dtype), (residuals, dtype)

    def vjp(residuals: Any, y_bar: Array) -> Bars:
        inner, dtype = residuals
        x_bar, w_bar, b_bar = conv.vjp(inner, y_bar.astype(np.float32))
        b_bar = None if b_bar is None else b_bar.astype(dtype)
        return x_bar[:, ::-1].astype(dtype), w_bar[:, ::-1].astype(dtype), b_bar

    subject = Subject(forward, vjp, operation="conv2d")
    cases = [
        parse_case(f"conv2d n2ic{ic}ih4iw5oc3kh2kw3bias1 f64 real c-order seed={ic}")
        for ic in (1, 2, 5, 7)
    ]
    found = diagnose(subject, cases, result="w_bar")
    assert found is not None
    assert found.fault.name == "all-in-float32"


def test_a_cast_that_a_scaled_cotangent_overflows_is_one_defect() -> None:
    def cast(x_bar: Array, w_bar: Array, b_bar: Array | None, y_bar: Array) -> Bars:
        with np.errstate(over="ignore"):
            return x_bar.astype(np.float32).astype(x_bar.dtype), w_bar, b_bar

    cases = [
        parse_case(f"conv2d n1ic2ih3iw{iw}oc2kh1kw2 f64 {values} c-order seed={iw}")
        for iw in (3, 4, 5, 6)
        for values in ("wide", "exact")
    ]
    report = check(spoiled(cast), cases=cases)
    assert [each.verdict for each in report.judgements] == [Verdict.BACKWARD_WRONG]
    assert "cast to float32" in report.judgements[0].looks_like


def test_the_first_of_equals_in_each_plane_of_a_window_is_named() -> None:
    def forward(x: Array, *, kernel_size: Any) -> Any:
        windows = _tiles(x, kernel_size)
        return windows.max(axis=(-1, -2)), (x, kernel_size)

    def vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
        x, kernel_size = residuals
        windows = _tiles(x, kernel_size)
        wins = windows == windows.max(axis=(-1, -2), keepdims=True)
        first = wins & (wins.cumsum(axis=-1) == 1)
        return ((first * y_bar[..., None, None]).swapaxes(-2, -3).reshape(x.shape),)

    subject = Subject(forward, vjp, operation="max_pool2d")
    cases = [
        parse_case(f"max_pool2d n2ic3ih4iw{iw}kh2kw2sh2sw2 f64 ties c-order seed={iw}")
        for iw in (4, 6, 8)
    ]
    found = diagnose(subject, cases, result="x_bar", condition=TIE)
    assert found is not None
    assert found.fault.name == "x-bar-one-of-each-slice-rewarded"


def _tiles(x: Array, kernel: tuple[int, int]) -> Array:
    (n, c, h, w), (kh, kw) = x.shape, kernel
    return x.reshape(n, c, h // kh, kh, w // kw, kw).swapaxes(-2, -3)


def test_a_vjp_that_returns_no_tuple_is_no_sign_of_state_in_the_forward() -> None:
    def forward(*operands: Any, **params: Any) -> Any:
        y, residuals = conv.forward(*operands, **params)
        return 2 * y, residuals

    subject = Subject(forward, lambda residuals, y_bar: y_bar, operation="conv2d")
    # A window that reads padding alone gives 0, and twice that is right.
    case = parse_case("conv2d n1ic1ih1iw1oc1kh1kw1sh3sw3ph1pw1bias0 f64 exact")
    assert not state_between_cases(subject, [case], result="y")


def _rows_of_columns(x_bar: Array, w_bar: Array, b_bar: Array | None, y_bar: Array) -> Bars:
    columns = np.ascontiguousarray(w_bar.reshape(len(w_bar), -1).T)
    return x_bar, columns.reshape(w_bar.shape), b_bar


def _channels_last(x_bar: Array, w_bar: Array, b_bar: Array | None, y_bar: Array) -> Bars:
    return np.ascontiguousarray(x_bar.transpose(0, 2, 3, 1)).reshape(x_bar.shape), w_bar, b_bar


def _mean(x_bar: Array, w_bar: Array, b_bar: Array | None, y_bar: Array) -> Bars:
    with np.errstate(invalid="ignore"):
        return x_bar, w_bar, None if b_bar is None else y_bar.sum((0, 2, 3)) / y_bar[:, 0].size


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (_rows_of_columns, "w-bar-of-columns-reshaped"),
        (_channels_last, "x-bar-of-channels-last-reshaped"),
        (_mean, "b-bar-averaged"),
    ],
)
def test_a_reshape_for_a_transpose_and_a_mean_over_all_are_one_defect_each(
    spoil: Callable[[Array, Array, Array | None, Array], Bars], name: str
) -> None:
    one = [f"conv2d n1ic2ih3iw{i + 1}oc3kh1kw{1 + i % 2} f64 exact seed={i}" for i in (1, 2, 3, 4)]
    report = check(spoiled(spoil), cases=[*batches(0, 2, 3, 4), *map(parse_case, one)])
    (found,) = [each for each in report.judgements if each.verdict.is_defect]
    assert found.looks_like.startswith(fault_named(name).what)


def test_rows_of_positions_that_are_no_rows_and_the_first_samples_input_are_named() -> None:
    def rows(residuals: Any, y_bar: Array) -> Bars:
        n, c, *out = y_bar.shape
        mixed = np.ascontiguousarray(y_bar.reshape(n, *out, c).transpose(0, 3, 1, 2))
        return conv.vjp(residuals, mixed)

    def forward(x: Array, w: Array, b: Array | None = None, **params: Any) -> Any:
        y, residuals = conv.forward(x, w, b, **params)
        return y, (residuals, conv.forward(np.repeat(x[:1], len(x), axis=0), w, b, **params)[1])

    def first(residuals: Any, y_bar: Array) -> Bars:
        right, others = (conv.vjp(each, y_bar) for each in residuals)
        return right[0], others[1], right[2]

    cases = batches(2, 3, 4, 5)
    for forward_, vjp, result, name in (
        (conv.forward, rows, "w_bar", "cotangent-reshaped-to-rows-of-positions"),
        (forward, first, "w_bar", "w-bar-with-the-first-input"),
    ):
        found = diagnose(Subject(forward_, vjp, operation="conv2d"), cases, result=result)
        assert found is not None
        assert found.fault.name == name
