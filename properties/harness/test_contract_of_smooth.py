"""What is asked of smooth code on tensors beside its values: by bounds, where nothing is exact."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

import bpcheck
from bpcheck import adapters
from bpcheck.cases import Case, parse_case
from bpcheck.checks.tensors.asked import ROWS
from bpcheck.finding import Kind, Outcome, Status
from bpcheck.runner.one import judge
from properties.harness import smooth_functions as own

GELU = "gelu c=7 batch=3 approximate=none {} real c-order seed=1"
LAYER_NORM = "layer_norm c=6 batch=3 eps=0.001 {} real c-order seed=1"


def torch_layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


def outcomes(function: Any, text: str, dtype: str = "f32", **claims: Any) -> tuple[Outcome, ...]:
    case = parse_case(text.format(dtype))
    is_norm = isinstance(function, type) and issubclass(function, own.LayerNorm)
    given = own.layer_norm_of(function) if is_norm else function
    subject = adapters.torch(given, operation=case.operation).claiming(
        dtypes=(case.dtype,), **claims
    )
    return judge(subject, case).outcomes


def failing(found: tuple[Outcome, ...]) -> set[str]:
    return {each.check for each in found if each.status is Status.FAILED}


def remarks(found: tuple[Outcome, ...]) -> dict[str, str]:
    return {each.check: each.remark for each in found if each.remark}


@pytest.mark.parametrize(
    ("function", "case", "row"),
    [
        (own.HalfDetached, GELU, "double backward"),
        (own.TangentOfTanh, GELU, "forward mode"),
        (own.OneSample, GELU, "vmap"),
        (own.Taken, GELU, "undefined cotangent"),
        (own.Hanging, GELU, "saved tensors"),
        (own.otherwise_without_a_graph, GELU, "modes"),
        (own.TangentWithoutMean, LAYER_NORM, "forward mode"),
        (own.HalfOfHistory, LAYER_NORM, "double backward"),
        (own.FrozenWeight, LAYER_NORM, "needs grad"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_the_row_alone_finds_what_is_planted_for_it(function: Any, case: str, row: str) -> None:
    assert failing(outcomes(function, case)) == {row}


def test_what_a_backward_has_used_up_shows_the_second_time() -> None:
    assert "second backward" in failing(outcomes(own.UsedUp, GELU))


@pytest.mark.parametrize("function", [own.Gelu, functional.gelu])
@pytest.mark.parametrize(("dtype", "values"), [("f64", "rows"), ("f32", "real"), ("bf16", "far")])
def test_right_code_passes_every_row(function: Any, dtype: str, values: str) -> None:
    found = outcomes(
        function,
        GELU.replace("real", values),
        dtype,
        double_backward=True,
        forward_mode=True,
        vmap=True,
    )
    assert failing(found) == set()
    assert {each.check for each in found if each.status is Status.PASSED} >= set(ROWS)


@pytest.mark.parametrize("function", [own.LayerNorm, torch_layer_norm])
@pytest.mark.parametrize(("dtype", "values"), [("f64", "far"), ("f32", "rows")])
def test_another_formula_of_it_passes_too(function: Any, dtype: str, values: str) -> None:
    found = outcomes(function, LAYER_NORM.replace("real", values), dtype, double_backward=True)
    assert failing(found) == set()
    assert {each.check for each in found if each.status is Status.PASSED} >= set(ROWS)


def test_a_graph_that_is_cut_is_told_and_a_defect_where_it_is_claimed() -> None:
    found = outcomes(own.Detached, GELU)
    assert failing(found) == set()
    assert "x_bar does not lead back to x" in remarks(found)["double backward"]
    found = outcomes(own.Detached, GELU, double_backward=True)
    assert {each.finding.kind for each in found if each.finding} == {Kind.LACKS}


def test_a_backward_that_says_that_it_serves_once_is_honest() -> None:
    found = outcomes(own.Once, GELU)
    assert failing(found) == set()
    assert "cannot be differentiated, and says so" in remarks(found)["double backward"]


def test_a_tangent_that_is_right_where_torchs_double_backward_has_a_gap_is_right() -> None:
    # Without a weight, torch's graph does not lead from the gradient of the bias to the cotangent.
    case = "layer_norm c=6 batch=3 eps=0.001 weight=none {} real c-order seed=1"
    assert failing(outcomes(torch_layer_norm, case)) == set()

    def composed(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
        return own.normed(x, eps) + bias

    found = outcomes(composed, case, double_backward=True)
    assert failing(found) == set()
    assert {e.finding.kind for e in found if e.finding} == {Kind.ORACLE}


class TanhByAProduct(torch.autograd.Function):
    """Right: its second derivative is a difference of terms as large as the first one."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (y,) = ctx.saved_tensors
        return grads[0] * (1 + y) * (1 - y)


class TanhOfASlopeThatIsHeld(TanhByAProduct):
    """The first derivative is right, and the second one half of what it is."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (y,) = ctx.saved_tensors
        return grads[0] * (1 - y * y.detach())


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_a_second_derivative_by_another_formula_may_cancel(dtype: str) -> None:
    tanh = "tanh c=128 batch=7 {} real c-order seed=1"
    assert failing(outcomes(TanhByAProduct, tanh, dtype)) == set()
    assert failing(outcomes(TanhOfASlopeThatIsHeld, tanh, dtype)) == {"double backward"}


def test_float16_is_not_asked_for_derivatives_of_derivatives() -> None:
    found = outcomes(own.HalfDetached, GELU, "f16")
    assert failing(found) == set()
    assert "float16 ends too soon" in {e.note for e in found if e.check == "double backward"}


@bpcheck.operation("x: *batch c, gate: c")
def gated(x: Any, gate: Any) -> Any:
    """An operation of somebody's own."""
    return x * torch.sigmoid(gate)


class Gated(torch.autograd.Function):
    """The gate that the backward uses has no history."""

    @staticmethod
    def forward(ctx: Any, x: Any, gate: Any) -> Any:
        ctx.save_for_backward(x, gate)
        return x * torch.sigmoid(gate)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, gate = ctx.saved_tensors
        # From that of the gate a path leads back through the second factor alone.
        still, rows = torch.sigmoid(gate.detach()), tuple(range(x.ndim - 1))
        gate_bar = (grads[0] * x).sum(rows) * torch.sigmoid(gate) * (1 - still)
        return grads[0] * torch.sigmoid(gate), gate_bar


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_an_operation_of_somebodys_own_is_differentiated_twice_too(dtype: str) -> None:
    sizes = {"c": 5, "batch": 1, "batch_0": 3}
    case = Case(gated, gated.geometry(gated.complete(sizes)), dtype=dtype, values="real", seed=1)
    for function, rows in ((Gated, {"double backward"}), (gated.reference, set[str]())):
        subject = adapters.torch(function, operation=gated).claiming(dtypes=(dtype,))
        assert failing(judge(subject, case).outcomes) == rows


class Remembers(torch.nn.Module):
    """An activation with a scale that its first operand has set."""

    def __init__(self, approximate: str = "none"):
        super().__init__()
        self.approximate = approximate
        self.scale: Any = None

    def forward(self, x: Any) -> Any:
        if self.scale is None:
            self.scale = x.detach().clone()
        # 1 where the operand is the first one's.
        return functional.gelu(x, approximate=self.approximate) * (1 + x.detach() - self.scale)


def test_a_module_that_keeps_what_its_first_operand_was_is_found_after_a_step() -> None:
    assert failing(outcomes(Remembers, GELU)) == {"training step"}
    assert failing(outcomes(torch.nn.GELU, GELU)) == set()


def naive_silu(x: Any) -> Any:
    """The cube of its denominator is beyond float32, far below 0."""
    return x / (1 + torch.exp(-x))


def test_differences_that_rounding_drowns_acquit_nobody() -> None:
    found = outcomes(naive_silu, "silu c=13 batch=1,7,3 {} far c-order seed=1")
    assert Kind.ORACLE not in {each.finding.kind for each in found if each.finding}
