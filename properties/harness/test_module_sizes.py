"""Modules of declared operations: the sizes that they are made for are told by their parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

import bpcheck
from bpcheck import adapters
from bpcheck.errors import TargetError
from bpcheck.verdict import Report, Verdict

pytestmark = pytest.mark.verdicts

COUNT = 8


class Product(torch.autograd.Function):
    """``x w^T``, of whose weights' gradient a tile of 64 columns alone is written."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        return x @ w.T

    @staticmethod
    def backward(ctx: Any, y_bar: torch.Tensor) -> Any:
        x, w = ctx.saved_tensors
        w_bar = y_bar.reshape(-1, y_bar.shape[-1]).T @ x.reshape(-1, x.shape[-1])
        w_bar[:, 64:] = 0
        return y_bar @ w, w_bar


class Tiled(torch.nn.Module):
    """A linear layer by it, without a bias; its sizes have names of its own."""

    def __init__(self, wide: int, narrow: int):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(narrow, wide))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = Product.apply(x, self.weight)  # type: ignore[no-untyped-call]
        return y


class Scaled(torch.nn.Module):
    """A norm that takes its eps before its size."""

    def __init__(self, eps: float, hidden: int, bias: bool = True):  # noqa: FBT001, FBT002 - as torch's
        super().__init__()
        self.eps, self.weight = eps, torch.nn.Parameter(torch.empty(hidden))
        self.bias = torch.nn.Parameter(torch.empty(hidden)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)


class Dropping(torch.nn.Module):
    """One that is given a number which no shape tells."""

    def __init__(self, hidden: int, depth: int):
        super().__init__()
        self.weight, self.depth = torch.nn.Parameter(torch.empty(hidden)), depth


def checked(module: Any, operation: str) -> Report:
    subject = adapters.torch(module, operation=operation)
    return bpcheck.check(subject, count=COUNT, dtypes=["float64"])


@pytest.mark.parametrize(
    ("module", "operation", "left_out"),
    [
        (torch.nn.Linear, "linear", set()),
        (torch.nn.LayerNorm, "layer_norm", set()),
        (torch.nn.RMSNorm, "rms_norm", set()),
        (torch.nn.GroupNorm, "group_norm", set()),
        # It has a weight always.
        (Scaled, "layer_norm", {"no weight"}),
    ],
)
def test_a_right_module_agrees_whatever_its_sizes_are_called(
    module: Any, operation: str, left_out: set[str]
) -> None:
    report = checked(module, operation)
    assert report.verdict is Verdict.AGREES
    assert report.cases >= COUNT
    assert set(report.reasons) <= left_out


def test_a_wrong_one_without_a_bias_is_found_beyond_its_tile() -> None:
    report = checked(Tiled, "linear")
    (defect,) = (each for each in report.judgements if each.verdict.is_defect)
    assert (defect.verdict, defect.result) == (Verdict.BACKWARD_WRONG, "weight_bar")
    assert " c=65 " in defect.smallest
    assert set(report.reasons) == {"a bias"}


@pytest.mark.parametrize(
    ("module", "operation", "told"),
    [
        (Dropping, "rms_norm", r"show how it is made, as in make=\"_\(x\.shape\[-1\]\)\""),
        (torch.nn.BatchNorm2d, "batch_norm", r"\(running_mean, running_var\) could not be handed"),
    ],
)
def test_what_no_shape_tells_is_refused_with_what_to_say(
    module: Any, operation: str, told: str
) -> None:
    with pytest.raises(TargetError, match=told):
        checked(module, operation)
