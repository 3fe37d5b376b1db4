"""What the numbers come in: count, type, dtype and shape of gradients; raising, printing, NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import always, has_samples
from bpcheck.explain.faults.fault import CONV, EVERY, VALUES, Fault
from bpcheck.explain.faults.run import Run, planted, rewired
from bpcheck.subject import Subject

Bars = tuple[Any, ...]


def _fault(
    name: str,
    what: str,
    gradients: Callable[[Bars], Any],
    *,
    result: str = "x_bar",
    operations: tuple[str, ...] = EVERY,
    condition: str = "always",
    shows: Callable[[Case], bool] = always,
    source: str,
) -> Fault:
    return Fault(
        name=name,
        what=what,
        operations=operations,
        results=(result,),
        condition=condition,
        shows=shows,
        plant=planted(gradients=gradients),
        caught_by=("contract",),
        source=source,
    )


def _with(index: int, alter: Callable[[Any], Any]) -> Callable[[Bars], Bars]:
    """The gradients with one of them altered."""

    def altered(bars: Bars) -> Bars:
        return tuple(alter(bar) if i == index else bar for i, bar in enumerate(bars))

    return altered


def _one_nan(run: Run, y_bar: Array, bar: Any) -> Array:
    spoilt: Array = bar.copy()
    spoilt.reshape(-1)[:1] = np.nan
    return spoilt


def _per_sample(run: Run, y_bar: Array, bar: Any) -> Array:
    """``w_bar`` of every sample, which an autograd engine would sum."""
    bars = []
    for sample in range(len(y_bar)):
        one = np.zeros_like(y_bar)
        one[sample] = y_bar[sample]
        bars.append(run.bars(one)["w_bar"])
    return np.stack(bars) if bars else np.zeros((0, *bar.shape), bar.dtype)


def _raising(right: Subject) -> Subject:
    """Claims every stride, and raises for some."""

    def vjp(run: Run, y_bar: Array) -> Any:
        if any(window.s > 1 for window in run.windows):
            raise ValueError("stride > 1 needs output_padding")
        return run.right.vjp(run.residuals, y_bar)

    return rewired(right, forward=lambda run: (run.y, run), vjp=vjp)


def _printing(right: Subject) -> Subject:
    def vjp(run: Run, y_bar: Array) -> Any:
        print("y_bar", y_bar.shape)  # noqa: T201 - the fault itself
        return run.right.vjp(run.residuals, y_bar)

    return rewired(right, forward=lambda run: (run.y, run), vjp=vjp)


FAULTS: tuple[Fault, ...] = (
    _fault(
        "a-gradient-too-few",
        "the backward pass returns no gradient for the last operand",
        lambda bars: bars[:-1],
        source="https://github.com/sczhou/STFAN/issues/8",
    ),
    _fault(
        "a-gradient-too-many",
        "there is a gradient for the params too",
        lambda bars: (*bars, None),
        source="https://github.com/meta-pytorch/torchrec/pull/4363",
    ),
    _fault(
        "gradients-in-a-list",
        "the gradients come in a list",
        list,
        source="https://github.com/jax-ml/jax/pull/21568",
    ),
    Fault(
        name="gradients-in-another-order",
        what="x_bar and w_bar come in each other's place",
        operations=CONV,
        results=("x_bar", "w_bar"),
        condition="always",
        shows=always,
        plant=planted(gradients=lambda bars: (bars[1], bars[0], *bars[2:])),
        caught_by=("contract",),
        source="https://github.com/torch/nngraph/issues/1",
    ),
    _fault(
        "x-bar-none",
        "x_bar is None: nothing is sent back",
        _with(0, lambda bar: None),
        source="https://github.com/soumith/cudnn.torch/issues/353",
    ),
    _fault(
        "x-bar-of-python-lists",
        "x_bar is a nested list",
        _with(0, lambda bar: bar.tolist()),
        source="https://github.com/pytorch/pytorch/issues/89801",
    ),
    _fault(
        "x-bar-in-float64",
        "x_bar is float64 where its operand is not: an engine would cast it",
        _with(0, lambda bar: bar.astype(np.float64)),
        condition="a dtype other than float64",
        shows=lambda case: case.dtype != "float64",
        source="https://github.com/chainer/chainer/issues/684",
    ),
    _fault(
        "x-bar-in-float32",
        "x_bar is float32 where its operand is not",
        _with(0, lambda bar: bar.astype(np.float32)),
        condition="a dtype other than float32",
        shows=lambda case: case.dtype != "float32",
        source="https://github.com/tinygrad/tinygrad/pull/3613",
    ),
    _fault(
        "x-bar-without-the-batch-axis",
        "x_bar of a single sample comes without its batch axis",
        _with(0, lambda bar: bar[0] if len(bar) == 1 else bar),
        condition="a batch of one",
        shows=lambda case: case.geometry.n == 1,
        source="https://github.com/soumith/cudnn.torch/pull/103",
    ),
    _fault(
        "b-bar-with-axes-kept",
        "b_bar keeps the axes that it is summed over: (1, c, 1, 1)",
        _with(2, lambda bar: None if bar is None else bar.reshape(1, -1, 1, 1)),
        result="b_bar",
        operations=CONV,
        condition="a bias",
        shows=lambda case: case.geometry.bias,
        source="https://github.com/pytorch/extension-cpp/issues/10",
    ),
    _fault(
        "b-bar-where-there-is-no-bias",
        "there is a gradient for the bias although there is none",
        lambda bars: (bars[0], bars[1], np.zeros(len(bars[1])) if bars[2] is None else bars[2]),
        result="b_bar",
        operations=CONV,
        condition="no bias",
        shows=lambda case: not case.geometry.bias,
        source="https://github.com/sony/nnabla-ext-cuda/pull/292",
    ),
    Fault(
        name="w-bar-of-every-sample",
        what="w_bar has a batch axis of its own, which an autograd engine would sum",
        operations=CONV,
        results=("w_bar",),
        condition="always",
        shows=always,
        plant=planted(w_bar=_per_sample),
        caught_by=("contract",),
        source="https://github.com/pytorch/pytorch/issues/65244",
    ),
    Fault(
        name="y-without-its-batch-axis",
        what="y of a single sample comes without its batch axis",
        operations=EVERY,
        results=("y",),
        condition="a batch of one",
        shows=lambda case: case.geometry.n == 1,
        plant=planted(y=lambda run: run.y[0] if len(run.y) == 1 else run.y),
        caught_by=("contract",),
        source="https://github.com/clovaai/rexnet/pull/20",
    ),
    Fault(
        name="x-bar-one-nan",
        what="the first element of x_bar is not a number",
        operations=EVERY,
        results=("x_bar",),
        condition="always",
        shows=has_samples,
        plant=planted(x_bar=_one_nan),
        caught_by=("finite", *VALUES),
        source="https://github.com/FluxML/NNlib.jl/pull/45",
    ),
    Fault(
        name="raises-for-strides",
        what="the backward pass raises where stride > 1, and claims to take it",
        operations=EVERY,
        results=("x_bar",),
        condition="stride > 1",
        shows=lambda case: any(window.s > 1 for window in case.geometry.windows),
        plant=_raising,
        caught_by=("contract",),
        source="https://github.com/pytorch/pytorch/issues/13008",
    ),
    Fault(
        name="prints",
        what="the backward pass prints",
        operations=EVERY,
        results=("x_bar",),
        condition="always",
        shows=always,
        plant=_printing,
        caught_by=("contract",),
        source="https://github.com/XingyuZhang2018/TeneT.jl/pull/37",
    ),
)
