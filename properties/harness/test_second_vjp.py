"""A second vjp of the same forward: the same bits, or an error; other numbers keep state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

import bpcheck
from bpcheck import Subject, adapters
from bpcheck.operations import operation_named
from bpcheck.verdict import Report, Verdict
from properties.harness.torch_conv import apply
from reference import conv

pytestmark = pytest.mark.verdicts

COUNT = 60


def rows_that_failed(report: Report) -> set[str]:
    return {row for row, cells in report.table.items() if any(c.failed for c in cells.values())}


def forward(*operands: Any, **params: Any) -> Any:
    y, residuals = conv.forward(*operands, **params)
    return y, [residuals, 1]


def vjp_that_negates(kept: list[Any], y_bar: Any) -> Any:
    residuals, sign = kept
    kept[1] = -sign
    return conv.vjp(residuals, y_bar if sign > 0 else -y_bar)


class Spoiling:
    """A target whose vjp spoils its residuals."""

    forward = staticmethod(forward)
    vjp = staticmethod(vjp_that_negates)


class Once(Spoiling):
    """The same, which says so."""

    SINGLE_USE = True


def report_on(target: type) -> Report:
    adapter = adapters.STYLES["numpy"]
    subject = adapter(
        target, operation=operation_named("conv2d"), name=target.__name__, dtypes=("float64",)
    )
    return bpcheck.check(subject, count=COUNT)


def test_spoilt_residuals_are_told_with_the_calls_that_show_it() -> None:
    report = report_on(Spoiling)
    assert rows_that_failed(report) == {"second vjp"}
    assert {each.verdict for each in report.judgements} == {Verdict.KEEPS_STATE}
    for each in report.judgements:
        assert "where another vjp of the same forward comes first (f1 v1 v1), and" in each.because
        assert "the first one spoils the residuals" in each.because


def test_nothing_is_asked_where_residuals_are_claimed_to_serve_once() -> None:
    report = report_on(Once)
    assert report.judgements == ()
    assert not any(cell.passed for cell in report.table["second vjp"].values())
    claimed = Subject(forward, vjp_that_negates, operation="conv2d", single_use=True)
    assert bpcheck.check(claimed, count=COUNT).judgements == ()


def test_a_vjp_that_refuses_to_be_called_twice_is_honest() -> None:
    def vjp(kept: list[Any], y_bar: Any) -> Any:
        if not kept:
            raise RuntimeError("residuals serve once")
        residuals, _ = kept
        kept.clear()
        return conv.vjp(residuals, y_bar)

    assert bpcheck.check(Subject(forward, vjp, operation="conv2d"), count=COUNT).judgements == ()


def test_gradients_of_the_first_vjp_that_the_second_one_overwrites_share_memory() -> None:
    def vjp(kept: list[Any], y_bar: Any) -> Any:
        x_bar, *rest = conv.vjp(kept[0], y_bar)
        if len(kept) == 2:
            kept.append(x_bar.copy())
        kept[2][...] = x_bar
        return (kept[2], *rest)

    (judgement,) = bpcheck.check(Subject(forward, vjp, operation="conv2d"), count=COUNT).judgements
    assert (judgement.verdict, judgement.result) == (Verdict.ALIASES, "x_bar")
    assert "x_bar of the first vjp changes when the same forward has a second one" in (
        judgement.because
    )


def test_inputs_that_are_changed_are_not_charged_as_state_too() -> None:
    def vjp(kept: list[Any], y_bar: Any) -> Any:
        bars = conv.vjp(kept[0], y_bar)
        w = kept[2]
        if w.flags.writeable:
            w *= 2
        return bars

    def forward_with_w(x: Any, w: Any, b: Any, **params: Any) -> Any:
        y, kept = forward(x, w, b, **params)
        return y, [*kept, w]

    report = bpcheck.check(Subject(forward_with_w, vjp, operation="conv2d"), count=COUNT)
    assert {each.verdict for each in report.judgements} == {Verdict.MUTATES}


class Kept(torch.autograd.Function):
    """A convolution that keeps a copy of x: `spoil` is what its backward does with it."""

    spoil: Callable[[Any], None] = staticmethod(lambda ctx: None)

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x.clone(), w)
        ctx.x, ctx.params = x.clone(), params
        return functional.conv1d(x, w, b, *params)

    @classmethod
    def backward_of(cls, ctx: Any, y_bar: Any) -> Any:
        with torch.enable_grad():
            x, w = (each.detach().requires_grad_() for each in (ctx.x, ctx.saved_tensors[1]))
            y = functional.conv1d(x, w, None, *ctx.params)
        bars = torch.autograd.grad(y, (x, w), y_bar)
        cls.spoil(ctx)
        b_bar = y_bar.sum((0, 2)) if ctx.needs_input_grad[2] else None
        return (*bars, b_bar, None, None, None, None)


class Right(Kept):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return Right.backward_of(ctx, *grads)


class Negates(Kept):
    spoil = staticmethod(lambda ctx: ctx.x.neg_())

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return Negates.backward_of(ctx, *grads)


class Empties(Kept):
    spoil = staticmethod(lambda ctx: setattr(ctx.x, "data", torch.zeros_like(ctx.x)))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return Empties.backward_of(ctx, *grads)


class Deletes(Kept):
    spoil = staticmethod(lambda ctx: delattr(ctx, "x"))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return Deletes.backward_of(ctx, *grads)


class ChangesSaved(Kept):
    """Torch itself notices, and refuses the second backward."""

    spoil = staticmethod(lambda ctx: ctx.saved_tensors[0].mul_(2))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return ChangesSaved.backward_of(ctx, *grads)


def direct(function: Any) -> Any:
    return function


def through_the_engine(function: Any) -> Any:
    def fn(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: Any) -> Any:
        return apply(function, x * 1, w, b, stride, padding, dilation, groups) + 0

    return fn


@pytest.mark.parametrize("way", [direct, through_the_engine])
@pytest.mark.parametrize(
    ("function", "verdicts"),
    [
        (Right, set()),
        (Deletes, set()),
        (ChangesSaved, set()),
        (Negates, {Verdict.KEEPS_STATE}),
        (Empties, {Verdict.KEEPS_STATE}),
    ],
)
def test_a_backward_of_torch_may_refuse_the_second_time_and_not_give_other_numbers(
    function: type, verdicts: set[Verdict], way: Callable[[Any], Any]
) -> None:
    subject = adapters.torch(way(function), operation="conv1d", dtypes=["float64"])
    report = bpcheck.check(subject, count=COUNT)
    assert {each.verdict for each in report.judgements} == verdicts
    assert any(cell.passed for cell in report.table["second vjp"].values())
