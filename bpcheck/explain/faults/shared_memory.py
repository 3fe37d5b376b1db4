"""Memory that is shared: by elements, by operands, by the output and its cotangent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.cases.layouts import ONE_MEMORY, OUTPUT
from bpcheck.cases.repeats import OVERLAPPING, sources
from bpcheck.explain.faults.conditions import handed, is_read
from bpcheck.explain.faults.fault import CONV, EVERY, MAX_POOL, Fault
from bpcheck.explain.faults.run import Run, planted, rewired, run_of
from bpcheck.filling import fill
from bpcheck.subject import Subject

CHECKS = ("layouts", "autograd")


def _strides(array: Array) -> tuple[int, ...]:
    """Those of the axes along which there is somewhere to go."""
    return tuple(s for s, n in zip(array.strides, array.shape, strict=True) if n > 1)


def _laid_out_as_x(run: Run, y_bar: Array, bar: Any) -> Array:
    """Written into memory of the strides of x: the last of several elements in one cell stays."""
    x = run.operands["x"]
    if not x.size or min(_strides(x), default=1) <= 0:
        return bar
    extent = sum((n - 1) * s for n, s in zip(x.shape, x.strides, strict=True)) + x.itemsize
    memory = np.zeros(extent, np.uint8)
    written: Array = np.ndarray(x.shape, x.dtype, buffer=memory.data, strides=x.strides)
    written[...] = bar
    return written.copy()


def _overlaps(case: Case) -> bool:
    if case.layouts.get("x") != OVERLAPPING or not is_read(case):
        return False
    shape = case.operation.operand_shapes(case.geometry)["x"]
    return bool((sources(shape, OVERLAPPING).ravel() != np.arange(np.prod(shape))).any())


def _repeats_samples(y_bar: Array) -> bool:
    return len(y_bar) > 1 and y_bar.strides[0] == 0 and any(_strides(y_bar))


def _of_the_first_sample(name: str) -> Callable[[Run, Array, Any], Any]:
    """One sample stands for all, since they have one cotangent."""

    def spoil(run: Run, y_bar: Array, bar: Any) -> Any:
        if not _repeats_samples(y_bar):
            return bar
        x = run.operands["x"]
        return run.once_more(x=np.broadcast_to(x[:1], x.shape).copy()).bars(y_bar)[name]

    return spoil


def _has_samples_with_one_cotangent(case: Case) -> bool:
    if not is_read(case) or not _repeats_samples(handed(case, "y_bar")):
        return False
    arrays = fill(case)
    x = arrays.operands["x"]
    return bool(arrays.y_bar.any()) and not np.array_equal(x, np.broadcast_to(x[:1], x.shape))


def _is_one_number(y_bar: Array) -> bool:
    return y_bar.size > 1 and not any(_strides(y_bar))


def _ones_for_one_number(run: Run, y_bar: Array) -> Array:
    return np.ones_like(y_bar, order="C") if _is_one_number(y_bar) else y_bar


def _has_one_number(case: Case) -> bool:
    if not is_read(case):
        return False
    y_bar = handed(case, "y_bar")
    return _is_one_number(y_bar) and bool((y_bar != 1).any())


def _works_in_the_output(right_kernel: Subject) -> Subject:
    """The vjp takes the memory of y for its own, and puts y back before it returns."""

    def vjp(run: Run, y_bar: Array) -> Any:
        kept = run.y.copy()
        if run.y.flags.writeable:
            run.y[...] = 0
        bars = run.right.vjp(run.residuals, y_bar)
        if run.y.flags.writeable:
            run.y[...] = kept
        return bars

    return rewired(right_kernel, forward=lambda run: (run.y, run), vjp=vjp)


def _has_output_for_cotangent(case: Case) -> bool:
    if case.layouts.get("y_bar") != OUTPUT or not is_read(case):
        return False
    return bool(fill(case).y_bar.any())


def _turns_w_for_a_while(run: Run, y_bar: Array, bar: Any) -> Any:
    """The kernel is rotated in place while gradients are computed, and turned back."""
    w = run.operands["w"]
    if not w.flags.writeable:
        return bar
    kept = w.copy()
    w[...] = np.flip(kept, axis=tuple(range(2, w.ndim)))
    meanwhile = {**{name: array.copy() for name, array in run.operands.items()}, "w": kept}
    w[...] = kept
    return run_of(run.right, meanwhile, run.params).bars(y_bar)["w_bar"]


def _x_lies_in_w(case: Case) -> bool:
    if {case.layouts.get("x"), case.layouts.get("w")} != {ONE_MEMORY} or not is_read(case):
        return False
    arrays = fill(case)
    w = arrays.operands["w"]
    turned = np.flip(w, axis=tuple(range(2, w.ndim)))
    return bool(arrays.y_bar.any()) and not np.array_equal(w, turned)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-laid-out-as-x",
        what="x_bar is written into memory with the strides of x, where frames overlap",
        operations=EVERY,
        results=("x_bar",),
        condition="an x whose frames overlap in memory",
        shows=_overlaps,
        plant=planted(x_bar=_laid_out_as_x),
        caught_by=CHECKS,
        source="https://github.com/pytorch/pytorch/pull/17580",
    ),
    Fault(
        name="gradients-of-one-sample-for-all",
        what="where the cotangent repeats along the batch, its first sample stands for all",
        operations=(*CONV, *MAX_POOL),
        results=("w_bar", "x_bar"),
        condition="several samples, and a cotangent of stride 0 along the batch",
        shows=_has_samples_with_one_cotangent,
        plant=planted(
            x_bar=_of_the_first_sample("x_bar"),
            w_bar=_of_the_first_sample("w_bar"),
        ),
        caught_by=CHECKS,
        source="https://github.com/torch/nn/pull/106",
    ),
    Fault(
        name="cotangent-of-one-number-taken-for-ones",
        what="a cotangent of stride 0 along all axes is taken for that of a plain sum: ones",
        operations=EVERY,
        results=("x_bar", "w_bar", "b_bar"),
        condition="a cotangent of stride 0 along all axes",
        shows=_has_one_number,
        plant=planted(cotangent=_ones_for_one_number),
        caught_by=CHECKS,
        source="https://github.com/ROCm/TransformerEngine/pull/623",
    ),
    Fault(
        name="output-taken-for-scratch",
        what="the backward pass works in the memory of y, and puts y back",
        operations=EVERY,
        results=("x_bar", "w_bar", "b_bar"),
        condition="a cotangent that is the output itself",
        shows=_has_output_for_cotangent,
        plant=_works_in_the_output,
        caught_by=CHECKS,
        source="https://github.com/microsoft/onnxruntime/pull/7079",
    ),
    Fault(
        name="w-rotated-for-a-while",
        what="the backward pass rotates the caller's kernel in place, and back before it returns",
        operations=CONV,
        results=("w_bar",),
        condition="x and w in one memory, and a kernel larger than 1",
        shows=_x_lies_in_w,
        plant=planted(w_bar=_turns_w_for_a_while),
        caught_by=CHECKS,
        source="https://github.com/linkedin/Liger-Kernel/issues/254",
    ),
)
