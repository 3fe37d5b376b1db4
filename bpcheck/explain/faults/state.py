"""What a kernel keeps between calls: buffers that are not cleared, or handed out twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_samples, is_read
from bpcheck.explain.faults.fault import CONV, EVERY, Fault
from bpcheck.explain.faults.run import Plant, Run
from bpcheck.explain.faults.stateful import Bars, Pair, plain, right_vjp, stateful


def _accumulating(index: int) -> Plant:
    """One gradient is added to those of earlier calls."""

    def make() -> Pair:
        kept: dict[tuple[int, ...], Array] = {}

        def vjp(run: Run, y_bar: Array) -> Bars:
            bars = list(right_vjp(run, y_bar))
            shape = bars[index].shape
            before = kept.get(shape)
            kept[shape] = bars[index] = bars[index] if before is None else before + bars[index]
            return tuple(bars)

        return plain, vjp

    return stateful(make)


def _one_buffer() -> Pair:
    """Every ``x_bar`` of one shape is returned in the same memory."""
    buffers: dict[tuple[int, ...], Array] = {}

    def vjp(run: Run, y_bar: Array) -> Bars:
        x_bar, *rest = right_vjp(run, y_bar)
        buffer = buffers.setdefault(x_bar.shape, np.empty_like(x_bar))
        if buffer.dtype != x_bar.dtype:
            return (x_bar, *rest)
        buffer[...] = x_bar
        return (buffer, *rest)

    return plain, vjp


def _one_output() -> Pair:
    buffers: dict[Any, Array] = {}

    def forward(run: Run) -> Any:
        buffer = buffers.setdefault((run.y.shape, run.y.dtype.name), np.empty_like(run.y))
        buffer[...] = run.y
        return buffer, run

    return forward, right_vjp


def _right_once() -> Pair:
    """The first vjp uses up something that the next ones need."""
    spent: list[bool] = []

    def vjp(run: Run, y_bar: Array) -> Bars:
        bars = right_vjp(run, y_bar)
        if spent:
            return tuple(None if bar is None else np.zeros_like(bar) for bar in bars)
        spent.append(True)
        return bars

    return plain, vjp


def _noisy() -> Pair:
    """Another order of summation every time, exaggerated to many units."""
    rng = np.random.default_rng(0)

    def vjp(run: Run, y_bar: Array) -> Bars:
        x_bar, *rest = right_vjp(run, y_bar)
        noise = rng.integers(1, 4_000, size=x_bar.shape)
        return ((x_bar + noise).astype(x_bar.dtype), *rest)

    return plain, vjp


def _fault(
    name: str,
    what: str,
    plant: Plant,
    *,
    results: tuple[str, ...],
    caught_by: tuple[str, ...],
    operations: tuple[str, ...] = EVERY,
    condition: str = "a second call",
    shows: Callable[[Case], bool] = is_read,
    source: str,
) -> Fault:
    return Fault(name, what, operations, results, condition, shows, plant, source, caught_by)


def _per_object() -> Pair:
    """Gradients added up for each kernel array, as an engine adds them up for a parameter."""
    sums: dict[int, tuple[Array, Array]] = {}

    def vjp(run: Run, y_bar: Array) -> Bars:
        x_bar, w_bar, *rest = right_vjp(run, y_bar)
        w = run.operands["w"]
        kept, total = sums.get(id(w), (w, None))
        total = w_bar if kept is not w or total is None else total + w_bar
        sums[id(w)] = w, total
        return x_bar, total, *rest

    return plain, vjp


def _wide_zeros() -> Pair:
    """A shortcut for zero cotangents, which forgets the dtype."""

    def vjp(run: Run, y_bar: Array) -> Bars:
        bars = right_vjp(run, y_bar)
        if y_bar.size and not y_bar.any():
            return tuple(None if bar is None else np.zeros(bar.shape) for bar in bars)
        return bars

    return plain, vjp


FAULTS: tuple[Fault, ...] = (
    _fault(
        "w-bar-added-to-earlier-ones",
        "w_bar is added to that of earlier calls",
        _accumulating(1),
        operations=CONV,
        results=("w_bar",),
        caught_by=("same bits twice",),
        source="https://github.com/karpathy/micrograd/pull/102",
    ),
    _fault(
        "x-bar-added-to-a-recycled-buffer",
        "x_bar is accumulated into a buffer that is recycled and not cleared",
        _accumulating(0),
        results=("x_bar",),
        caught_by=("same bits twice",),
        source="https://github.com/pytorch/executorch/pull/21687",
    ),
    _fault(
        "x-bar-in-one-buffer",
        "every x_bar is returned in the same memory, and the next call overwrites it",
        stateful(_one_buffer),
        results=("x_bar",),
        caught_by=("own memory",),
        source="https://github.com/NVIDIA/TransformerEngine/pull/2937",
    ),
    _fault(
        "y-in-one-buffer",
        "every y is returned in the same memory, and the next call overwrites it",
        stateful(_one_output),
        results=("y",),
        caught_by=("own memory", "vjps in reverse", "vjps in order", "three forwards"),
        source="https://github.com/ROCm/torch_migraphx/pull/247",
    ),
    _fault(
        "vjp-right-only-once",
        "the first backward pass uses up what the next ones need: they give zeros",
        stateful(_right_once),
        results=("x_bar", "w_bar", "b_bar"),
        caught_by=("same bits twice",),
        source="https://github.com/hikettei/cl-waffe2/pull/39",
    ),
    _fault(
        "x-bar-different-every-time",
        "x_bar is another one every time",
        stateful(_noisy),
        results=("x_bar",),
        condition="always",
        shows=has_samples,
        caught_by=("same bits twice", "autograd", "finite differences"),
        source="https://github.com/Theano/Theano/issues/5404",
    ),
    _fault(
        "w-bar-added-up-for-each-array",
        "w_bar is added to what earlier calls with the same array of w gave",
        stateful(_per_object),
        operations=CONV,
        results=("w_bar",),
        condition="a second call with the same array",
        caught_by=("same bits twice",),
        source="https://github.com/jcjohnson/pytorch-examples/issues/31",
    ),
    _fault(
        "zeros-of-another-dtype",
        "a cotangent of zeros takes a shortcut, whose gradients are float64",
        stateful(_wide_zeros),
        results=("x_bar", "w_bar", "b_bar"),
        condition="a cotangent of zeros, in a narrower dtype",
        shows=lambda case: is_read(case) and case.dtype != "float64",
        caught_by=("scaled cotangent",),
        source="https://github.com/apache/mxnet/issues/8799",
    ),
)
