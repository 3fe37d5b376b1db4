"""Torch callables as subjects: conversion, calling conventions, and results."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from bpcheck import adapters
from bpcheck.errors import TargetError, Unsupported
from properties.harness.torch_conv import (
    CONV,
    POOL,
    W_BAR,
    X_BAR,
    Y_BAR,
    B,
    Conv,
    W,
    X,
    assert_is_the_convolution,
    conv,
    run,
)


def test_a_function_of_torch_is_called_by_keyword() -> None:
    assert_is_the_convolution(functional.conv1d)


def test_an_autograd_function_is_taken_as_a_class_and_as_its_apply() -> None:
    assert_is_the_convolution(Conv)
    assert_is_the_convolution(Conv.apply)


def test_an_autograd_function_with_a_separate_setup_context_works() -> None:
    class Separate(Conv):
        @staticmethod
        def forward(*arguments: Any) -> Any:
            return functional.conv1d(*arguments)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's signature
            ctx.save_for_backward(*inputs[:2])
            ctx.params = inputs[3:]

    assert_is_the_convolution(Separate)


def test_params_of_other_names_are_passed_by_position() -> None:
    def fn(x: Any, w: Any, b: Any, s: Any, p: Any, d: Any, g: Any) -> Any:
        return functional.conv1d(x, w, b, s, p, d, g)

    assert_is_the_convolution(fn)


def test_an_absent_param_is_left_out_while_it_changes_nothing() -> None:
    def fn(x: Any, w: Any, b: Any, stride: Any, padding: Any) -> Any:
        return functional.conv1d(x, w, b, stride, padding)

    assert_is_the_convolution(fn)
    with pytest.raises(Unsupported, match="takes no dilation"):
        conv(fn).forward(X, W, B, **{**CONV, "dilation": (2,)})
    with pytest.raises(Unsupported, match="takes no groups"):
        conv(fn).forward(X, W, B, **{**CONV, "groups": 2})


def test_an_absent_stride_of_a_pool_stands_for_the_kernel_size() -> None:
    def fn(x: Any, kernel_size: Any) -> Any:
        return functional.avg_pool1d(x, kernel_size)

    subject = adapters.torch(fn, operation="avg_pool1d")
    y, _ = subject.forward(X, **POOL)
    assert y.tolist() == [[[1.5, 3.5]]]
    with pytest.raises(Unsupported, match="takes no stride"):
        subject.forward(X, **{**POOL, "stride": (1,)})


def test_a_function_without_a_bias_supports_cases_without_one() -> None:
    def fn(x: Any, w: Any, stride: Any = 1) -> Any:
        return functional.conv1d(x, w, None, stride)

    y, gradients = run(conv(fn), X, W, None, **CONV)
    assert y.tolist() == [[[-1.0, -1.0, -1.0]]]
    assert gradients[2] is None
    with pytest.raises(Unsupported, match="2 operands of 3"):
        conv(fn).forward(X, W, B, **CONV)


def test_the_gradient_of_no_operand_is_none() -> None:
    _, (x_bar, w_bar, b_bar) = run(conv(functional.conv1d), X, W, None, **CONV)
    assert (x_bar.tolist(), w_bar.tolist(), b_bar) == (X_BAR, W_BAR, None)


def test_the_gradient_of_an_operand_that_is_not_used_is_none() -> None:
    def fn(x: Any, w: Any, b: Any, **params: Any) -> Any:
        return functional.conv1d(x, w, b.detach(), **params)

    _, gradients = run(conv(fn), X, W, B, **CONV)
    assert gradients[2] is None
    _, nothing = run(
        conv(lambda x, w, b, **params: fn(x, w, b, **params).detach()), X, W, B, **CONV
    )
    assert nothing == (None, None, None)


def test_two_forwards_before_the_first_vjp_do_not_mix() -> None:
    subject = conv(functional.conv1d)
    _, first = subject.forward(X, W, B, **CONV)
    _, second = subject.forward(2 * X, W, B, **CONV)
    assert subject.vjp(first, Y_BAR)[1].tolist() == W_BAR
    assert subject.vjp(second, Y_BAR)[1].tolist() == [[[642.0, 864.0]]]


@pytest.mark.parametrize("fn", [functional.conv1d, Conv])
def test_the_vjp_can_be_called_twice_on_the_same_residuals(fn: Any) -> None:
    subject = conv(fn)
    _, residuals = subject.forward(X, W, B, **CONV)
    assert subject.vjp(residuals, Y_BAR)[0].tolist() == X_BAR
    assert subject.vjp(residuals, 2 * Y_BAR)[2].tolist() == [222.0]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ml_dtypes.bfloat16])
def test_results_have_the_dtype_of_the_operands(dtype: Any) -> None:
    operands = [array.astype(dtype) for array in (X, W, B)]
    y, gradients = run(conv(functional.conv1d), *operands, **CONV)
    assert y.dtype == np.dtype(dtype)
    assert y.astype(float).tolist() == [[[-0.5, -0.5, -0.5]]]
    assert [each.dtype for each in gradients] == [np.dtype(dtype)] * 3
    assert gradients[0].astype(float).tolist() == X_BAR


def unaligned(array: Any) -> Any:
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    memory[...] = array
    return memory


def read_only(array: Any) -> Any:
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "laid_out",
    [
        read_only,
        unaligned,
        np.asfortranarray,
        lambda a: a[..., ::-1].copy()[..., ::-1],
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: a.astype(a.dtype.newbyteorder()),
    ],
    ids=["read-only", "unaligned", "Fortran", "reversed", "sliced", "byte-swapped"],
)
def test_every_memory_layout_gives_the_same_numbers_without_a_warning(laid_out: Any) -> None:
    subject = conv(functional.conv1d)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, residuals = subject.forward(laid_out(X), laid_out(W), B, **CONV)
        x_bar, w_bar, _ = subject.vjp(residuals, laid_out(Y_BAR))
    assert (y.tolist(), x_bar.tolist(), w_bar.tolist()) == ([[[-0.5] * 3]], X_BAR, W_BAR)


@given(shape=st.lists(st.integers(0, 3), min_size=1, max_size=4), seed=st.integers(0, 2**32 - 1))
def test_an_identity_gives_back_every_array_and_every_cotangent(
    shape: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y_bar = rng.standard_normal(shape), rng.standard_normal(shape)
    subject = adapters.torch(lambda x: x.clone(), operation="max_pool1d")
    y, residuals = subject.forward(x)
    assert np.array_equal(y, x)
    assert np.array_equal(subject.vjp(residuals, y_bar)[0], y_bar)


@pytest.mark.parametrize("result", [1.0, (1, 2), np.zeros(3), None])
def test_a_result_that_is_no_tensor_is_named(result: Any) -> None:
    with pytest.raises(TypeError, match=f"returned a {type(result).__name__} where one tensor"):
        conv(lambda *_, **__: result).forward(X, W, B, **CONV)


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (3, "is of type int"),
        (dict, "is a class"),
        (torch, "is of type module"),
    ],
)
def test_what_cannot_be_called_on_tensors_is_refused(fn: Any, expected: str) -> None:
    with pytest.raises(TargetError, match=expected):
        conv(fn)


@pytest.mark.parametrize("device", ["nowhere", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(TargetError, match=f"device '{device}': torch cannot use it here"):
        adapters.torch(functional.conv1d, operation="conv1d", device=device)


def test_dtypes_are_taken_from_torch_and_from_numpy() -> None:
    subject = adapters.torch(
        functional.conv1d,
        operation="conv1d",
        dtypes=[torch.bfloat16, np.float32, "f16", "float32"],
    )
    assert subject.claims.dtypes == ("bfloat16", "float32", "float16")
    with pytest.raises(TargetError, match="int8"):
        adapters.torch(functional.conv1d, operation="conv1d", dtypes=[torch.int8])


def test_a_subject_of_torch_can_be_pickled() -> None:
    subject = pickle.loads(pickle.dumps(conv(functional.conv1d)))  # noqa: S301 - our own bytes
    assert run(subject, X, W, B, **CONV)[1][0].tolist() == X_BAR
