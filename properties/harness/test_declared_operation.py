"""Operations declared by a function on tensors: found out, drawn, written, judged."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import bpcheck
from bpcheck.cases import parse_case
from bpcheck.checks import Trial
from bpcheck.checks.allowed import error_bounds
from bpcheck.errors import CaseError, OperationError
from bpcheck.explain.worked.slopes import formed_by_slopes
from bpcheck.filling import fill
from bpcheck.operations import library_names, operation_named
from bpcheck.operations.declared.noise import spread
from bpcheck.operations.declared.operands import operands_from
from bpcheck.operations.declared.rounding import MULTIPLE
from bpcheck.operations.declared.tape import record
from bpcheck.oracles.autograd import autograd
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.report.terminal import report_text
from bpcheck.runner.one import judge
from bpcheck.runner.own import blaming
from examples.declared_operation import (
    LayerNorm,
    WithoutMean,
    conv_transpose2d,
    cross_entropy,
    layer_norm,
)

softmax = bpcheck.operation("x: *batch c", name="softmax")(lambda x: functional.softmax(x, -1))
relu = bpcheck.operation("x: *batch c", name="relu")(functional.relu)
hardtanh = bpcheck.operation("x: *batch c", name="hardtanh")(functional.hardtanh)
halves = bpcheck.operation("x: *batch c", name="halves")(lambda x: x.mean(-1))


@bpcheck.operation("x: *batch c, weight: o c, bias: o?")
def linear(x: Any, weight: Any, bias: Any) -> Any:
    return functional.linear(x, weight, bias)


@bpcheck.operation("x: n c, y: n c")
def apart(x: Any, y: Any) -> Any:
    return x - y


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        (layer_norm, "smooth"),
        (softmax, "smooth"),
        (cross_entropy, "smooth"),
        (halves, "smooth"),
        (relu, "piecewise smooth, with kinks"),
        (hardtanh, "piecewise smooth, with kinks"),
        (linear, "a sum of products of its operands, exact on whole numbers"),
        (conv_transpose2d, "a sum of products of its operands, exact on whole numbers"),
        (apart, "a sum of products of its operands, exact on whole numbers"),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_experiments_tell_what_a_function_is(operation: Any, what: str) -> None:
    assert str(operation.found) == what


def test_the_terms_of_a_sum_are_those_of_its_formula() -> None:
    case = parse_case(
        "examples.declared_operation:conv_transpose2d n=2 g=1 ci=3 h=4 w=4 co=2 kh=3 kw=3"
    )
    assert case.terms == {"y": 27, "x_bar": 18, "weight_bar": 32, "bias_bar": 72}


def test_signs_that_differ_do_not_hide_terms() -> None:
    assert not apart.found.is_positive
    geometry = apart.geometry({"n": 2, "c": 3})
    assert apart.terms(geometry)["y"] >= 2
    arrays = {name: np.ones((2, 3)) for name in ("x", "y", "y_bar")}
    assert (apart.absolute_sums(arrays, {})["y"] >= 2).all()


TEXTS = (
    "layer_norm c=7 batch=2,3 eps=1e-05 f32 rows c-order seed=3",
    "layer_norm c=7 batch=- eps=0.01 weight=none f64 real c-order seed=0",
    "cross_entropy n=2 c=3 ignore_index=-100 reduction=none draws=5 bf16 far c-order seed=1",
    (
        "conv_transpose2d n=1 g=2 ci=1 h=3 w=3 co=2 kh=2 kw=2 stride=2,1 padding=0,1"
        " output_padding=0,0 dilation=1,1 bias=none f64 exact c-order seed=0"
    ),
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_case_is_read_as_it_is_written(text: str) -> None:
    text = f"examples.declared_operation:{text}"
    assert str(parse_case(text)) == text
    assert fill(parse_case(text)).y_bar.shape == parse_case(text).shapes["y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c=7 batch=2 eps=0.3", "eps=0.3: must be one of"),
        ("c=0 batch=2 eps=0.01", "c=0: must be at least 1"),
        ("c=1 batch=2 eps=0.01 d=3", "d=3: layer_norm has c, batch, eps, weight, bias"),
        ("batch=2 eps=0.01", "needs c"),
        ("c=1 c=2", "c: given twice"),
        ("c=1 batch=1,1,1,1", "up to 3 leading axes"),
    ],
)
def test_what_is_no_case_is_told(text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        parse_case(f"examples.declared_operation:layer_norm {text}")


@pytest.mark.parametrize(
    ("operands", "options", "message"),
    [
        ("x n", {}, "an operand is declared as its name"),
        ("x: n, x: n", {}, "x is declared twice"),
        ("x: (n/2)", {}, "names and whole numbers"),
        ("x: n *batch", {}, "must stand first"),
        ("x: n", {"sizes": {"m": 3}}, "sizes: m is none of n"),
        ("x: n", {"constant": ("x",)}, "one operand at least must have a gradient"),
        ("x: n", {"params": {"k": []}}, "needs one value at least"),
        ("x: n", {"params": {"k": "m"}}, "no axis of an operand"),
        ("x: n, w: n", {}, "called with the operands x, w by position"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_told(
    operands: str, options: dict[str, Any], message: str
) -> None:
    def function(x: Any, *, k: int = 1) -> Any:
        return k * x

    with pytest.raises(OperationError, match=message):
        bpcheck.operation(operands, **options)(function)


def test_what_the_reference_refuses_mostly_asks_for_a_where() -> None:
    @bpcheck.operation("x: n c")
    def picky(x: Any) -> Any:
        if x.shape[0] != 3:
            raise ValueError("three rows, please")
        return x.exp()

    with pytest.raises(OperationError, match=r"draws were refused .*three rows, please.*where="):
        bpcheck.check(bpcheck.adapters.torch(lambda x: x.exp(), operation=picky), count=20)


def test_shapes_may_be_arithmetic() -> None:
    x, w = operands_from("x: *batch (g*(c+1)), w: (c//2) 3?")
    assert x.shape({"g": 2, "c": 5}, {"batch": (4, 7)}) == (4, 7, 12)
    assert w.shape({"g": 2, "c": 5}, {}) == (2, 3)
    assert w.is_optional


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_torch_rounds_within_the_bound(dtype: str) -> None:
    rng = np.random.default_rng(7)
    kind = getattr(torch, dtype)
    x = torch.tensor(rng.standard_normal((6, 33))).to(kind)
    x[1] = 50 + x[1]
    x[2] = 0
    y_bar = torch.tensor(rng.standard_normal((6, 33))).to(kind)

    def forward(tensors: Any) -> Any:
        return functional.layer_norm(tensors["x"], (33,), eps=1e-5)

    tape = record(forward, {"x": x.double()}, y_bar.double())
    unit = torch.finfo(kind).eps / 2
    arrays = {"x": x.double().numpy(), "y_bar": y_bar.double().numpy()}
    spreads = spread(tape, arrays, unit, max(2.0**-53, min(unit, 2.0**-24)))
    found = {}
    for precision in (torch.float64, kind):
        leaf = x.detach().to(precision).requires_grad_()
        y = functional.layer_norm(leaf, (33,), eps=1e-5)
        (bar,) = torch.autograd.grad(y, leaf, y_bar.to(precision))
        found[precision] = {"y": y.detach().double().numpy(), "x_bar": bar.double().numpy()}
    for name, (each, size) in spreads.items():
        error = np.abs(found[kind][name] - found[torch.float64][name])
        assert (error <= MULTIPLE * each + 2 * unit * size).all()
        # A bound that holds everything would say nothing.
        assert np.median(each) < 40 * unit


def subject(kernel: type, **options: Any) -> bpcheck.Subject:
    made = kernel()
    return bpcheck.Subject(made.forward, made.vjp, operation=layer_norm, **options)


def wrong_in(subject: bpcheck.Subject, count: int = 24) -> dict[str, set[str]]:
    """The verdicts that are defects, by the result, of the first cases of a plan."""
    operation = subject.operation
    plan = Plan(operation, profile=PROFILES["quick"], dtypes=["float64", "float32"])
    found: dict[str, set[str]] = {}
    for case in islice(plan, count):
        for ruling in judge(subject, case).rulings:
            if ruling.verdict.is_defect:
                found.setdefault(ruling.result, set()).add(str(ruling.verdict))
    return found


def test_a_right_kernel_agrees() -> None:
    assert not wrong_in(subject(LayerNorm), count=60)


def test_a_mean_that_is_forgotten_is_found() -> None:
    assert wrong_in(subject(WithoutMean)) == {"x_bar": {"backward wrong"}}


def test_a_sum_over_one_less_is_found() -> None:
    class OneLess(LayerNorm):
        def forward(self, x: Any, *rest: Any, eps: float) -> Any:
            y, residuals = super().forward(x, *rest, eps=eps)
            return y * x.dtype.type(((x.shape[-1] - 1) / x.shape[-1]) ** 0.5), residuals

    assert wrong_in(subject(OneLess))["y"] == {"forward wrong"}


def test_labels_go_by_position_and_have_no_gradient() -> None:
    def forward(z: Any, t: Any, w: Any, *, ignore_index: int, reduction: str) -> Any:
        leaf = torch.tensor(z.copy()).requires_grad_()
        weight = None if w is None else torch.tensor(w)
        y = cross_entropy(
            leaf, torch.tensor(t), weight, ignore_index=ignore_index, reduction=reduction
        )
        return y.detach().numpy(), (leaf, y)

    def vjp(residuals: Any, y_bar: Any) -> Any:
        z, y = residuals
        (bar,) = torch.autograd.grad(y, z, torch.tensor(y_bar.copy()), retain_graph=True)
        return bar.numpy(), None, None

    assert not wrong_in(bpcheck.Subject(forward, vjp, operation=cross_entropy), count=24)
    twice = bpcheck.Subject(forward, lambda r, g: (2 * vjp(r, g)[0],), operation=cross_entropy)
    assert wrong_in(twice) == {"logits_bar": {"backward wrong"}}


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_any_slope_at_a_kink_is_right_and_none_beyond(at_zero: float) -> None:
    def forward(x: Any) -> Any:
        return np.maximum(x, 0), x

    def slope(x: Any, at_zero: float) -> Any:
        return np.where(x == 0, x.dtype.type(at_zero), (x > 0).astype(x.dtype))

    def vjp(x: Any, y_bar: Any, beyond: float = 0.0) -> Any:
        return (y_bar * slope(x, at_zero + beyond),)

    right = bpcheck.Subject(forward, vjp, operation=relu)
    assert not wrong_in(right, count=40)
    wrong = bpcheck.Subject(forward, lambda x, g: vjp(x, g, 1.5), operation=relu)
    assert wrong_in(wrong, count=40) == {"x_bar": {"backward wrong"}}


def test_a_bare_function_of_one_tensor_is_an_operation() -> None:
    found: Any = operation_named("torch.nn.functional:softplus")
    assert found.operands == ("self",)
    case = parse_case("torch.nn.functional:softplus c=3 batch=2 beta=1 threshold=20 f32 real")
    assert case.shapes["y"] == (2, 3)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - written here


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("layer_norm", r'@bpcheck.operation\("input: ..., weight: ...\?, bias: ...\?"'),
        ("linear", "say what input, weight, bias are"),
    ],
)
def test_a_function_that_needs_more_says_what_to_write(name: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        operation_named(f"torch.nn.functional:{name}")


def test_a_reference_that_draws_is_told() -> None:
    found: Any = operation_named("torch.nn.functional:dropout")
    with pytest.raises(OperationError, match="other numbers for the same operands"):
        _ = found.found


@pytest.mark.parametrize("name", library_names())
def test_torchs_own_kernels_agree_with_what_is_known_by_name(name: str) -> None:
    operation: Any = operation_named(name)
    right = bpcheck.adapters.torch(operation.reference, operation=operation, name=name)
    assert not wrong_in(right, count=4)


@pytest.mark.parametrize("name", library_names())
def test_a_bound_is_finite_where_the_result_is(name: str) -> None:
    operation: Any = operation_named(name)
    for case in islice(Plan(operation, profile=PROFILES["quick"], dtypes=["float32"]), 6):
        found = error_bounds(Trial(bpcheck.Subject(print, print, operation=operation), case))
        assert found is not None
        for result, bound in found[0].items():
            finite = np.isfinite(autograd(case, fill(case))[result])
            assert np.isfinite(bound[finite]).all(), (case, result)


def test_an_attention_that_forgets_its_mask_is_found() -> None:
    attention: Any = operation_named("scaled_dot_product_attention")

    def forgets(query: Any, key: Any, value: Any, attn_mask: Any, *, is_causal: bool) -> Any:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=attn_mask)

    wrong = bpcheck.adapters.torch(forgets, operation=attention)
    assert "y" in wrong_in(wrong, count=12)


def test_a_reference_that_raises_on_numbers_is_told_by_its_line() -> None:
    @bpcheck.operation("x: n c")
    def picky(x: Any) -> Any:
        if (x < 0).any():
            raise ValueError("nothing below 0, please")
        return x.exp()

    kernel = bpcheck.adapters.torch(torch.exp, operation=picky)
    said = r"its own code raised\n.*nothing below 0, please"
    with pytest.raises(OperationError, match=said), blaming(picky):
        bpcheck.check(kernel, count=10)


@bpcheck.operation("x:")
def single(x: Any) -> Any:
    return x.exp()


def test_a_function_of_a_single_number_has_a_text() -> None:
    case = parse_case("properties.harness.test_declared_operation:single draws=0 f32 real")
    assert case.shapes == {"y": (), "x_bar": ()}
    assert parse_case(str(case)) == case


def test_leading_axes_have_no_declared_sizes() -> None:
    with pytest.raises(OperationError, match="sizes: batch is none of c"):
        bpcheck.operation("x: *batch c", sizes={"batch": 3})(torch.exp)


#: Two numbers that are nearly equal: the function bends within a thousandth of them.
SHARP = (
    "examples.declared_operation:layer_norm c=2 batch=- eps=1e-06 weight=none bias=none f32 rows"
    " c-order"
)


def outcomes(kernel: type, check: str, *, text: str) -> set[str]:
    """What a check says of the gradient of ``x``, over some seeds."""
    found = set()
    for seed in range(40):
        for each in judge(subject(kernel), parse_case(f"{text} seed={seed}")).outcomes:
            if (each.check, each.result) == (check, "x_bar"):
                found.add(each.status.name)
    return found


@pytest.mark.parametrize("check", ["finite differences", "taylor"])
def test_differences_are_silent_where_the_function_bends_within_a_step(
    check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "FAILED" not in outcomes(LayerNorm, check, text=SHARP)
    with monkeypatch.context() as patched:
        # Without the reference beside them they accuse a right kernel.
        patched.setattr("bpcheck.checks.line._is_too_sharp", lambda *_: False)
        patched.setattr("bpcheck.checks.line._falls_slowly_anyway", lambda *_: False)
        assert "FAILED" in outcomes(LayerNorm, check, text=SHARP)


@pytest.mark.parametrize("check", ["finite differences", "taylor"])
def test_differences_speak_of_a_wrong_gradient_elsewhere(check: str) -> None:
    text = "examples.declared_operation:layer_norm c=5 batch=- eps=0.01 weight=none bias=none"
    assert "FAILED" in outcomes(WithoutMean, check, text=f"{text} f64 real c-order")


def test_a_cotangent_that_autograd_hands_on_is_no_shared_memory_and_one_of_arrays_is() -> None:
    case = parse_case(f"{__name__}:shifted c=3 batch=2 f64 exact c-order seed=0")
    by_torch = bpcheck.adapters.torch(shifted.reference, operation=shifted)
    by_hand = bpcheck.Subject(lambda x, b: (x + b, None), lambda _, g: (g, g.copy()), shifted)
    verdicts = []
    for kernel in (by_torch, by_hand):
        told = {
            str(each.verdict)
            for k in range(6)
            for each in judge(kernel, replace(case, seed=k)).rulings
        }
        verdicts.append(any("shares memory" in each for each in told))
    assert verdicts == [False, True]


@bpcheck.operation("x: *batch c, b: *batch c")
def shifted(x: Any, b: Any) -> Any:
    return x + b


def test_what_moves_nothing_is_said_to() -> None:
    case = parse_case("layer_norm c=1 batch=- eps=1e-06 weight=none bias=none f64 real seed=0")
    arrays = {**fill(case).operands, "y_bar": fill(case).y_bar}
    formed = formed_by_slopes(case, "x_bar", (0,), arrays)
    assert formed is not None
    assert formed.head == "x[0], by torch's slopes, moves no element of y"


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        (layer_norm, "smooth, linear in weight and bias up to rounding"),
        (softmax, "smooth"),
        (halves, "smooth, linear in x up to rounding"),
        (relu, "piecewise smooth, with kinks"),
        # Linear on small numbers alone.
        (hardtanh, "piecewise smooth, with kinks"),
        (
            linear,
            "a sum of products of its operands, exact on whole numbers: x · weight + bias",
        ),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_it_is_told_in_which_operands_a_function_is_linear(operation: Any, what: str) -> None:
    assert operation.structure == what


def test_a_report_tells_what_kind_of_function_was_found() -> None:
    text = report_text(bpcheck.check(subject(LayerNorm), count=4), width=200)
    line = "layer_norm was found to be smooth, linear in weight and bias up to rounding"
    assert f" {line}\n" in text
    plain = bpcheck.Subject(print, print, operation="avg_pool1d")
    assert "found to be" not in report_text(bpcheck.check(plain, count=4), width=200)


def anything(rng: Any, shape: Any) -> Any:
    return np.where(rng.random(shape) < 0.4, 0, -np.inf)


@bpcheck.operation(
    "x: n c, mask: n c",
    sizes={"n": range(1, 4), "c": range(1, 5)},
    draw={"mask": anything},
    constant="mask",
)
def masked(x: Any, mask: Any) -> Any:
    return functional.softmax(x + mask, -1)


class Masked:
    """Another number than NaN for a row that is masked throughout."""

    def __init__(self, other: float, alone: float = 1.0):
        self.other, self.alone = other, alone

    def forward(self, x: Any, mask: Any) -> Any:
        with np.errstate(invalid="ignore"):
            parts = np.exp(x + mask - (x + mask).max(-1, keepdims=True))
        y = parts / parts.sum(-1, keepdims=True)
        kept = (mask == 0).sum(-1, keepdims=True)
        y = np.where(kept == 0, self.other, y)
        return np.where((kept == 1) & (mask == 0), self.alone, y).astype(x.dtype), y

    def vjp(self, y: Any, y_bar: Any) -> Any:
        found = y * (y_bar - (y * y_bar).sum(-1, keepdims=True))
        return (found.astype(y_bar.dtype), None)


def told_of(kernel: Masked) -> set[str]:
    """All that is said of a kernel, notes too, in the first cases of a plan."""
    made = bpcheck.Subject(kernel.forward, kernel.vjp, operation=masked)
    plan = Plan(masked, profile=PROFILES["quick"], dtypes=["float64", "float32"])
    told = {str(each.verdict) for case in islice(plan, 60) for each in judge(made, case).rulings}
    return told - {"agrees"}


@pytest.mark.parametrize(
    ("kernel", "told"),
    [
        (Masked(np.nan), set()),
        (Masked(0.0), {"treats NaN another way"}),
        (Masked(0.0, alone=np.nan), {"treats NaN another way", "not finite"}),
        (Masked(0.0, alone=0.5), {"treats NaN another way", "forward wrong"}),
    ],
    ids=["as torch", "0", "NaN where there is a number", "another number where there is one"],
)
def test_a_number_where_there_is_none_is_a_note(kernel: Masked, told: set[str]) -> None:
    assert told_of(kernel) == told


def test_what_has_no_number_is_no_cotangent() -> None:
    text = "properties.harness.test_declared_operation:masked n=2 c=1 f64 real y_bar:output seed="
    for seed in range(20):
        assert np.isfinite(fill(parse_case(f"{text}{seed}")).y_bar).all()


def test_a_row_of_padding_has_a_gradient_of_its_own_even_where_it_alone_is_looked_up() -> None:
    # Of one row of three numbers a step cancelled by chance, and a right kernel was told wrong.
    for draws in range(200):
        text = f"embedding v=7 d=3 batch=- padding_idx=0 draws={draws} f64 exact c-order"
        case = parse_case(text)
        looks_up_padding = int(case.params["indices"]) == 0
        assert case.operation.has_own_gradient(case.geometry) == looks_up_padding


def test_a_row_of_padding_that_is_looked_up_often_has_a_gradient_of_its_own_too() -> None:
    # A cotangent of ones of either sign adds up to 0 over an even number of rows, one in four.
    for draws in range(40):
        case = parse_case(
            f"embedding v=2 d=1 batch=2,3 padding_idx=0 draws={draws} f64 exact c-order"
        )
        looks_up_padding = bool((np.asarray(case.params["indices"]) == 0).any())
        assert case.operation.has_own_gradient(case.geometry) == looks_up_padding
