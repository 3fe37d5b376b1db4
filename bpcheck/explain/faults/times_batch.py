"""Gradients times the number of samples, or divided by it; samples that are summed too early."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_batch
from bpcheck.explain.faults.fault import CONV, EVERY, LINEAR, Fault
from bpcheck.explain.faults.run import Run, planted, wide


def _has_bias(case: Case) -> bool:
    return bool(case.geometry.n > 1 and case.geometry.bias)


def _times(run: Run, y_bar: Array, bar: Any) -> Array:
    return wide(bar) * max(1, len(y_bar))


def _divided(run: Run, y_bar: Array, bar: Any) -> Array:
    return wide(bar) / max(1, len(y_bar))


def _of_one_sample(run: Run, y_bar: Array) -> Array:
    """The cotangent summed over the batch, for every sample."""
    total = wide(y_bar).sum(axis=0, keepdims=True)
    return np.broadcast_to(total, y_bar.shape).astype(y_bar.dtype)


def _of_summed_samples(run: Run, y_bar: Array, bar: Any) -> Array:
    """``sum(x) * sum(y_bar)`` where the sum of the samples' products belongs."""
    if len(y_bar) < 2:
        return bar
    x = run.operands["x"]
    summed = np.zeros_like(x)
    summed[0] = wide(x).sum(axis=0).astype(x.dtype)
    return wide(run.once_more(x=summed).bars(_of_one_sample(run, y_bar))["w_bar"])


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="every-gradient-times-the-batch",
        what="every gradient is multiplied by the number of samples",
        operations=CONV,
        results=("x_bar", "w_bar", "b_bar"),
        condition="a batch of several samples",
        shows=lambda case: has_batch(case) or _has_bias(case),
        plant=planted(x_bar=_times, w_bar=_times, b_bar=_times),
        source="https://github.com/BVLC/caffe/issues/3242",
    ),
    Fault(
        name="x-bar-times-the-batch",
        what="x_bar is multiplied by the number of samples",
        operations=EVERY,
        results=("x_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(x_bar=_times),
        source="https://github.com/BVLC/caffe/issues/3242",
    ),
    Fault(
        name="w-bar-once-per-sample",
        what="w_bar of the whole batch is added once for every sample: N times what it should be",
        operations=CONV,
        results=("w_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(w_bar=_times),
        source="https://github.com/BVLC/caffe/issues/3242",
    ),
    Fault(
        name="b-bar-once-per-sample",
        what="b_bar of the whole batch is added once for every sample: N times what it should be",
        operations=CONV,
        results=("b_bar",),
        condition="a bias and several samples",
        shows=_has_bias,
        plant=planted(b_bar=_times),
        source="https://github.com/BVLC/caffe/issues/3242",
    ),
    Fault(
        name="x-bar-divided-by-the-batch",
        what="x_bar is divided by the number of samples",
        operations=CONV,
        results=("x_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(x_bar=_divided),
        source="https://github.com/deeplearning4j/deeplearning4j/pull/1452",
    ),
    Fault(
        name="x-bar-of-the-batch-as-one-sample",
        what="the batch is taken for one sample: every sample gets the x_bar of all of them",
        operations=LINEAR,
        results=("x_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(
            x_bar=lambda run, y_bar, bar: np.broadcast_to(
                wide(bar).sum(axis=0, keepdims=True), bar.shape
            ).copy()
        ),
        source="https://github.com/mlpack/mlpack/pull/3679",
    ),
    Fault(
        name="w-bar-of-the-batch-as-one-sample",
        what="the batch is taken for one sample: w_bar is made of the sum of x and that of y_bar",
        operations=CONV,
        results=("w_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(w_bar=_of_summed_samples),
        source="https://github.com/mlpack/mlpack/pull/3679",
    ),
)
