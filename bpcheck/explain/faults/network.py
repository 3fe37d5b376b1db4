"""The network's loss: its mean over the batch, and the cotangent that a loss has too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.explain.faults.conditions import always
from bpcheck.explain.faults.fault import Fault
from bpcheck.explain.faults.rechained import OPERANDS, is_sent
from bpcheck.explain.faults.run import Plant, Run, planted, rewired, wide
from bpcheck.filling import fill
from bpcheck.subject import Subject

CHECKS = ("finite differences", "taylor", "rounding")


def _bars(spoil: Callable[[Run, Array, Any], Any]) -> Plant:
    return planted(bars={f"{name}_bar": spoil for name in OPERANDS})


def _anchored(right: Subject) -> Subject:
    """The forward adds how far ``w1`` is from the first one it saw; the backward knows nothing."""
    anchors: dict[tuple[int, ...], Array] = {}

    def forward(run: Run) -> Any:
        w = wide(run.operands["w1"])
        anchor = anchors.setdefault(w.shape, w)
        return np.asarray(run.y + np.abs(w - anchor).sum(), run.y.dtype), run

    return rewired(
        right, forward=forward, vjp=lambda run, y_bar: run.right.vjp(run.residuals, y_bar)
    )


def _square(run: Run, y_bar: Array) -> Array:
    with np.errstate(over="ignore"):
        squared: Array = np.square(y_bar)
    return squared


#: Beyond it a cotangent is taken for one that went astray.
LIMIT = 1e3


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="loss-gradient-summed-over-the-batch",
        what="the loss is a mean over the batch, and its gradient a sum",
        operations=("network",),
        results=tuple(f"{name}_bar" for name in OPERANDS),
        condition="a batch of several samples",
        shows=lambda case: is_sent(case) and case.geometry.n > 1,
        plant=_bars(lambda run, y_bar, bar: wide(bar) * len(run.operands["x"])),
        caught_by=CHECKS,
        source="https://github.com/dennybritz/nn-from-scratch/issues/13",
    ),
    Fault(
        name="loss-cotangent-taken-for-one",
        what="the cotangent of the loss is taken for 1",
        operations=("network",),
        results=tuple(f"{name}_bar" for name in OPERANDS),
        condition="a cotangent unlike 1",
        shows=always,
        plant=planted(cotangent=lambda run, y_bar: np.ones_like(y_bar)),
        caught_by=CHECKS,
        source="https://github.com/chainer/chainer/issues/1175",
    ),
    Fault(
        name="loss-cotangent-counted-twice",
        what="the cotangent of the loss is multiplied by twice",
        operations=("network",),
        results=tuple(f"{name}_bar" for name in OPERANDS),
        condition="a cotangent unlike 0 and 1",
        shows=lambda case: is_sent(case) and bool(fill(case).y_bar != 1),
        plant=planted(cotangent=_square),
        caught_by=CHECKS,
        source="https://github.com/itskonrad/miniMNIST-c/issues/7",
    ),
    Fault(
        name="loss-cotangent-clipped",
        what="a cotangent of the loss above 1,000 is taken for 1,000",
        operations=("network",),
        results=tuple(f"{name}_bar" for name in OPERANDS),
        condition="a large cotangent, as a scaled loss sends it",
        shows=lambda case: bool(abs(fill(case).y_bar) > LIMIT),
        plant=planted(cotangent=lambda run, y_bar: np.clip(y_bar, -LIMIT, LIMIT)),
        caught_by=CHECKS,
        source="https://github.com/allenai/allennlp/pull/5426",
    ),
    Fault(
        name="loss-cotangent-of-zero-taken-for-one",
        what="a cotangent of 0 is taken for none at all, and so for 1",
        operations=("network",),
        results=tuple(f"{name}_bar" for name in OPERANDS),
        condition="a cotangent of 0",
        shows=lambda case: not is_sent(case),
        plant=planted(
            cotangent=lambda run, y_bar: np.where(y_bar == 0, 1, y_bar).astype(y_bar.dtype)
        ),
        caught_by=CHECKS,
        source="https://github.com/chainer/chainer/pull/4015",
    ),
    Fault(
        name="first-bias-gradient-missing",
        what="the first convolution's bias gets no gradient",
        operations=("network",),
        results=("b1_bar",),
        condition="a cotangent that is not 0",
        shows=is_sent,
        plant=planted(b1_bar=lambda run, y_bar, bar: np.zeros_like(bar)),
        caught_by=CHECKS,
        source="https://github.com/vlfeat/matconvnet/issues/197",
    ),
    Fault(
        name="last-weights-gradient-of-one-class",
        what="the gradient of the last layer's weights is written for the first class only",
        operations=("network",),
        results=("w3_bar",),
        condition="a cotangent that is not 0",
        shows=is_sent,
        plant=planted(
            w3_bar=lambda run, y_bar, bar: np.where(np.arange(len(bar))[:, None] == 0, bar, 0)
        ),
        caught_by=CHECKS,
        source="https://github.com/ByteDance-Seed/Triton-distributed/issues/180",
    ),
    Fault(
        name="second-kernel-gradient-rotated",
        what="the second convolution's w_bar is rotated by 180 degrees",
        operations=("network",),
        results=("w2_bar",),
        condition="a second kernel larger than 1",
        shows=lambda case: is_sent(case) and case.geometry.convs[1][0].k > 1,
        plant=planted(w2_bar=lambda run, y_bar, bar: np.flip(bar, axis=(2, 3)).copy()),
        caught_by=CHECKS,
        source="https://github.com/Site1997/LeNet-python/issues/2",
    ),
    Fault(
        name="kink-at-the-first-weights",
        what="the forward adds an absolute distance from the weights it first saw: a kink there",
        operations=("network",),
        results=("w1_bar",),
        condition="weights that move",
        shows=lambda case: case.operation.is_smooth(case.geometry),
        plant=_anchored,
        caught_by=("taylor",),
        source="https://github.com/BVLC/caffe/issues/1334",
    ),
)
