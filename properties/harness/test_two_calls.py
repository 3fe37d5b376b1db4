"""What one call leaves for another: two calls of one module, and calls without a graph."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from bpcheck import adapters, parse_case
from bpcheck.checks import names_for
from bpcheck.finding import Kind, Outcome, Status
from bpcheck.runner.one import judge
from bpcheck.subject import Subject

AVERAGE = "avg_pool1d n2ic2iw6kw2sw2 f64 exact c-order"
RELU = "relu c=4 batch=3 f64 real c-order"
MAX = AVERAGE.replace("avg", "max")


class _Kept(torch.autograd.Function):
    """A maximum whose input lies where the caller says, in place of its context."""

    @staticmethod
    def forward(ctx: Any, x: Any, room: dict[str, Any]) -> Any:
        ctx.room = room
        room["x"] = x.detach().clone()
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return torch.where(ctx.room["x"] > 0, grads[0], 0), None


_keeps: Any = _Kept.apply


class OneRoomForAllCalls(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.room: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        return _keeps(x, self.room)


class ARoomForEachCall(nn.Module):
    """Right."""

    def __init__(self) -> None:
        super().__init__()
        self.room: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        self.room = {}
        return _keeps(x, self.room)


class OneResultWithoutAGraph(nn.Module):
    """Where nothing is recorded, every call writes the same memory."""

    def __init__(self, kernel_size: int, stride: int):
        super().__init__()
        self.pool = nn.AvgPool1d(kernel_size, stride)
        self.out: Any = None

    def forward(self, x: Any) -> Any:
        y = self.pool(x)
        if y.requires_grad:
            return y
        self.out = torch.empty_like(y) if self.out is None else self.out
        return self.out.copy_(y)


class WorksInItsOwnRoom(nn.Module):
    """Right: what it keeps is used within a call alone."""

    def __init__(self, kernel_size: int, stride: int):
        super().__init__()
        self.pool = nn.AvgPool1d(kernel_size, stride)
        self.room: Any = None

    def forward(self, x: Any) -> Any:
        if self.room is None or self.room.shape != x.shape:
            self.room = torch.empty_like(x)
        self.room.copy_(x.detach())
        return self.pool(x)


def in_place_without_grad(x: Any) -> Any:
    return functional.relu(x) if torch.is_grad_enabled() else x.relu_()


def in_place_where_frozen(x: Any) -> Any:
    return functional.relu(x) if x.requires_grad else x.relu_()


_results: dict[Any, Any] = {}


def one_result_where_frozen(x: Any) -> Any:
    if x.requires_grad:
        return functional.relu(x)
    kept = _results.setdefault((x.shape, x.dtype), torch.empty_like(x))
    return kept.copy_(functional.relu(x))


def in_place_on_a_copy(x: Any) -> Any:
    """Right."""
    return functional.relu(x) if x.requires_grad else x.clone().relu_()


def said(subject: Subject, case: str, row: str) -> list[Outcome]:
    every = [judge(subject, parse_case(f"{case} seed={seed}"), checks=(row,)) for seed in range(4)]
    return [each for judged in every for each in judged.outcomes if each.check == row]


def failed_with(found: list[Outcome]) -> set[tuple[str, Kind]]:
    return {(each.result, each.finding.kind) for each in found if each.finding}


@pytest.mark.parametrize(
    ("module", "case", "expected"),
    [
        (OneRoomForAllCalls, RELU, {("x_bar", Kind.STATE)}),
        (OneResultWithoutAGraph, AVERAGE, {("y", Kind.ALIASES)}),
        (ARoomForEachCall, RELU, set()),
        (WorksInItsOwnRoom, AVERAGE, set()),
        (nn.MaxPool1d, MAX, set()),
    ],
)
def test_a_module_in_two_places_of_a_network(module: Any, case: str, expected: Any) -> None:
    subject = adapters.torch(module, operation=case.partition(" ")[0])
    found = said(subject, case, "training step")
    assert failed_with(found) == expected
    assert Status.PASSED in {each.status for each in found}
    if expected:
        others = [name for name in names_for(subject) if name != "training step"]
        quiet = [each for name in others for each in said(subject, case, name)]
        assert failed_with(quiet) == set()


@pytest.mark.parametrize(
    ("function", "row", "expected"),
    [
        (in_place_without_grad, "modes", {("x_bar", Kind.MUTATES)}),
        (in_place_where_frozen, "needs grad", {("x_bar", Kind.MUTATES)}),
        (one_result_where_frozen, "needs grad", {("y", Kind.ALIASES)}),
        (in_place_on_a_copy, "modes", set()),
        (in_place_on_a_copy, "needs grad", set()),
    ],
)
def test_a_call_without_a_graph_leaves_operands_and_earlier_results_alone(
    function: Any, row: str, expected: Any
) -> None:
    found = said(adapters.torch(function, operation="relu"), RELU, row)
    assert failed_with(found) == expected
    assert Status.PASSED in {each.status for each in found} or expected


def test_an_error_at_a_second_call_is_told_and_no_defect() -> None:
    class WritesWhatIsSaved(nn.Module):
        mask: Any

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.zeros(()))

        def forward(self, x: Any) -> Any:
            self.mask = self.mask.expand(x.shape).clone() if self.mask.dim() == 0 else self.mask
            self.mask.copy_(x.detach() > 0)
            return x * self.mask

    found = said(adapters.torch(WritesWhatIsSaved, operation="relu"), RELU, "training step")
    assert failed_with(found) == set()
    assert any("a second call of one module" in each.remark for each in found)


def test_modules_that_take_nothing_and_those_of_params_by_their_own_names_are_made() -> None:
    softmax = adapters.torch(nn.Softmax, operation="softmax")
    case = "softmax c=3 batch=2,2,2 dim=-1 f64 real c-order"
    assert failed_with(said(softmax, case, "rounding")) == set()
    found = said(adapters.torch(ARoomForEachCall, operation="relu"), RELU, "rounding")
    assert Status.PASSED in {each.status for each in found}
