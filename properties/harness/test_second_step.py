"""A layer object is kept for many steps: what it keeps of one of them must not reach the next."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bpcheck import Subject, adapters, parse_case
from bpcheck.adapters.making import made, one_instance
from bpcheck.checks import names_for, second_step
from bpcheck.finding import Outcome, Status
from bpcheck.runner import check_subject
from bpcheck.runner.one import judge
from bpcheck.verdict import Verdict

POOL = [f"max_pool1d n{n}ic2iw6kw2sw2 f64 exact c-order" for n in (1, 2, 3)]
AVERAGE = [each.replace("max", "avg") for each in POOL]
CONV = [f"conv1d n{n}ic2iw5oc3kw2 f64 exact c-order" for n in (1, 2, 3)]


class Average:
    """Right: whatever is kept is kept anew by each forward."""

    def __init__(self, kernel_size: int, stride: int):
        self.size, self.stride = kernel_size, stride
        self.samples = 0

    def forward(self, x: Any) -> Any:
        self.samples = len(x)
        self.shape = x.shape
        return np.stack([each.mean(-1) for each in self._windows(x)], -1)

    def _windows(self, x: Any) -> list[Any]:
        starts = range(0, x.shape[-1] - self.size + 1, self.stride)
        return [x[..., start : start + self.size] for start in starts]

    def backward(self, dout: Any) -> Any:
        dx = np.zeros(self.shape, dout.dtype)
        for window, each in zip(self._windows(dx), np.moveaxis(dout, -1, 0), strict=True):
            window[...] += each[..., None] / self.size
        return dx * (len(dout) / max(self.samples, 1))


class AverageOfItsFirstBatch(Average):
    """How many samples there are is learned once."""

    def forward(self, x: Any) -> Any:
        first = self.samples
        y = super().forward(x)
        self.samples = first or self.samples
        return y


class Largest(Average):
    """Right: a maximum to the first winner."""

    winners: Any = None

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        self.winners = [each.argmax(-1) for each in self._windows(x)]
        return np.stack([each.max(-1) for each in self._windows(x)], -1)

    def backward(self, dout: Any) -> Any:
        dx = np.zeros(self.shape, dout.dtype)
        every = zip(self._windows(dx), self.winners, np.moveaxis(dout, -1, 0), strict=True)
        for window, winner, each in every:
            there = np.take_along_axis(window, winner[..., None], -1) + each[..., None]
            np.put_along_axis(window, winner[..., None], there, -1)
        return dx


class LargestOfItsFirstStep(Largest):
    """Winners are looked for once for each shape."""

    def forward(self, x: Any) -> Any:
        kept, known = self.winners, getattr(self, "shape", None) == x.shape
        y = super().forward(x)
        self.winners = kept if known else self.winners
        return y


class Conv:
    """Right: a convolution of stride 1 whose constructor takes the weights."""

    def __init__(self, W: Any, b: Any):
        self.W, self.b = W, b

    def forward(self, x: Any) -> Any:
        self.x = x
        windows = np.lib.stride_tricks.sliding_window_view(x, self.W.shape[-1], axis=-1)
        return np.einsum("nciw,ocw->noi", windows, self.W) + self.b[:, None]

    def backward(self, dout: Any) -> Any:
        size = self.W.shape[-1]
        windows = np.lib.stride_tricks.sliding_window_view(self.x, size, axis=-1)
        self.keep(np.einsum("nciw,noi->ocw", windows, dout), dout.sum((0, 2)))
        wide = np.pad(dout, ((0, 0), (0, 0), (size - 1, size - 1)))
        turned = np.lib.stride_tricks.sliding_window_view(wide, size, axis=-1)[..., ::-1]
        return np.einsum("noiw,ocw->nci", turned, self.W)

    def keep(self, *gradients: Any) -> None:
        self.dW, self.db = gradients


class ConvThatAddsUp(Conv):
    """Right for who clears the gradients before each step, as optimizers do."""

    def keep(self, *gradients: Any) -> None:
        self.dW = gradients[0] + getattr(self, "dW", 0)
        self.db = gradients[1] + getattr(self, "db", 0)


class ConvOfItsFirstInput(Conv):
    """The input of the first step is kept for all."""

    def forward(self, x: Any) -> Any:
        first = getattr(self, "x", None)
        y = super().forward(x)
        if first is not None and first.shape == x.shape:
            self.x = first
        return y


class ConvThatTurnsItsKernelOnce(Conv):
    """The weights of the first step send the error back in all steps."""

    turned: Any = None

    def backward(self, dout: Any) -> Any:
        weights = self.W
        self.turned = weights.copy() if self.turned is None else self.turned
        self.W = self.turned
        dx = super().backward(dout)
        self.W = weights
        return dx


class ConvWithAViewOfItsWeights(Conv):
    def __init__(self, W: Any, b: Any):
        super().__init__(W, b)
        self.rows = W.reshape(len(W), -1)

    def forward(self, x: Any) -> Any:
        self.W = self.rows.reshape(self.W.shape)
        return super().forward(x)


class ConvThatKeepsItsKernelTurned(Conv):
    """Right: what it holds is not what it was handed."""

    def __init__(self, W: Any, b: Any):
        super().__init__(W[..., ::-1].copy(), b)

    def forward(self, x: Any) -> Any:
        return self.turned(super().forward, x)

    def backward(self, dout: Any) -> Any:
        return self.turned(super().backward, dout)

    def turned(self, method: Any, argument: Any) -> Any:
        self.W = self.W[..., ::-1]
        found = method(argument)
        self.W = self.W[..., ::-1]
        return found


class ConvThatHidesItsWeights(Conv):
    """Right: who changes what its attribute gives changes a copy."""

    def __init__(self, W: Any, b: Any):
        self.hidden, self.b = W, b

    @property
    def W(self) -> Any:
        return self.hidden.copy()


class ConvWithOneArrayForItsGradients(Conv):
    """Right: its optimizer has been given the arrays."""

    kept: Any = None

    def keep(self, *gradients: Any) -> None:
        if self.kept is None:
            self.kept = [np.zeros_like(each) for each in gradients]
        for there, each in zip(self.kept, gradients, strict=True):
            there[...] = each
        self.dW, self.db = self.kept


class ModuleOfItsFirstBatch(nn.Module):
    def __init__(self, kernel_size: int, stride: int):
        super().__init__()
        self.pool = nn.AvgPool1d(kernel_size, stride)
        self.samples: int | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.samples = self.samples or len(x)
        scale = len(x) / self.samples
        y: torch.Tensor = self.pool(x)
        # The numbers of y, and another gradient.
        return y.detach() + scale * (y - y.detach())


def layer(cls: Any, operation: str) -> Subject:
    return adapters.layer(cls, operation=operation)


def said(subject: Subject, cases: list[str], row: str) -> list[Outcome]:
    """What a row says of seeds among which it is asked, where it says something."""
    every = [
        parse_case(f"{case} seed={seed}") for case in cases for seed in range(4 * second_step.EVERY)
    ]
    outcomes = [each for case in every for each in judge(subject, case, checks=(row,)).outcomes]
    return [each for each in outcomes if each.status is not Status.NOT_APPLICABLE]


RIGHT = [
    (Average, AVERAGE),
    (Largest, POOL),
    (Conv, CONV),
    (ConvThatAddsUp, CONV),
    (ConvWithAViewOfItsWeights, CONV),
    (ConvThatKeepsItsKernelTurned, CONV),
    (ConvThatHidesItsWeights, CONV),
    (ConvWithOneArrayForItsGradients, CONV),
]
WRONG = [
    (AverageOfItsFirstBatch, AVERAGE, {"x_bar"}),
    (LargestOfItsFirstStep, POOL, {"x_bar"}),
    (ConvOfItsFirstInput, CONV, {"w_bar"}),
    (ConvThatTurnsItsKernelOnce, CONV, {"x_bar"}),
]


@pytest.mark.parametrize(("cls", "cases"), RIGHT, ids=lambda each: getattr(each, "__name__", ""))
def test_right_layers_pass_a_second_step(cls: Any, cases: list[str]) -> None:
    found = said(layer(cls, cases[0].split()[0]), cases, second_step.NAME)
    assert {each.status for each in found} == {Status.PASSED}


def test_gradients_of_weights_may_lie_in_one_array_for_all_steps() -> None:
    subject = layer(ConvWithOneArrayForItsGradients, "conv1d")
    found = said(subject, CONV, "second vjp")
    assert {each.status for each in found} == {Status.PASSED}


@pytest.mark.parametrize(
    ("cls", "cases", "results"), WRONG, ids=lambda each: getattr(each, "__name__", "")
)
def test_what_one_step_leaves_for_the_next_is_found(
    cls: Any, cases: list[str], results: set[str]
) -> None:
    subject = layer(cls, cases[0].split()[0])
    found = said(subject, cases, second_step.NAME)
    assert {each.result for each in found if each.status is Status.FAILED} == results
    for name in names_for(subject):
        if name != second_step.NAME:
            assert Status.FAILED not in {each.status for each in said(subject, cases, name)}


def test_a_run_tells_that_it_keeps_state() -> None:
    report = check_subject(layer(AverageOfItsFirstBatch, "avg_pool1d"), count=120)
    (judgement,) = report.judgements
    assert judgement.verdict is Verdict.KEEPS_STATE
    assert judgement.result == "x_bar"
    assert "with a sample" in judgement.findings[0].message


def test_a_module_of_its_first_batch_is_found_by_the_row_of_modules() -> None:
    subject = adapters.torch(ModuleOfItsFirstBatch, operation="avg_pool1d")
    found = said(subject, AVERAGE, "training step")
    wrong = [each for each in found if each.status is Status.FAILED]
    assert {each.result for each in wrong} == {"x_bar"}
    assert all(each.finding and "with a sample" in each.finding.message for each in wrong)
    right = said(adapters.torch(nn.AvgPool1d, operation="avg_pool1d"), AVERAGE, "training step")
    assert {each.status for each in right} == {Status.PASSED}


def test_the_row_is_of_classes_of_layers_alone() -> None:
    assert second_step.NAME in names_for(layer(Average, "avg_pool1d"))
    assert second_step.NAME not in names_for(adapters.torch(nn.AvgPool1d, operation="avg_pool1d"))


def test_an_instance_is_given_again_where_it_would_be_made_alike() -> None:
    with one_instance() as kept:
        first = made(Conv, np.ones(3), b=(1, "a"))
        assert made(Conv, np.ones(3), b=(1, "a")) is first
        assert made(Conv, np.zeros(3), b=(1, "a")) is not first
        assert made(Average, 2, 2) is not made(Average, 2, 1)
        assert kept.times == 1
    assert made(Average, 2, 2) is not made(Average, 2, 2)
