"""The bias: its gradient is the sum of the cotangent over samples and positions."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.fault import CONV, VALUES, Fault
from bpcheck.explain.faults.run import Plant, Run, planted, wide


def _has_bias(case: Case) -> bool:
    return bool(case.geometry.n > 0 and case.geometry.bias)


def _spread(case: Case) -> bool:
    """Several positions to sum over."""
    return _has_bias(case) and prod(case.geometry.out) > 1


def _positions(y_bar: Array) -> tuple[int, ...]:
    return tuple(range(2, y_bar.ndim))


def _b_bar(summed: Callable[[Array], Array]) -> Plant:
    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        return np.asarray(summed(wide(y_bar)))

    return planted(b_bar=spoil)


def _first_position(y_bar: Array) -> Array:
    first: tuple[Any, ...] = (slice(None), slice(None), *(0,) * (y_bar.ndim - 2))
    return np.asarray(y_bar[first].sum(axis=0))


def _mean(y_bar: Array) -> Array:
    """As ``y_bar.mean((0, 2, 3))``: without a sample there is nothing to take the mean of."""
    axes = (0, *_positions(y_bar))
    count = prod(y_bar.shape[axis] for axis in axes)
    return np.asarray(y_bar.sum(axis=axes) / count if count else np.full(y_bar.shape[1], np.nan))


def _y_plus(run: Run, times: float) -> Array:
    """The forward with the bias added `times` times more."""
    if "b" not in run.operands:
        return run.y
    b = run.operands["b"].reshape(-1, *(1,) * (run.y.ndim - 2))
    return (wide(run.y) + times * wide(b)).astype(run.y.dtype)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="b-bar-not-summed-over-the-batch",
        what="b_bar is summed over the positions of the first sample alone",
        operations=CONV,
        results=("b_bar",),
        condition="a bias and several samples",
        shows=lambda case: _has_bias(case) and case.geometry.n > 1,
        plant=_b_bar(lambda y_bar: y_bar[:1].sum(axis=(0, *_positions(y_bar)))),
        source="https://github.com/mlpack/mlpack/pull/3679",
    ),
    Fault(
        name="b-bar-of-the-last-sample",
        what="every sample overwrites b_bar: = where += is needed",
        operations=CONV,
        results=("b_bar",),
        condition="a bias and several samples",
        shows=lambda case: _has_bias(case) and case.geometry.n > 1,
        plant=_b_bar(lambda y_bar: y_bar[-1:].sum(axis=(0, *_positions(y_bar)))),
        source="https://github.com/open-mmlab/mmcv/pull/563",
    ),
    Fault(
        name="b-bar-not-summed-over-positions",
        what="b_bar takes the first position alone",
        operations=CONV,
        results=("b_bar",),
        condition="a bias and several positions",
        shows=_spread,
        plant=_b_bar(_first_position),
        source="https://github.com/snuspl/cruise/issues/800",
    ),
    Fault(
        name="b-bar-averaged-over-positions",
        what="b_bar is the mean over the positions, not the sum",
        operations=CONV,
        results=("b_bar",),
        condition="a bias and several positions",
        shows=_spread,
        plant=_b_bar(lambda y_bar: y_bar.mean(axis=_positions(y_bar)).sum(axis=0)),
        source="https://github.com/Oneflow-Inc/oneflow/pull/255",
    ),
    Fault(
        name="b-bar-averaged-over-the-batch",
        what="b_bar is the mean over the samples, not the sum",
        operations=CONV,
        results=("b_bar",),
        condition="a bias and several samples",
        shows=lambda case: _has_bias(case) and case.geometry.n > 1,
        plant=_b_bar(lambda y_bar: y_bar.sum(axis=(0, *_positions(y_bar))) / max(1, len(y_bar))),
        source="https://github.com/dengfy/cs231n/issues/1",
    ),
    Fault(
        name="b-bar-averaged",
        what="b_bar is the mean over samples and positions, not the sum",
        operations=CONV,
        results=("b_bar",),
        condition="a bias, and several samples or positions, or no sample",
        shows=lambda case: (
            bool(case.geometry.bias) and prod((case.geometry.n, *case.geometry.out)) != 1
        ),
        plant=_b_bar(_mean),
        source="https://github.com/kvfrans/notes/issues/5",
    ),
    Fault(
        name="b-bar-the-same-for-all-channels",
        what="b_bar is summed over the channels too, and broadcast back",
        operations=CONV,
        results=("b_bar",),
        condition="a bias and several output channels",
        shows=lambda case: _has_bias(case) and case.geometry.oc > 1,
        plant=_b_bar(lambda y_bar: np.full(y_bar.shape[1], y_bar.sum())),
        source="https://github.com/open-mmlab/mmcv/pull/563",
    ),
    Fault(
        name="y-bias-forgotten",
        what="the forward does not add the bias",
        operations=CONV,
        results=("y", "b_bar"),
        condition="a bias",
        shows=_has_bias,
        plant=planted(y=lambda run: _y_plus(run, -1)),
        source="https://github.com/espressif/esp-dl/issues/26",
    ),
    Fault(
        name="bias-added-twice-throughout",
        what="the bias is added twice, in forward and backward alike",
        operations=CONV,
        results=("y", "b_bar"),
        condition="a bias",
        shows=_has_bias,
        plant=planted(y=lambda run: _y_plus(run, 1), b_bar=lambda run, y_bar, bar: 2 * wide(bar)),
        caught_by=("autograd", "rounding"),
        source="https://github.com/LeelaChessZero/lc0/pull/130",
    ),
    Fault(
        name="b-bar-of-the-input",
        what="b_bar is summed over x_bar's first channel instead of the cotangent's own",
        operations=CONV,
        results=("b_bar",),
        condition="a bias",
        shows=_has_bias,
        plant=planted(
            b_bar=lambda run, y_bar, bar: np.full(
                bar.shape, wide(run.bars(y_bar)["x_bar"][:, 0]).sum()
            )
        ),
        caught_by=VALUES,
        source="https://github.com/pytorch/pytorch/issues/2330",
    ),
)
