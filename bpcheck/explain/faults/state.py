"""What a kernel keeps between calls, and what it hands out twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import CONV, EVERY, Fault
from bpcheck.explain.faults.run import Plant, Run, rewired
from bpcheck.subject import Subject

Bars = tuple[Any, ...]
Vjp = Callable[[Run, Array], Bars]


def right_vjp(run: Run, y_bar: Array) -> Bars:
    """All gradients, in the operands' order."""
    return tuple(run.right.vjp(run.residuals, y_bar))


def stateful(
    make: Callable[[], tuple[Callable[[Run], Any], Callable[[Any, Array], Any]]],
) -> Plant:
    """A transformation whose forward and vjp share what `make` makes anew for each planting."""

    def plant(right: Subject) -> Subject:
        forward, vjp = make()
        return rewired(right, forward=forward, vjp=vjp)

    return plant


def plain(run: Run) -> tuple[Array, Run]:
    """The forward as it should be."""
    return run.y, run


def _accumulating(index: int) -> Plant:
    """One gradient is added to those of earlier calls."""

    def make() -> tuple[Any, Any]:
        kept: dict[tuple[int, ...], Array] = {}

        def vjp(run: Run, y_bar: Array) -> Bars:
            bars = list(right_vjp(run, y_bar))
            shape = bars[index].shape
            before = kept.get(shape)
            kept[shape] = bars[index] = bars[index] if before is None else before + bars[index]
            return tuple(bars)

        return plain, vjp

    return stateful(make)


def _last_forward() -> tuple[Any, Any]:
    """``self.cache``: the vjp is that of the last forward, whichever residuals it gets."""
    last: list[Run] = []

    def forward(run: Run) -> Any:
        last[:] = [run]
        return run.y, None

    def vjp(_: Any, y_bar: Array) -> Bars:
        return right_vjp(last[0], y_bar)

    return forward, vjp


def _first_of_its_shape() -> tuple[Any, Any]:
    """A cache whose key holds the shapes of the operands and not their values."""
    kept: dict[Any, Run] = {}

    def forward(run: Run) -> Any:
        key = str((sorted((n, a.shape) for n, a in run.operands.items()), run.params))
        return run.y, kept.setdefault(key, run)

    return forward, right_vjp


def _forward_of_its_shape() -> tuple[Any, Any]:
    kept: dict[Any, Array] = {}

    def forward(run: Run) -> Any:
        key = str((sorted((n, a.shape) for n, a in run.operands.items()), run.params))
        return kept.setdefault(key, run.y).copy(), run

    return forward, right_vjp


def _one_buffer() -> tuple[Any, Any]:
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


def _one_output() -> tuple[Any, Any]:
    buffers: dict[Any, Array] = {}

    def forward(run: Run) -> Any:
        buffer = buffers.setdefault((run.y.shape, run.y.dtype.name), np.empty_like(run.y))
        buffer[...] = run.y
        return buffer, run

    return forward, right_vjp


def _right_once() -> tuple[Any, Any]:
    """The first vjp uses up something that the next ones need."""
    spent: list[bool] = []

    def vjp(run: Run, y_bar: Array) -> Bars:
        bars = right_vjp(run, y_bar)
        if spent:
            return tuple(None if bar is None else np.zeros_like(bar) for bar in bars)
        spent.append(True)
        return bars

    return plain, vjp


def _noisy() -> tuple[Any, Any]:
    """Another order of summation every time, exaggerated to one unit."""
    rng = np.random.default_rng(0)

    def vjp(run: Run, y_bar: Array) -> Bars:
        x_bar, *rest = right_vjp(run, y_bar)
        noise = rng.integers(1, 100, size=x_bar.shape)
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
    source: str = "",
) -> Fault:
    return Fault(name, what, operations, results, condition, shows, plant, caught_by, source)


FAULTS: tuple[Fault, ...] = (
    _fault(
        "w-bar-added-to-earlier-ones",
        "w_bar is added to that of earlier calls",
        _accumulating(1),
        operations=CONV,
        results=("w_bar",),
        caught_by=("contract",),
    ),
    _fault(
        "x-bar-added-to-a-recycled-buffer",
        "x_bar is accumulated into a buffer that is recycled and not cleared",
        _accumulating(0),
        results=("x_bar",),
        caught_by=("contract",),
        source="https://github.com/pytorch/executorch/pull/21687",
    ),
    _fault(
        "vjp-of-the-last-forward",
        "the backward pass uses what the last forward left, whichever residuals it is given",
        stateful(_last_forward),
        results=("x_bar", "w_bar"),
        operations=CONV,
        condition="another forward before the backward pass",
        caught_by=("state",),
    ),
    _fault(
        "vjp-of-the-first-forward-of-its-shape",
        "residuals are cached by shape: later operands of the same shape get the first one's",
        stateful(_first_of_its_shape),
        results=("x_bar", "w_bar"),
        operations=CONV,
        condition="other operands of the same shape",
        caught_by=("symmetry",),
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
    _fault(
        "y-cached-by-shape",
        "the forward is cached by shape: it does not look at the values again",
        stateful(_forward_of_its_shape),
        results=("y", "x_bar", "w_bar", "b_bar"),
        operations=CONV,
        condition="other operands of the same shape",
        caught_by=("finite differences",),
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
    _fault(
        "x-bar-in-one-buffer",
        "every x_bar is returned in the same memory, and the next call overwrites it",
        stateful(_one_buffer),
        results=("x_bar",),
        caught_by=("state",),
    ),
    _fault(
        "y-in-one-buffer",
        "every y is returned in the same memory, and the next call overwrites it",
        stateful(_one_output),
        results=("y",),
        caught_by=("state",),
    ),
    _fault(
        "vjp-right-only-once",
        "the first backward pass uses up what the next ones need: they give zeros",
        stateful(_right_once),
        results=("x_bar", "w_bar", "b_bar"),
        caught_by=("contract",),
    ),
    _fault(
        "x-bar-different-every-time",
        "x_bar is another one every time",
        stateful(_noisy),
        results=("x_bar",),
        condition="always",
        caught_by=("contract", "autograd", "finite differences"),
        source="https://github.com/Theano/Theano/issues/5404",
    ),
)
