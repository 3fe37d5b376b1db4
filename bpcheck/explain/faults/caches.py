"""Caches that hold too much or too little: residuals and outputs of another call."""

from __future__ import annotations

from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import CONV, Fault
from bpcheck.explain.faults.run import Run
from bpcheck.explain.faults.stateful import Bars, Pair, right_vjp, stateful


def _last_forward() -> Pair:
    """``self.cache``: the vjp is that of the last forward, whichever residuals it gets."""
    last: list[Run] = []

    def forward(run: Run) -> Any:
        last[:] = [run]
        return run.y, None

    def vjp(_: Any, y_bar: Array) -> Bars:
        return right_vjp(last[0], y_bar)

    return forward, vjp


def _first_of_its_shape() -> Pair:
    """A cache whose key holds the shapes of the operands and not their values."""
    kept: dict[Any, Run] = {}

    def forward(run: Run) -> Any:
        key = str((sorted((n, a.shape) for n, a in run.operands.items()), run.params))
        return run.y, kept.setdefault(key, run)

    return forward, right_vjp


def _forward_of_its_shape() -> Pair:
    kept: dict[Any, Array] = {}

    def forward(run: Run) -> Any:
        key = str((sorted((n, a.shape) for n, a in run.operands.items()), run.params))
        return kept.setdefault(key, run.y).copy(), run

    return forward, right_vjp


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="vjp-of-the-last-forward",
        what="the backward pass uses what the last forward left, whichever residuals it is given",
        shows=is_read,
        plant=stateful(_last_forward),
        results=("x_bar", "w_bar"),
        operations=CONV,
        condition="another forward before the backward pass",
        caught_by=("vjps in reverse", "vjps in order", "three forwards"),
        source="https://github.com/torch/nn/issues/1015",
    ),
    Fault(
        name="vjp-of-the-first-forward-of-its-shape",
        what="residuals are cached by shape: later operands of the same shape get the first one's",
        shows=is_read,
        plant=stateful(_first_of_its_shape),
        results=("x_bar", "w_bar"),
        operations=CONV,
        condition="other operands of the same shape",
        caught_by=("channels", "samples"),
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
    Fault(
        name="y-cached-by-shape",
        what="the forward is cached by shape: it does not look at the values again",
        shows=is_read,
        plant=stateful(_forward_of_its_shape),
        results=("y", "x_bar", "w_bar", "b_bar"),
        operations=CONV,
        condition="other operands of the same shape",
        caught_by=("finite differences",),
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
)
