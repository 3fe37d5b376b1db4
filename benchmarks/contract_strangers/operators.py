"""Registered average pools whose description or memory is not what the operator promises."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from benchmarks.contract_strangers.pools import _one, _spread_any


def _register(name: str, run: Any, fake: Any) -> Any:
    op = torch.library.custom_op(f"strangers::{name}", run, mutates_args=())
    if fake is not None:
        op.register_fake(fake)

    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        x, ctx.k, ctx.s = inputs
        ctx.shape = x.shape

    def backward(ctx: Any, grad: Any) -> Any:
        return _spread_any(grad / ctx.k, ctx.shape, ctx.k, ctx.s), None, None

    op.register_autograd(backward, setup_context=setup)

    def avg(x: Tensor, kernel_size: Any, stride: Any) -> Any:
        return op(x, _one(kernel_size)[0], _one(stride)[0])

    return avg


def _run(x: Tensor, k: int, s: int) -> Tensor:
    return (x.unfold(2, k, s).sum(3) / k).contiguous()


def _run_alias(x: Tensor, k: int, s: int) -> Tensor:
    return x if k == s == 1 else _run(x, k, s)


def _fake(x: Tensor, k: int, s: int) -> Tensor:
    return x.new_empty((x.shape[0], x.shape[1], (x.shape[2] - k) // s + 1))


kept_fake = _register("kept", _run, _fake)
# https://github.com/pytorch/pytorch/pull/139766
broken_operator_alias = _register("alias", _run_alias, _fake)
