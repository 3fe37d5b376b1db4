"""Parts of a gradient that are missing or never written: a channel, a row, one element."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_many_windows, has_samples, is_read
from bpcheck.explain.faults.fault import CONV, EVERY, LINEAR, Fault
from bpcheck.explain.faults.run import Run, planted

Place = tuple[Any, ...]


def _zeroed(place: Callable[[Array], Place]) -> Callable[[Run, Array, Any], Array]:
    """What is right but for zeros at one place."""

    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        spoilt: Array = bar.copy()
        if spoilt.size:
            spoilt[place(spoilt)] = 0
        return spoilt

    return spoil


def _middle_row(bar: Array) -> Place:
    return (slice(None), 0, bar.shape[2] // 2)


def _largest(bar: Array) -> Place:
    """The largest element, which is not 0 unless all are."""
    index = np.unravel_index(np.abs(bar.astype(np.float64)).argmax(), bar.shape)
    return tuple(int(i) for i in index)


def _corner(bar: Array) -> Place:
    return (0,) * bar.ndim


def _first_window_only(run: Run, y_bar: Array) -> Array:
    kept = np.zeros_like(y_bar)
    first = (slice(None), slice(None), *(slice(1) for _ in y_bar.shape[2:]))
    kept[first] = y_bar[first]
    return kept


def _reads_the_middle_row(case: Case) -> bool:
    window = case.geometry.windows[0]
    return is_read(case) and bool((window.positions == window.i // 2).any())


def _reads_the_corner(case: Case) -> bool:
    return is_read(case) and all((window.positions == 0).any() for window in case.geometry.windows)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-one-channel-missing",
        what="x_bar of one whole input channel is 0",
        operations=EVERY,
        results=("x_bar",),
        condition="always",
        shows=is_read,
        plant=planted(x_bar=_zeroed(lambda bar: (slice(None), bar.shape[1] - 1))),
        source="https://github.com/soumith/cudnn.torch/issues/28",
    ),
    Fault(
        name="x-bar-one-row-missing",
        what="one row of one channel of x_bar is 0",
        operations=LINEAR,
        results=("x_bar",),
        condition="a middle row that some window reads",
        shows=_reads_the_middle_row,
        plant=planted(x_bar=_zeroed(_middle_row)),
        source="https://github.com/nntrainer/nntrainer/pull/4347",
    ),
    Fault(
        name="x-bar-corner-missing",
        what="the first element of x_bar is 0",
        operations=LINEAR,
        results=("x_bar",),
        condition="a corner that some window reads",
        shows=_reads_the_corner,
        plant=planted(x_bar=_zeroed(_corner)),
        source="https://github.com/ibalazevic/TuckER/issues/17",
    ),
    Fault(
        name="w-bar-one-channel-missing",
        what="w_bar of one whole output channel is 0",
        operations=CONV,
        results=("w_bar",),
        condition="always",
        shows=is_read,
        plant=planted(w_bar=_zeroed(lambda bar: (bar.shape[0] - 1,))),
        source="https://github.com/pytorch/pytorch/pull/60460",
    ),
    Fault(
        name="w-bar-one-element-missing",
        what="one element of w_bar is 0",
        operations=CONV,
        results=("w_bar",),
        condition="always",
        shows=is_read,
        plant=planted(w_bar=_zeroed(_largest)),
        source="https://github.com/amd/IRON/pull/198",
    ),
    Fault(
        name="b-bar-one-element-missing",
        what="the last element of b_bar is 0",
        operations=CONV,
        results=("b_bar",),
        condition="a bias",
        shows=lambda case: has_samples(case) and case.geometry.bias,
        plant=planted(b_bar=_zeroed(lambda bar: (bar.shape[0] - 1,))),
        source="https://github.com/nntrainer/nntrainer/pull/3494",
    ),
    Fault(
        name="only-the-first-window",
        what="the loop returns after its first window: only that one sends a gradient back",
        operations=EVERY,
        results=("x_bar", "w_bar", "b_bar"),
        condition="more than one window",
        shows=has_many_windows,
        plant=planted(cotangent=_first_window_only),
        source="https://github.com/riccardoandreoni0/CNN-from-scratch/issues/1",
    ),
    Fault(
        name="w-bar-elements-shifted-by-one",
        what="w_bar has the right values, each one place further on in memory",
        operations=CONV,
        results=("w_bar",),
        condition="more than one weight",
        shows=lambda case: is_read(case) and prod(case.shapes["w_bar"]) > 1,
        plant=planted(w_bar=lambda run, y_bar, bar: np.roll(bar, 1)),
        source="https://github.com/tf-encrypted/tf-encrypted/issues/150",
    ),
)
