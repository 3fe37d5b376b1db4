"""Inputs and cotangents that a kernel changes in place, for good or for a while."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import handed, has_samples, is_writeable
from bpcheck.explain.faults.fault import CONV, EVERY, Fault
from bpcheck.explain.faults.run import Run
from bpcheck.explain.faults.stateful import Bars, Pair, plain, right_vjp, stateful


def _changes_x() -> Pair:
    def forward(run: Run) -> Any:
        x = run.operands["x"]
        if x.size and x.flags.writeable:
            x[(0,) * x.ndim] += 1
        return run.y, run

    return forward, right_vjp


def _changes_y_bar() -> Pair:
    def vjp(run: Run, y_bar: Array) -> Bars:
        bars = tuple(
            None if bar is None else np.array(bar, copy=True) for bar in right_vjp(run, y_bar)
        )
        if y_bar.flags.writeable:
            np.maximum(y_bar, 0, out=y_bar)
        return bars

    return plain, vjp


def _turns_w() -> Pair:
    """The kernel is rotated in place for ``x_bar``, and not turned back."""

    def vjp(run: Run, y_bar: Array) -> Bars:
        bars = right_vjp(run, y_bar)
        w = run.operands["w"]
        if w.flags.writeable:
            w[...] = np.flip(w, axis=tuple(range(2, w.ndim))).copy()
        return bars

    return plain, vjp


def _borrows_x() -> Pair:
    """The forward negates its input in place, and the vjp puts it back."""

    def turn(run: Run) -> None:
        x = run.operands["x"]
        if x.flags.writeable:
            np.negative(x, out=x)

    def forward(run: Run) -> Any:
        turn(run)
        return run.y, run

    def vjp(run: Run, y_bar: Array) -> Bars:
        turn(run)
        return right_vjp(run, y_bar)

    return forward, vjp


def _has_negative_cotangent(case: Case) -> bool:
    y_bar = handed(case, "y_bar")
    return bool(y_bar.flags.writeable and (y_bar < 0).any())


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-changed-by-the-forward",
        what="the forward changes x in place",
        plant=stateful(_changes_x),
        operations=EVERY,
        results=("x_bar", "w_bar"),
        condition="an x that can be written",
        shows=lambda case: has_samples(case) and is_writeable(case, "x"),
        caught_by=("inputs unchanged",),
        source="https://github.com/intel/ipex-llm/issues/1896",
    ),
    Fault(
        name="y-bar-changed-by-the-vjp",
        what="the backward pass clamps the caller's cotangent in place",
        plant=stateful(_changes_y_bar),
        operations=EVERY,
        results=("x_bar",),
        condition="a negative cotangent that can be written",
        shows=_has_negative_cotangent,
        caught_by=("inputs unchanged",),
        source="https://github.com/pytorch/pytorch/issues/81417",
    ),
    Fault(
        name="w-left-rotated",
        what="the backward pass rotates the caller's kernel in place",
        plant=stateful(_turns_w),
        operations=CONV,
        results=("w_bar", "x_bar", "y"),
        condition="a kernel larger than 1 that can be written",
        shows=lambda case: (
            is_writeable(case, "w") and any(window.k > 1 for window in case.geometry.windows)
        ),
        caught_by=("inputs unchanged",),
        source="https://github.com/linkedin/Liger-Kernel/issues/254",
    ),
    Fault(
        name="x-borrowed-until-the-vjp",
        what="the forward changes x in place and the backward pass puts it back",
        plant=stateful(_borrows_x),
        operations=EVERY,
        results=("x_bar",),
        condition="an x that can be written, and somebody who looks at it between the calls",
        shows=lambda case: has_samples(case) and is_writeable(case, "x"),
        caught_by=("inputs unchanged",),
        source="https://github.com/torch/nn/pull/241",
    ),
)
