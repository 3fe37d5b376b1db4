"""Zeros that are skipped: what a ReLU and pruning leave invites shortcuts that skip too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_samples, is_read
from bpcheck.explain.faults.fault import CONV, LINEAR, Fault
from bpcheck.explain.faults.kernels import columns, plane_cells
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, planted
from bpcheck.filling import fill
from bpcheck.operations.windowed.window import Window

AUTOGRAD = ("autograd",)

#: What was in the memory of a result that is not written.
STALE = 13


def _is_all_zero(array: Array, axis: int = 0) -> Array:
    """Which slices along `axis` hold nothing but zeros, of an array that is not empty."""
    return ~np.any(array != 0, axis=tuple(i for i in range(array.ndim) if i != axis))


def _y_without_samples_of_zeros(run: Run) -> Array:
    y = run.y.copy()
    y[_is_all_zero(run.operands["x"])] = STALE
    return y


def _y_without_filters_of_zeros(run: Run) -> Array:
    y = run.y.copy()
    y[:, _is_all_zero(run.operands["w"])] = 0
    return y


def _w_bar_without_channels_of_zeros(run: Run, y_bar: Array, bar: Any) -> Array:
    x = run.operands["x"]
    found = np.array(bar)
    if run.params.get("groups", 1) == 1 and len(x):
        found[:, _is_all_zero(x, axis=1)] = STALE
    return found


def _windows_of_zeros(x: Array, windows: Sequence[Window]) -> Array:
    """Which windows read cells of the input, and nothing but zeros there: ``(n, 1, *out)``."""
    placings = right(windows)
    zeros = ~np.any(columns(x, placings) != 0, axis=(1, 3))
    reads = (plane_cells(placings, x.shape[2:]) >= 0).any(axis=-1)
    return (zeros & reads).reshape(len(x), 1, *(window.out for window in windows))


def _y_without_windows_of_zeros(run: Run) -> Array:
    skipped = _windows_of_zeros(run.operands["x"], run.windows)
    return np.where(skipped, run.y.dtype.type(0), run.y)


def _only_where_not_zero(name: str) -> Callable[[Run, Array, Any], Array]:
    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        return np.where(run.operands[name] == 0, bar.dtype.type(0), bar)

    return spoil


def _has_zeros(name: str) -> Callable[[Case], bool]:
    return lambda case: is_read(case) and not bool(fill(case).operands[name].all())


def _has_samples_of_zeros(case: Case) -> bool:
    return has_samples(case) and bool(_is_all_zero(fill(case).operands["x"]).any())


def _has_channels_of_zeros(case: Case) -> bool:
    if case.geometry.g > 1 or not has_samples(case):
        return False
    return bool(_is_all_zero(fill(case).operands["x"], axis=1).any())


def _has_windows_of_zeros(case: Case) -> bool:
    if not has_samples(case):
        return False
    operands = fill(case).operands
    windows = case.geometry.windows
    return _has_bias(operands) and bool(_windows_of_zeros(operands["x"], windows).any())


def _has_filters_of_zeros(case: Case) -> bool:
    if not has_samples(case):
        return False
    operands = fill(case).operands
    return _has_bias(operands) and bool(_is_all_zero(operands["w"]).any())


def _has_bias(operands: Mapping[str, Array]) -> bool:
    b = operands.get("b")
    return b is not None and bool(b.any())


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-zero-where-x-is",
        what="x_bar is masked as a ReLU's gradient is: it is 0 where x is 0",
        operations=LINEAR,
        results=("x_bar",),
        condition="zeros in x",
        shows=_has_zeros("x"),
        plant=planted(x_bar=_only_where_not_zero("x")),
        caught_by=("autograd", "finite differences"),
        source="https://github.com/scikit-learn/scikit-learn/issues/14244",
    ),
    Fault(
        name="w-bar-zero-where-w-is",
        what="w_bar is 0 where w is 0, as if what is pruned had no gradient",
        operations=CONV,
        results=("w_bar",),
        condition="zeros in w",
        shows=_has_zeros("w"),
        plant=planted(w_bar=_only_where_not_zero("w")),
        # Differences do not step the zeros that keep sums short in narrow formats.
        caught_by=AUTOGRAD,
        source="https://github.com/scikit-learn/scikit-learn/issues/14244",
    ),
    Fault(
        name="y-bias-skipped-with-windows-of-zeros",
        what="windows of nothing but zeros are skipped, and their bias with them",
        operations=CONV,
        results=("y",),
        condition="a window of zeros, and a bias",
        shows=_has_windows_of_zeros,
        plant=planted(y=_y_without_windows_of_zeros),
        caught_by=AUTOGRAD,
        source="https://github.com/NCAR/miles-credit/issues/274",
    ),
    Fault(
        name="y-bias-skipped-with-filters-of-zeros",
        what="filters of nothing but zeros are skipped, and their bias with them",
        operations=CONV,
        results=("y",),
        condition="a filter of zeros, and a bias",
        shows=_has_filters_of_zeros,
        plant=planted(y=_y_without_filters_of_zeros),
        caught_by=AUTOGRAD,
        source="https://github.com/NCAR/miles-credit/issues/274",
    ),
    Fault(
        name="y-of-samples-of-zeros-unwritten",
        what="samples of nothing but zeros are skipped: y holds what was in its memory",
        operations=LINEAR,
        results=("y",),
        condition="a sample of zeros",
        shows=_has_samples_of_zeros,
        plant=planted(y=_y_without_samples_of_zeros),
        caught_by=AUTOGRAD,
        source="https://github.com/libxsmm/libxsmm/pull/657",
    ),
    Fault(
        name="w-bar-of-channels-of-zeros-unwritten",
        what="input channels of nothing but zeros are skipped: w_bar holds what was in its memory",
        operations=CONV,
        results=("w_bar",),
        condition="an input channel of zeros",
        shows=_has_channels_of_zeros,
        plant=planted(w_bar=_w_bar_without_channels_of_zeros),
        caught_by=AUTOGRAD,
        source="https://github.com/libxsmm/libxsmm/pull/657",
    ),
)
