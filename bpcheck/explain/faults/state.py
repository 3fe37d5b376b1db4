"""What a kernel keeps between calls, changes in place, or hands out twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import handed, has_samples, is_read, is_writeable
from bpcheck.explain.faults.fault import CONV, EVERY, Fault
from bpcheck.explain.faults.run import Plant, Run, rewired
from bpcheck.subject import Subject

Bars = tuple[Any, ...]
Vjp = Callable[[Run, Array], Bars]


def _right_vjp(run: Run, y_bar: Array) -> Bars:
    return tuple(run.right.vjp(run.residuals, y_bar))


def _stateful(
    make: Callable[[], tuple[Callable[[Run], Any], Callable[[Any, Array], Any]]],
) -> Plant:
    """A transformation whose forward and vjp share what `make` makes anew for each planting."""

    def plant(right: Subject) -> Subject:
        forward, vjp = make()
        return rewired(right, forward=forward, vjp=vjp)

    return plant


def _plain(run: Run) -> tuple[Array, Run]:
    return run.y, run


def _accumulating(index: int) -> Plant:
    """One gradient is added to those of earlier calls."""

    def make() -> tuple[Any, Any]:
        kept: dict[tuple[int, ...], Array] = {}

        def vjp(run: Run, y_bar: Array) -> Bars:
            bars = list(_right_vjp(run, y_bar))
            shape = bars[index].shape
            before = kept.get(shape)
            kept[shape] = bars[index] = bars[index] if before is None else before + bars[index]
            return tuple(bars)

        return _plain, vjp

    return _stateful(make)


def _last_forward() -> tuple[Any, Any]:
    """``self.cache``: the vjp is that of the last forward, whichever residuals it gets."""
    last: list[Run] = []

    def forward(run: Run) -> Any:
        last[:] = [run]
        return run.y, None

    def vjp(_: Any, y_bar: Array) -> Bars:
        return _right_vjp(last[0], y_bar)

    return forward, vjp


def _first_of_its_shape() -> tuple[Any, Any]:
    """A cache whose key holds the shapes of the operands and not their values."""
    kept: dict[Any, Run] = {}

    def forward(run: Run) -> Any:
        key = str((sorted((n, a.shape) for n, a in run.operands.items()), run.params))
        return run.y, kept.setdefault(key, run)

    return forward, _right_vjp


def _forward_of_its_shape() -> tuple[Any, Any]:
    kept: dict[Any, Array] = {}

    def forward(run: Run) -> Any:
        key = str((sorted((n, a.shape) for n, a in run.operands.items()), run.params))
        return kept.setdefault(key, run.y).copy(), run

    return forward, _right_vjp


def _one_buffer() -> tuple[Any, Any]:
    """Every ``x_bar`` of one shape is returned in the same memory."""
    buffers: dict[tuple[int, ...], Array] = {}

    def vjp(run: Run, y_bar: Array) -> Bars:
        x_bar, *rest = _right_vjp(run, y_bar)
        buffer = buffers.setdefault(x_bar.shape, np.empty_like(x_bar))
        if buffer.dtype != x_bar.dtype:
            return (x_bar, *rest)
        buffer[...] = x_bar
        return (buffer, *rest)

    return _plain, vjp


def _one_output() -> tuple[Any, Any]:
    buffers: dict[Any, Array] = {}

    def forward(run: Run) -> Any:
        buffer = buffers.setdefault((run.y.shape, run.y.dtype.name), np.empty_like(run.y))
        buffer[...] = run.y
        return buffer, run

    return forward, _right_vjp


def _right_once() -> tuple[Any, Any]:
    """The first vjp uses up something that the next ones need."""
    spent: list[bool] = []

    def vjp(run: Run, y_bar: Array) -> Bars:
        bars = _right_vjp(run, y_bar)
        if spent:
            return tuple(None if bar is None else np.zeros_like(bar) for bar in bars)
        spent.append(True)
        return bars

    return _plain, vjp


def _noisy() -> tuple[Any, Any]:
    """Another order of summation every time, exaggerated to one unit."""
    rng = np.random.default_rng(0)

    def vjp(run: Run, y_bar: Array) -> Bars:
        x_bar, *rest = _right_vjp(run, y_bar)
        noise = rng.integers(1, 100, size=x_bar.shape)
        return ((x_bar + noise).astype(x_bar.dtype), *rest)

    return _plain, vjp


def _changes_x() -> tuple[Any, Any]:
    def forward(run: Run) -> Any:
        x = run.operands["x"]
        if x.size and x.flags.writeable:
            x[(0,) * x.ndim] += 1
        return run.y, run

    return forward, _right_vjp


def _changes_y_bar() -> tuple[Any, Any]:
    def vjp(run: Run, y_bar: Array) -> Bars:
        bars = tuple(
            None if bar is None else np.array(bar, copy=True) for bar in _right_vjp(run, y_bar)
        )
        if y_bar.flags.writeable:
            np.maximum(y_bar, 0, out=y_bar)
        return bars

    return _plain, vjp


def _turns_w() -> tuple[Any, Any]:
    """The kernel is rotated in place for ``x_bar``, and not turned back."""

    def vjp(run: Run, y_bar: Array) -> Bars:
        bars = _right_vjp(run, y_bar)
        w = run.operands["w"]
        if w.flags.writeable:
            w[...] = np.flip(w, axis=tuple(range(2, w.ndim))).copy()
        return bars

    return _plain, vjp


def _borrows_x() -> tuple[Any, Any]:
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
        return _right_vjp(run, y_bar)

    return forward, vjp


def _has_negative_cotangent(case: Case) -> bool:
    y_bar = handed(case, "y_bar")
    return bool(y_bar.flags.writeable and (y_bar < 0).any())


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
        _stateful(_last_forward),
        results=("x_bar", "w_bar"),
        operations=CONV,
        condition="another forward before the backward pass",
        caught_by=("state",),
    ),
    _fault(
        "vjp-of-the-first-forward-of-its-shape",
        "residuals are cached by shape: later operands of the same shape get the first one's",
        _stateful(_first_of_its_shape),
        results=("x_bar", "w_bar"),
        operations=CONV,
        condition="other operands of the same shape",
        caught_by=("symmetry",),
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
    _fault(
        "y-cached-by-shape",
        "the forward is cached by shape: it does not look at the values again",
        _stateful(_forward_of_its_shape),
        results=("y", "x_bar", "w_bar", "b_bar"),
        operations=CONV,
        condition="other operands of the same shape",
        caught_by=("finite differences",),
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
    _fault(
        "x-bar-in-one-buffer",
        "every x_bar is returned in the same memory, and the next call overwrites it",
        _stateful(_one_buffer),
        results=("x_bar",),
        caught_by=("state",),
    ),
    _fault(
        "y-in-one-buffer",
        "every y is returned in the same memory, and the next call overwrites it",
        _stateful(_one_output),
        results=("y",),
        caught_by=("state",),
    ),
    _fault(
        "vjp-right-only-once",
        "the first backward pass uses up what the next ones need: they give zeros",
        _stateful(_right_once),
        results=("x_bar", "w_bar", "b_bar"),
        caught_by=("contract",),
    ),
    _fault(
        "x-bar-different-every-time",
        "x_bar is another one every time",
        _stateful(_noisy),
        results=("x_bar",),
        condition="always",
        caught_by=("contract", "autograd", "finite differences"),
        source="https://github.com/Theano/Theano/issues/5404",
    ),
    _fault(
        "x-changed-by-the-forward",
        "the forward changes x in place",
        _stateful(_changes_x),
        results=("x_bar", "w_bar"),
        condition="an x that can be written",
        shows=lambda case: has_samples(case) and is_writeable(case, "x"),
        caught_by=("contract",),
    ),
    _fault(
        "y-bar-changed-by-the-vjp",
        "the backward pass clamps the caller's cotangent in place",
        _stateful(_changes_y_bar),
        results=("y",),
        condition="a negative cotangent that can be written",
        shows=_has_negative_cotangent,
        caught_by=("contract",),
    ),
    _fault(
        "w-left-rotated",
        "the backward pass rotates the caller's kernel in place",
        _stateful(_turns_w),
        results=("w_bar",),
        operations=CONV,
        condition="a kernel larger than 1 that can be written",
        shows=lambda case: (
            is_writeable(case, "w") and any(window.k > 1 for window in case.geometry.windows)
        ),
        caught_by=("contract",),
    ),
    _fault(
        "x-borrowed-until-the-vjp",
        "the forward changes x in place and the backward pass puts it back",
        _stateful(_borrows_x),
        results=("x_bar",),
        condition="an x that can be written, and somebody who looks at it between the calls",
        shows=lambda case: has_samples(case) and is_writeable(case, "x"),
        caught_by=("state",),
    ),
)
