"""Registered operators that break a rule of `torch.library`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from benchmarks.contract_material.base import Violation, conv, w_bar_of, x_bar_of

_SCHEMA = (
    "(Tensor x, Tensor w, Tensor? b, int[] stride, int[] padding, int[] dilation, int groups)"
    " -> Tensor"
)


def registered(
    name: str,
    *,
    kernel: Callable[..., Any],
    fake: Callable[..., Any] | None,
) -> Any:
    """A convolution as an operator of the library ``contract``, with a right backward."""
    library: Any = _library()
    library.define(f"{name}{_SCHEMA}")
    library.impl(name, kernel, "CPU")
    if fake is not None:
        torch.library.register_fake(f"contract::{name}", fake, lib=library)

    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.params, ctx.has_bias = inputs[3:], inputs[2] is not None

    def backward(ctx: Any, y_bar: Any) -> Any:
        x, w = ctx.saved_tensors
        needs = ctx.needs_input_grad
        return (
            x_bar_of(x, w, y_bar, ctx.params) if needs[0] else None,
            w_bar_of(x, w, y_bar, ctx.params) if needs[1] else None,
            y_bar.sum((0, 2)) if needs[2] else None,
            *(None,) * 4,
        )

    torch.library.register_autograd(
        f"contract::{name}", backward, setup_context=setup_context, lib=library
    )
    return getattr(torch.ops.contract, name)


@cache
def _library() -> Any:
    library: Any = torch.library.Library
    return library("contract", "DEF")


def right(x: Any, w: Any, b: Any, *params: Any) -> Any:
    """The kernel, and its own description."""
    return conv(x, w, b, params)


def _transposed(x: Any, w: Any, b: Any, *params: Any) -> Any:
    return conv(x, w, b, params).transpose(1, 2).contiguous().transpose(1, 2)


def _too_short(x: Any, w: Any, b: Any, *params: Any) -> Any:
    return conv(x, w, b, params)[..., :-1]


def _few_arguments(x: Any, w: Any) -> Any:
    return x.new_empty(x.shape[0], w.shape[0], x.shape[2])


FAKE = "operator fake tensor"

VIOLATIONS = (
    Violation(
        "other strides than described",
        FAKE,
        "https://github.com/pytorch/pytorch/issues/149468",
        registered("strides", kernel=_transposed, fake=right),
    ),
    Violation(
        "another shape than described",
        FAKE,
        "https://github.com/pytorch/pytorch/pull/139766",
        registered("shapes", kernel=right, fake=_too_short),
    ),
    Violation(
        "a description that takes other arguments",
        FAKE,
        "https://github.com/pytorch/pytorch/issues/181851",
        registered("arguments", kernel=right, fake=_few_arguments),
    ),
)
