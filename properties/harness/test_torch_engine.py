"""What torch's engine would hide of an `autograd.Function`, and where it is needed all the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bpcheck import adapters
from properties.harness.torch_conv import (
    CONV,
    POOL,
    X_BAR,
    Y_BAR,
    B,
    Conv,
    W,
    X,
    apply,
    assert_is_the_convolution,
    conv,
    run,
)


def test_a_gradient_of_the_wrong_dtype_is_not_cast_by_the_engine() -> None:
    class Narrow(Conv):
        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            x_bar, w_bar, *rest = Conv.backward(ctx, *grads)
            return (x_bar, w_bar.float(), *rest)

    _, gradients = run(conv(Narrow), X, W, B, **CONV)
    assert [each.dtype.name for each in gradients] == ["float64", "float32", "float64"]


def test_a_gradient_of_an_expanded_shape_is_not_summed_by_the_engine() -> None:
    class Expanded(Conv):
        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            x_bar, *rest = Conv.backward(ctx, *grads)
            return (x_bar.expand(2, *x_bar.shape) / 2, *rest)

    _, gradients = run(conv(Expanded), X, W, B, **CONV)
    assert gradients[0].shape == (2, 1, 1, 4)


def test_a_backward_that_returns_too_few_gradients_raises_as_torch_does() -> None:
    class Few(Conv):
        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return Conv.backward(ctx, *grads)[:3]

    with pytest.raises(RuntimeError, match=r"expected 7, got 3"):
        run(conv(Few), X, W, B, **CONV)


def test_a_function_inside_other_operations_goes_through_the_engine() -> None:
    def fn(x: Any, w: Any, b: Any, **params: Any) -> Any:
        return apply(Conv, x * 1, w, b, *params.values()) + 0

    assert_is_the_convolution(fn)


def test_a_function_that_gets_one_operand_twice_goes_through_the_engine() -> None:
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, one: Any, other: Any) -> Any:
            ctx.save_for_backward(one, other)
            return one * other

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            one, other = ctx.saved_tensors
            return grads[0] * other, grads[0] * one

    subject = adapters.torch(lambda x: apply(Product, x, x), operation="max_pool1d")
    _, residuals = subject.forward(X)
    assert subject.vjp(residuals, np.ones_like(X))[0].tolist() == (2 * X).tolist()


def test_one_output_of_several_goes_through_the_engine() -> None:
    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004 - torch's signature
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:  # noqa: ARG004 - torch's signature
            return grads[0] * 2 + grads[1] * 3

    subject = adapters.torch(lambda x: apply(Two, x)[1], operation="max_pool1d")
    _, residuals = subject.forward(X)
    assert subject.vjp(residuals, np.ones_like(X))[0].tolist() == [[[3.0] * 4]]


def test_an_input_that_is_overwritten_is_seen_to_be() -> None:
    class Overwrites(Conv):
        @staticmethod
        def forward(ctx: Any, x: Any, *rest: Any) -> Any:
            y = Conv.forward(ctx, x, *rest)
            x.zero_()
            return y

    for x in (X.copy(), X[..., ::-1].copy()[..., ::-1]):
        conv(Overwrites).forward(x, W, B, **CONV)
        assert not x.any()


def test_a_cotangent_that_is_overwritten_is_seen_to_be() -> None:
    class Overwrites(Conv):
        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            gradients = Conv.backward(ctx, *grads)
            grads[0].zero_()
            return gradients

    subject, y_bar = conv(Overwrites), Y_BAR.copy()
    _, residuals = subject.forward(X, W, B, **CONV)
    assert subject.vjp(residuals, y_bar)[0].tolist() == X_BAR
    assert not y_bar.any()


def test_a_backward_that_answers_for_defaults_is_called_once() -> None:
    calls = []

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, factor: float = 3.0, offset: float = 0.0) -> Any:
            ctx.save_for_backward(x)
            ctx.factor = factor
            return factor * x**2 + offset

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            calls.append(ctx)
            (x,) = ctx.saved_tensors
            # A second backward would find the gradient of the first in the place of x.
            x.data.mul_(2 * ctx.factor * grads[0])
            return x, None, None

    subject = adapters.torch(lambda x, **_: apply(Scaled, x), operation="avg_pool1d")
    _, residuals = subject.forward(X.copy(), **POOL)
    assert subject.vjp(residuals, np.ones_like(X))[0].tolist() == [[[6.0, 12.0, 18.0, 24.0]]]
    assert len(calls) == 1
