"""Modules, and functions about which something is declared, are asked the rows on tensors too."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.contract_strangers import STRANGERS
from bpcheck import adapters
from bpcheck.cases import parse_case
from bpcheck.checks import names_for
from bpcheck.checks.tensors.asked import ROWS
from bpcheck.errors import TargetError
from bpcheck.finding import Outcome, Status
from bpcheck.runner.one import judge
from bpcheck.subject import Subject

CONV = "conv1d n2ic2iw9oc3kw3sw2pw1 f64 small c-order seed=1"
AVERAGE = "avg_pool1d n2ic2iw9kw3sw2 f64 small c-order seed=1"
POOL = "max_pool1d n2ic2iw9kw3sw2 f64 small c-order seed=1"


def outcomes(subject: Subject, case: str) -> tuple[Outcome, ...]:
    return judge(subject, parse_case(case)).outcomes


def with_status(found: tuple[Outcome, ...], status: Status) -> set[str]:
    return {each.check for each in found if each.status is status}


def remarks(found: tuple[Outcome, ...]) -> dict[str, str]:
    return {each.check: each.remark for each in found if each.remark}


class Scalar(torch.autograd.Function):
    """A convolution by hand, with plain integers for its params; frozen weights freeze all."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, stride: int, padding: int) -> Any:
        ctx.save_for_backward(x, w)
        ctx.params = stride, padding
        return functional.conv1d(x, w, b, stride, padding)

    @classmethod
    def gradients(cls, ctx: Any, y_bar: Any) -> Any:
        x, w = ctx.saved_tensors
        with torch.enable_grad():
            x, w = x.detach().requires_grad_(), w.detach().requires_grad_()
            y = functional.conv1d(x, w, None, *ctx.params)
        x_bar, w_bar = torch.autograd.grad(y, [x, w], y_bar)
        return x_bar, w_bar, y_bar.sum((0, 2)), None, None

    @staticmethod
    def backward(ctx: Any, *y_bar: Any) -> Any:
        return Scalar.gradients(ctx, y_bar[0])


class FrozenTogether(Scalar):
    @staticmethod
    def backward(ctx: Any, *y_bar: Any) -> Any:
        is_asked = ctx.needs_input_grad[1]
        return Scalar.gradients(ctx, y_bar[0]) if is_asked else (None,) * 5


class Pools(nn.Module):
    """Averages by a buffer of ones; what is learned is nothing."""

    ones: torch.Tensor

    def __init__(self, kernel_size: Any, stride: Any) -> None:
        super().__init__()
        (self.size,), (self.stride,) = kernel_size, stride
        self.register_buffer("ones", torch.ones(1, 1, self.size))

    def forward(self, x: Any) -> Any:
        n, c, w = x.shape
        sums = functional.conv1d(x.reshape(n * c, 1, w), self.ones, stride=self.stride)
        return sums.reshape(n, c, -1) / self.size


class Packs(nn.Conv1d):
    """Keeps what it has made of its weights, with the graph of the first call."""

    kept: Any = None

    def packed(self) -> Any:
        return self.weight * 1

    def forward(self, x: Any) -> Any:
        self.kept = self.packed() if self.kept is None else self.kept
        return self._conv_forward(x, self.kept, self.bias)


class Copies(nn.Conv1d):
    """No path leads to its weights from the second call on."""

    calls = 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        weight = self.weight.detach() if self.calls > 1 else self.weight
        return self._conv_forward(x, weight, self.bias)


class Folds(nn.Conv1d):
    """Folds its weights for evaluation once it is told to be in it."""

    folded: Any = None

    def train(self, mode: bool = True) -> Any:  # noqa: FBT001, FBT002 - torch's signature
        self.folded = None if mode else self.weight.detach() * 1
        return super().train(mode)

    def forward(self, x: Any) -> Any:
        weight = self.weight if self.folded is None else self.folded
        return self._conv_forward(x, weight, self.bias)


class Keeps(nn.MaxPool1d):
    last: Any = None

    def forward(self, x: Any) -> Any:
        self.last = super().forward(x)
        return self.last


def in_lines(x: Any, w: Any, b: Any, stride: Any, padding: Any) -> Any:
    return functional.conv1d(x.transpose(1, 2), w, b, stride, padding).transpose(1, 2)


class DrawsInItsConstructor(nn.Module):
    def __init__(self, kernel_size: Any, stride: Any) -> None:
        super().__init__()
        self.unused = torch.rand(3)
        self.pool = nn.MaxPool1d(kernel_size, stride)

    def forward(self, x: Any) -> Any:
        return self.pool(x)


class KeepsItsFirst(nn.MaxPool1d):
    kept: Any = None

    def forward(self, x: Any) -> Any:
        self.kept = super().forward(x) if self.kept is None else self.kept
        return self.kept


@pytest.mark.parametrize(
    ("target", "words"),
    [(nn.Conv1d, {}), (Scalar, {}), (in_lines, {"layout": "NLC"})],
    ids=["module", "integers", "layout"],
)
def test_right_code_is_asked_every_row_and_passes(target: Any, words: dict[str, str]) -> None:
    subject = adapters.torch(target, operation="conv1d", **words)
    found = outcomes(subject, CONV)
    assert with_status(found, Status.FAILED) == set()
    asked = with_status(found, Status.PASSED) | set(remarks(found))
    assert asked >= set(ROWS)


def test_a_function_with_plain_integers_is_asked_with_frozen_weights() -> None:
    wrong = outcomes(adapters.torch(FrozenTogether, operation="conv1d"), CONV)
    assert with_status(wrong, Status.FAILED) == {"needs grad"}


@pytest.mark.parametrize(
    ("name", "row"), [("packed_weights", "training step"), ("evaluation", "modes")]
)
def test_what_a_module_keeps_and_what_it_is_in_evaluation_are_asked(name: str, row: str) -> None:
    (stranger,) = (each for each in STRANGERS if each.name == name)
    assert with_status(outcomes(stranger.broken(), CONV), Status.FAILED) == {row}
    assert with_status(outcomes(stranger.kept(), CONV), Status.FAILED) == set()


def test_a_module_without_weights_is_called_twice_with_another_input() -> None:
    wrong = outcomes(adapters.torch(KeepsItsFirst, operation="max_pool1d"), POOL)
    assert "training step" in with_status(wrong, Status.FAILED)
    right = outcomes(adapters.torch(nn.MaxPool1d, operation="max_pool1d"), POOL)
    assert with_status(right, Status.FAILED) == set()
    assert "training step" in with_status(right, Status.PASSED)


@pytest.mark.parametrize(("target", "results"), [(Packs, {"y"}), (Copies, {"w_bar"})])
def test_a_second_call_that_raises_or_learns_nothing_is_found(
    target: Any, results: set[str]
) -> None:
    found = outcomes(adapters.torch(target, operation="conv1d"), CONV)
    rows = {o.check: o.result for o in found if o.status is Status.FAILED}
    assert set(rows) == {"training step"}
    assert {o.result for o in found if o.status is Status.FAILED} >= results


def test_weights_that_are_folded_when_evaluation_begins_are_those_that_were_loaded() -> None:
    found = outcomes(adapters.torch(Folds, operation="conv1d"), CONV)
    # What nobody trains then needs no path to its weights.
    assert with_status(found, Status.FAILED) == set()


def test_buffers_have_the_dtype_of_the_case() -> None:
    found = outcomes(adapters.torch(Pools, operation="avg_pool1d"), AVERAGE)
    assert with_status(found, Status.FAILED) == set()


def test_a_module_that_keeps_its_last_result_is_no_circle() -> None:
    found = outcomes(adapters.torch(Keeps, operation="max_pool1d"), POOL)
    assert "saved tensors" not in remarks(found)


def test_a_constructor_that_draws_is_no_obstacle_to_a_vmap() -> None:
    found = outcomes(adapters.torch(DrawsInItsConstructor, operation="max_pool1d"), POOL)
    assert "vmap" in with_status(found, Status.PASSED)
    assert "vmap" not in remarks(found)


def test_a_result_on_its_own_context_is_told_to_stay_in_memory() -> None:
    (stranger,) = (each for each in STRANGERS if each.name == "circle")
    assert "y is not freed" in remarks(outcomes(stranger.broken(), POOL))["saved tensors"]
    assert "saved tensors" not in remarks(outcomes(stranger.kept(), POOL))


def test_the_row_of_modules_is_no_row_of_functions() -> None:
    assert "training step" not in names_for(adapters.torch(Scalar, operation="conv1d"))


def test_an_operator_with_integers_is_asked_the_rules_of_operators() -> None:
    def pool(x: torch.Tensor, size: int, stride: int) -> torch.Tensor:
        return functional.avg_pool1d(x, size, stride).clone()

    def back(ctx: Any, y_bar: Any) -> Any:
        with torch.enable_grad():
            x = torch.zeros(ctx.shape, dtype=y_bar.dtype, requires_grad=True)
            y = functional.avg_pool1d(x, *ctx.params)
        return (*torch.autograd.grad(y, x, y_bar), None, None)

    def remember(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.shape, ctx.params = inputs[0].shape, inputs[1:]

    registered: Any = torch.library.custom_op("bpcheck_rows::pool", pool, mutates_args=())
    registered.register_autograd(back, setup_context=remember)
    bare = outcomes(adapters.torch(registered, operation="avg_pool1d"), AVERAGE)
    assert "there is no fake kernel" in remarks(bare)["operator fake tensor"]
    assert "operator schema" in with_status(bare, Status.PASSED)
    registered.register_fake(lambda x, size, stride: x.new_empty(()))
    wrong = outcomes(adapters.torch(registered, operation="avg_pool1d"), AVERAGE)
    assert "operator fake tensor" in with_status(wrong, Status.FAILED)


def test_an_operator_whose_backward_is_a_long_loop_is_not_traced() -> None:
    def pool(x: torch.Tensor, size: int, stride: int) -> torch.Tensor:
        return functional.avg_pool1d(x, size, stride).clone()

    def back(ctx: Any, y_bar: Any) -> Any:
        x_bar = y_bar.new_zeros(ctx.shape)
        size, stride = ctx.params
        for j in range(size):
            end = j + stride * (y_bar.shape[-1] - 1) + 1
            x_bar[..., j:end:stride] += y_bar / size
        return x_bar, None, None

    def remember(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.shape, ctx.params = inputs[0].shape, inputs[1:]

    registered: Any = torch.library.custom_op("bpcheck_rows::looped", pool, mutates_args=())
    registered.register_autograd(back, setup_context=remember)
    registered.register_fake(
        lambda x, size, stride: x.new_empty((*x.shape[:2], (x.shape[2] - size) // stride + 1))
    )
    subject = adapters.torch(registered, operation="avg_pool1d")
    small, large = AVERAGE, "avg_pool1d n1ic1iw70kw64 f64 exact"
    assert "operator schema" in with_status(outcomes(subject, small), Status.PASSED)
    assert "operator schema" not in with_status(outcomes(subject, large), Status.PASSED)


def test_a_module_of_sizes_whose_axes_have_no_names_is_refused_with_a_remedy() -> None:
    with pytest.raises(TargetError, match=r"name a function of \(x, weight, bias"):
        adapters.torch(nn.ConvTranspose2d, operation="conv_transpose2d")


def test_gradients_that_are_scaled_are_other_numbers_than_autograds() -> None:
    scaled = adapters.torch(Scalar, operation="conv1d", scaled="1/n")
    assert scaled.tensors is None


class Normed(nn.Module):
    """Its weight is computed: the older way leaves a hook, the newer one a property."""

    norm: Any = staticmethod(nn.utils.parametrizations.weight_norm)

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, *, bias: bool = True):
        super().__init__()
        self.conv = self.norm(nn.Conv1d(in_channels, out_channels, kernel_size, bias=bias))

    def forward(self, x: Any) -> Any:
        return self.conv(x)


class ByHook(Normed):
    norm = staticmethod(nn.utils.spectral_norm)


class Scaled(Normed):
    @staticmethod
    def norm(conv: Any) -> Any:
        conv.scale = nn.Parameter(torch.ones(()))
        return conv


class TwoLayers(Normed):
    @staticmethod
    def norm(conv: Any) -> Any:
        return nn.Sequential(conv, nn.Conv1d(conv.out_channels, conv.out_channels, 1))


class Fixed(Normed):
    @staticmethod
    def norm(conv: Any) -> Any:
        weight = conv.weight.data
        del conv.weight
        conv.register_buffer("weight", weight)
        return conv


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (Normed, r"conv.weight is computed of the parameter conv\.parametrizations\.weight"),
        (ByHook, r"conv.weight is computed of the parameter conv\.weight_orig"),
        (nn.utils.parametrizations.weight_norm(nn.Conv1d(1, 1, 1)), "weight is computed of"),
        (Scaled, "the parameter conv.scale is no operand of conv1d, whose weights are w, b"),
        (TwoLayers, r"conv\.0\.weight and conv\.1\.weight would both be w"),
        (Fixed, "no parameter can be w of conv1d: its parameters are conv.bias"),
    ],
    ids=["parametrized", "hook", "instance", "extra", "two", "buffer"],
)
def test_a_module_that_learns_other_things_is_refused_with_a_remedy(target: Any, why: str) -> None:
    with pytest.raises(TargetError, match=why + r".*a function of \(x, w, b, \.\.\.\) on tensors"):
        adapters.torch(target, operation="conv1d")


class AnotherWhereItWidens(nn.Conv1d):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any):
        super().__init__(in_channels, out_channels, kernel_size)
        if in_channels != 1:
            self.scale = nn.Parameter(torch.ones(()))


def test_what_a_module_learns_in_some_cases_alone_leaves_those_out() -> None:
    subject = adapters.torch(AnotherWhereItWidens, operation="conv1d")
    judged = judge(subject, parse_case("conv1d n1ic2iw3oc2kw2 f64 small c-order seed=1"))
    assert (
        judged.unsupported == "the parameter scale is no operand of conv1d, whose weights are w, b"
    )
    assert not judge(subject, parse_case("conv1d n1ic1iw3oc2kw2 f64 small seed=1")).unsupported


class Lazy(nn.Module):
    def __init__(self, out_channels: int, kernel_size: Any, *, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.LazyConv1d(out_channels, kernel_size, bias=bias)

    def forward(self, x: Any) -> Any:
        return self.conv(x)


@pytest.mark.parametrize("target", [nn.Conv1d, Lazy])
def test_making_an_instance_is_no_obstacle_to_transforms_and_leaves_no_trace(target: Any) -> None:
    found = outcomes(
        adapters.torch(target, operation="conv1d"), "conv1d n2ic2iw9oc3kw3 f32 small seed=1"
    )
    assert with_status(found, Status.FAILED) == set()
    assert with_status(found, Status.PASSED) >= {"forward mode", "vmap"}
    assert remarks(found) == {}


def test_an_instance_is_told_to_stand_for_its_class() -> None:
    subject = adapters.torch(nn.Conv1d(3, 4, 3, padding_mode="circular"), operation="conv1d")
    assert subject.style.startswith("new instances of Conv1d")


def test_a_tangent_that_is_lost_is_told_so_under_a_cotangent_of_zeros_too() -> None:
    def twice(x: torch.Tensor, size: int, stride: int) -> torch.Tensor:
        return functional.avg_pool1d(x, size, stride).clone()

    registered: Any = torch.library.custom_op("bpcheck_rows::lost", twice, mutates_args=())
    registered.register_autograd(lambda ctx, y_bar: (y_bar.clone(), None, None))
    found = outcomes(
        adapters.torch(registered, operation="avg_pool1d"),
        "avg_pool1d n1ic1iw1kw1 f64 sparse c-order seed=0",
    )
    assert "silently lost" in remarks(found)["forward mode"]


def test_a_view_that_is_made_without_a_graph_raises_nothing() -> None:
    def pool(x: Any, kernel_size: Any, stride: Any) -> Any:
        return x.unfold(2, kernel_size[0], stride[0])[..., 0]

    subject = adapters.torch(pool, operation="max_pool1d")
    found = outcomes(subject, "max_pool1d n1ic1iw3kw1 f64 small c-order seed=1")
    assert "modes" not in remarks(found)


def test_a_vmap_that_fails_for_another_reason_than_a_missing_rule_has_no_such_remedy() -> None:
    def branches(x: Any, kernel_size: Any, stride: Any) -> Any:
        assert bool(x.sum() < 1e9)
        return functional.avg_pool1d(x, kernel_size, stride)

    told = remarks(outcomes(adapters.torch(branches, operation="avg_pool1d"), AVERAGE))["vmap"]
    assert "is not supported: RuntimeError: vmap:" in told
    assert "generate_vmap_rule" not in told
