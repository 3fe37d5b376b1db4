"""Labels of the network: which class of which sample, how many of each, and of how many."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.fault import Fault
from bpcheck.explain.faults.rechained import OPERANDS, is_sent
from bpcheck.explain.faults.run import Run, cast, planted, rewired, run_of, wide
from bpcheck.subject import Subject

CHECKS = ("rounding", "finite differences", "taylor")
RESULTS = tuple(f"{name}_bar" for name in OPERANDS)

#: Classes that one block of threads takes, and samples that one unrolled loop does.
BLOCK, UNROLLED = 32, 8


def _labels(case: Case) -> Array:
    labels: Array = case.params["labels"]
    return labels


def _in_turn(run: Run) -> Array:
    return np.arange(len(run.operands["x"])) % len(run.operands["b3"])


def _labelled_in_turn(right: Subject) -> Subject:
    """The vjp of samples whose labels are 0, 1, 2 and so on."""

    def vjp(run: Run, y_bar: Array) -> Any:
        other = run_of(run.right, run.operands, {**run.params, "labels": _in_turn(run)})
        return run.right.vjp(other.residuals, y_bar)

    return rewired(right, forward=lambda run: (run.y, run), vjp=vjp)


def _counts(run: Run) -> Array:
    return np.bincount(run.params["labels"], minlength=len(run.operands["b3"]))


def _written_once(run: Run, y_bar: Array, bar: Any) -> Any:
    """``bar[labels] -= y_bar / n``, which NumPy does once for each different label."""
    share = float(y_bar) / len(run.operands["x"])
    return wide(bar) + np.maximum(_counts(run) - 1, 0) * share


def _batch_of_eight(right: Subject) -> Subject:
    """The vjp leaves out what comes after the eighth sample."""

    def vjp(run: Run, y_bar: Array) -> Any:
        x, labels = run.operands["x"], run.params["labels"]
        params = {**run.params, "labels": labels[:UNROLLED]}
        first = run_of(run.right, {**run.operands, "x": x[:UNROLLED]}, params)
        bars = first.bars(y_bar)
        share = min(len(x), UNROLLED) / len(x)
        found = {name: wide(bar) * share for name, bar in bars.items()}
        missing = np.zeros((len(x) - len(first.operands["x"]), *x.shape[1:]))
        found["x_bar"] = np.concatenate([found["x_bar"], missing])
        return tuple(cast(found[name], run.y.dtype) for name in RESULTS)

    return rewired(right, forward=lambda run: (run.y, run), vjp=vjp)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="labels-taken-in-turn",
        what="the gradient of the loss is that of labels 0, 1, 2 and so on",
        operations=("network",),
        results=RESULTS,
        condition="labels that are not in turn",
        shows=lambda case: bool(
            is_sent(case)
            and (_labels(case) != np.arange(case.geometry.n) % case.geometry.classes).any()
        ),
        plant=_labelled_in_turn,
        caught_by=CHECKS,
        source="https://github.com/hunkim/DeepLearningZeroToAll/issues/20",
    ),
    Fault(
        name="loss-gradient-divided-by-the-classes",
        what="the gradient of the loss is divided by the number of classes, not of samples",
        operations=("network",),
        results=RESULTS,
        condition="unlike numbers of samples and classes",
        shows=lambda case: is_sent(case) and case.geometry.n != case.geometry.classes,
        plant=planted(
            bars={
                name: lambda run, y_bar, bar: (
                    wide(bar) * len(run.operands["x"]) / len(run.operands["b3"])
                )
                for name in RESULTS
            }
        ),
        caught_by=CHECKS,
        source="https://github.com/jax-ml/jax/issues/1023",
    ),
    Fault(
        name="absent-classes-bias-missing",
        what="the last bias gets no gradient for a class that is no sample's",
        operations=("network",),
        results=("b3_bar",),
        condition="a class that is no sample's",
        shows=lambda case: is_sent(case) and len({*_labels(case)}) < case.geometry.classes,
        plant=planted(b3_bar=lambda run, y_bar, bar: np.where(_counts(run) == 0, 0, bar)),
        caught_by=CHECKS,
        source="https://github.com/matterport/Mask_RCNN/issues/686",
    ),
    Fault(
        name="repeated-labels-counted-once",
        what="of several samples with one label only one is taken off the last bias's gradient",
        operations=("network",),
        results=("b3_bar",),
        condition="a label that two samples have",
        shows=lambda case: is_sent(case) and len({*_labels(case)}) < case.geometry.n,
        plant=planted(b3_bar=_written_once),
        caught_by=CHECKS,
        source="https://github.com/pytorch/pytorch/issues/1528",
    ),
    Fault(
        name="last-weights-gradient-of-32-classes",
        what="the gradient of the last layer's weights is written for 32 classes at most",
        operations=("network",),
        results=("w3_bar",),
        condition="more than 32 classes",
        shows=lambda case: is_sent(case) and case.geometry.classes > BLOCK,
        plant=planted(
            w3_bar=lambda run, y_bar, bar: np.where(np.arange(len(bar))[:, None] < BLOCK, bar, 0)
        ),
        caught_by=CHECKS,
        source="https://github.com/apple/ml-cross-entropy/pull/59",
    ),
    Fault(
        name="loss-gradient-of-eight-samples",
        what="samples after the eighth add nothing to any gradient",
        operations=("network",),
        results=RESULTS,
        condition="more than eight samples",
        shows=lambda case: is_sent(case) and case.geometry.n > UNROLLED,
        plant=_batch_of_eight,
        caught_by=CHECKS,
        source="https://github.com/dmarcosg/DSAC/issues/6",
    ),
)
