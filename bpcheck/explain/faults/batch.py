"""Samples of a batch averaged, lost, mixed up; the empty batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_batch
from bpcheck.explain.faults.fault import CONV, EVERY, Fault
from bpcheck.explain.faults.run import Run, planted, rewired, wide
from bpcheck.subject import Subject


def _is_empty(case: Case) -> bool:
    return bool(case.geometry.n == 0)


def _mean(run: Run, y_bar: Array, bar: Any) -> Array:
    return wide(bar) / max(1, len(y_bar))


def _only(samples: slice) -> Callable[[Run, Array], Array]:
    """The cotangent of some samples, and zeros for the others."""

    def kept(run: Run, y_bar: Array) -> Array:
        some = np.zeros_like(y_bar)
        some[samples] = y_bar[samples]
        return some

    return kept


def _w_bars(run: Run, y_bar: Array) -> Iterator[Array]:
    """``w_bar`` of each sample by itself, in float64."""
    for sample in range(len(y_bar)):
        yield wide(run.bars(_only(slice(sample, sample + 1))(run, y_bar))["w_bar"])


def _rescaled(run: Run, y_bar: Array, bar: Any) -> Array:
    total = np.zeros(bar.shape)
    for w_bar in _w_bars(run, y_bar):
        total = 2 * (total + w_bar) if len(y_bar) > 1 else w_bar
    return total


def _first_input(run: Run, y_bar: Array, bar: Any) -> Array:
    x = run.operands["x"]
    return run.once_more(x=np.repeat(x[:1], len(x), axis=0)).bars(y_bar)["w_bar"]


def _axes_mixed(run: Run, y_bar: Array, bar: Any) -> Array:
    return np.swapaxes(bar, 0, 1).reshape(bar.shape)


def _garbage_for_none(run: Run, y_bar: Array, bar: Any) -> Array:
    return bar if len(y_bar) else np.full_like(bar, 13)


def _raises_for_none(right: Subject) -> Subject:
    def vjp(run: Run, y_bar: Array) -> Any:
        if len(y_bar) == 0:
            raise ValueError("zero-size array to reduction operation maximum which has no identity")
        return run.right.vjp(run.residuals, y_bar)

    return rewired(right, forward=lambda run: (run.y, run), vjp=vjp)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="w-bar-averaged-over-the-batch",
        what="w_bar is the mean over the samples, not the sum",
        operations=CONV,
        results=("w_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(w_bar=_mean),
        source="https://github.com/apache/mxnet/issues/2427",
    ),
    Fault(
        name="every-gradient-divided-by-the-batch",
        what="all gradients are divided by the batch size, as if the loss were averaged here",
        operations=EVERY,
        results=("x_bar", "w_bar", "b_bar"),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(x_bar=_mean, w_bar=_mean, b_bar=_mean),
        source="https://github.com/apache/mxnet/issues/9911",
    ),
    Fault(
        name="w-bar-of-the-first-sample",
        what="w_bar is made of the first sample alone",
        operations=CONV,
        results=("w_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(w_bar=lambda run, y_bar, bar: run.bars(_only(slice(1))(run, y_bar))["w_bar"]),
        source="https://github.com/flashlight/flashlight/pull/760",
    ),
    Fault(
        name="w-bar-with-the-first-input",
        what="w_bar reads the first sample's input for every sample",
        operations=CONV,
        results=("w_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(w_bar=_first_input),
        source="https://github.com/LazaroHurtado/micrograd-rs/pull/20",
    ),
    Fault(
        name="w-bar-of-the-last-sample",
        what="every sample overwrites w_bar: = where += is needed",
        operations=CONV,
        results=("w_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(
            w_bar=lambda run, y_bar, bar: run.bars(_only(slice(-1, None))(run, y_bar))["w_bar"]
        ),
        source="https://github.com/open-mmlab/mmcv/pull/563",
    ),
    Fault(
        name="w-bar-rescaled-with-every-sample",
        what="w_bar is rescaled once for every sample instead of once for the batch",
        operations=CONV,
        results=("w_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(w_bar=_rescaled),
        source="https://github.com/LBANN/lbann/pull/1022",
    ),
    Fault(
        name="x-bar-of-the-first-sample-only",
        what="only the first sample of x_bar is written",
        operations=EVERY,
        results=("x_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(x_bar=lambda run, y_bar, bar: run.bars(_only(slice(1))(run, y_bar))["x_bar"]),
        source="https://github.com/ggml-org/ggml/issues/1448",
    ),
    Fault(
        name="x-bar-of-the-first-sample-for-all",
        what="every sample gets the first one's x_bar",
        operations=EVERY,
        results=("x_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(x_bar=lambda run, y_bar, bar: np.repeat(bar[:1], len(bar), axis=0)),
        source="https://github.com/hiroharu-kato/neural_renderer/pull/15",
    ),
    Fault(
        name="x-bar-samples-in-reverse",
        what="the samples of x_bar come in reverse order",
        operations=EVERY,
        results=("x_bar",),
        condition="a batch of several samples",
        shows=has_batch,
        plant=planted(x_bar=lambda run, y_bar, bar: np.ascontiguousarray(bar[::-1])),
        source="https://github.com/cchen156/Learning-to-See-in-the-Dark/issues/55",
    ),
    Fault(
        name="x-bar-batch-and-channels-mixed",
        what="x_bar comes as (c, n, ...) and is reshaped where a transpose is needed",
        operations=EVERY,
        results=("x_bar",),
        condition="several samples of several channels",
        shows=lambda case: has_batch(case) and case.geometry.ic > 1,
        plant=planted(x_bar=_axes_mixed),
        source="https://github.com/FluxML/Flux.jl/issues/978",
    ),
    Fault(
        name="w-bar-unwritten-for-no-samples",
        what="w_bar of an empty batch is returned as it was allocated",
        operations=CONV,
        results=("w_bar",),
        condition="an empty batch",
        shows=_is_empty,
        plant=planted(w_bar=_garbage_for_none),
        caught_by=("empty batch", "finite differences"),
        source="https://github.com/FluxML/NNlib.jl/pull/763",
    ),
    Fault(
        name="raises-for-no-samples",
        what="the backward pass of an empty batch raises",
        operations=EVERY,
        results=("x_bar",),
        condition="an empty batch",
        shows=_is_empty,
        plant=_raises_for_none,
        caught_by=("contract",),
        source="https://github.com/FluxML/NNlib.jl/pull/763",
    ),
)
