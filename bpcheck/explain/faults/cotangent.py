"""The cotangent taken for something else: clamped, normalised, ignored, in another order."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_samples, is_read
from bpcheck.explain.faults.fault import CONV, EVERY, VALUES, Fault, of_rank_2_up
from bpcheck.explain.faults.run import Plant, Run, planted, wide
from bpcheck.filling import fill

#: Far above the cotangents of ordinary cases, and far below what float32 holds.
LIMIT = np.float32(2.0**60)

NOT_LINEAR = (*VALUES, "scaled cotangent")
RESULTS = ("x_bar", "w_bar", "b_bar")

#: From the cotangent to what a wrong kernel takes for it.
Taken = Callable[[Array], Array]


def _alters(taken: Taken) -> Callable[[Case], bool]:
    """Whether it takes another one for the cotangent of a case."""

    def shows(case: Case) -> bool:
        if not has_samples(case):
            return False
        y_bar = fill(case).y_bar
        return not np.array_equal(taken(y_bar), y_bar, equal_nan=True)

    return shows


def _fault(
    name: str,
    what: str,
    taken: Taken,
    *,
    condition: str,
    operations: tuple[str, ...] = EVERY,
    caught_by: tuple[str, ...] = VALUES,
    source: str,
    keeps_sums: bool = False,
) -> Fault:
    # What keeps every channel's sum does not show in b_bar.
    alters = _alters(taken)
    return Fault(
        name=name,
        what=what,
        operations=operations,
        results=RESULTS,
        condition=condition,
        shows=(lambda case: is_read(case) and alters(case)) if keeps_sums else alters,
        plant=planted(cotangent=lambda run, y_bar: taken(y_bar)),
        caught_by=caught_by,
        source=source,
    )


def _filled(y_bar: Array) -> Array:
    largest = np.abs(y_bar).max(initial=y_bar.dtype.type(0))
    return np.where(y_bar == 0, largest, y_bar)


def _clipped(y_bar: Array) -> Array:
    one = y_bar.dtype.type(1)
    return np.clip(y_bar, -one, one)


def _cast(y_bar: Array) -> Array:
    """To float32 and back, as a kernel does that computes in that type only."""
    if y_bar.dtype != np.float64:
        return y_bar
    with np.errstate(over="ignore"):
        return y_bar.astype(np.float32).astype(y_bar.dtype)


def _normalised(y_bar: Array) -> Array:
    norm = np.abs(wide(y_bar)).max(initial=0)
    with np.errstate(invalid="ignore"):
        return (y_bar / norm if norm else y_bar).astype(y_bar.dtype)


def _exchanged(y_bar: Array) -> Array:
    if y_bar.shape[-1] != y_bar.shape[-2]:
        return y_bar
    return np.ascontiguousarray(np.swapaxes(y_bar, -1, -2))


def _rows_of_channels(y_bar: Array) -> Array:
    """``y_bar.reshape(c, -1)`` where the channel axis must first come to the front."""
    n, c, *out = y_bar.shape
    return np.ascontiguousarray(np.moveaxis(y_bar.reshape(c, n, *out), 0, 1))


def _rows_of_positions(y_bar: Array) -> Array:
    """``y_bar.reshape(-1, c)`` where the channel axis must first come last."""
    n, c, *out = y_bar.shape
    return np.ascontiguousarray(np.moveaxis(y_bar.reshape(n, *out, c), -1, 1))


def _of_the_mean(y_bar: Array) -> Array:
    axes = tuple(range(2, y_bar.ndim))
    with np.errstate(invalid="ignore"):
        mean = wide(y_bar).mean(axis=axes, keepdims=True)
    return np.broadcast_to(mean, y_bar.shape).astype(y_bar.dtype)


def _held_below_the_limit(run: Run, y_bar: Array) -> Array:
    return np.clip(y_bar, -LIMIT, LIMIT) if y_bar.dtype.itemsize > 2 else y_bar


def _rescaled() -> Plant:
    """The cotangent divided by a power of two above its largest value, the gradients multiplied."""

    def spoil(name: str) -> Callable[[Run, Array, Any], Array]:
        def spoilt(run: Run, y_bar: Array, bar: Any) -> Array:
            with np.errstate(divide="ignore", invalid="ignore"):
                scale = np.exp2(np.ceil(np.log2(np.abs(wide(y_bar)).max(initial=0))))
                return wide(run.bars((y_bar / scale).astype(y_bar.dtype))[name]) * scale

        return spoilt

    return planted(bars={name: spoil(name) for name in RESULTS})


FAULTS: tuple[Fault, ...] = (
    _fault(
        "cotangent-clamped-at-zero",
        "the cotangent is clamped at 0: what is negative is lost",
        lambda y_bar: np.maximum(y_bar, y_bar.dtype.type(0)),
        condition="a negative cotangent",
        caught_by=NOT_LINEAR,
        source="https://github.com/exacity/deeplearningbook-chinese/issues/127",
    ),
    _fault(
        "cotangent-cast-to-float32",
        "the cotangent of float64 operands is cast to float32",
        _cast,
        condition="float64, with a cotangent that float32 does not hold",
        source="https://github.com/tensorflow/tensorflow/pull/27213",
    ),
    _fault(
        "cotangent-of-magnitudes",
        "the cotangent's sign is lost",
        np.abs,
        condition="a negative cotangent",
        caught_by=NOT_LINEAR,
        source="https://github.com/elixir-nx/nx/pull/1779",
    ),
    _fault(
        "cotangent-of-signs",
        "of the cotangent only the sign is used",
        np.sign,
        condition="a cotangent of other magnitude than 1",
        caught_by=NOT_LINEAR,
        source="https://github.com/itayhubara/BinaryNet.pytorch/issues/25",
    ),
    _fault(
        "cotangent-clipped",
        "the cotangent is clipped to -1 .. 1, as gradient clipping does",
        _clipped,
        condition="a cotangent of magnitude above 1",
        caught_by=NOT_LINEAR,
        source="https://github.com/junhyukoh/caffe-lstm/issues/18",
    ),
    _fault(
        "cotangent-normalised",
        "the cotangent is divided by its largest magnitude: the vjp is not homogeneous",
        _normalised,
        condition="a cotangent of other magnitude than 1",
        caught_by=NOT_LINEAR,
        source="https://github.com/tensorflow/tensorflow/issues/107706",
    ),
    _fault(
        "cotangent-ignored",
        "the cotangent is ignored: the vjp is that of the sum of y",
        np.ones_like,
        condition="a cotangent unlike 1",
        caught_by=NOT_LINEAR,
        source="https://github.com/k2-fsa/k2/issues/341",
    ),
    _fault(
        "cotangent-doubled",
        "every gradient is twice what it should be, as that of a square",
        lambda y_bar: y_bar + y_bar,
        condition="always",
        source="https://github.com/itskonrad/miniMNIST-c/issues/7",
    ),
    _fault(
        "cotangent-negated",
        "every gradient has the wrong sign",
        lambda y_bar: -y_bar,
        condition="always",
        source="https://github.com/HIPS/autograd/pull/412",
    ),
    _fault(
        "cotangent-spread-evenly",
        "every position gets the mean of its channel's cotangent",
        _of_the_mean,
        condition="several positions",
        keeps_sums=True,
        source="https://github.com/paiml/aprender/pull/2182",
    ),
    _fault(
        "cotangent-height-and-width-exchanged",
        "height and width of the cotangent are exchanged",
        _exchanged,
        condition="an output as high as wide, and larger than 1",
        keeps_sums=True,
        operations=of_rank_2_up(EVERY),
        source="https://github.com/pytorch/pytorch/pull/36820",
    ),
    _fault(
        "cotangent-reshaped-for-transposed",
        "the cotangent is reshaped to rows of channels before its channel axis comes to the front",
        _rows_of_channels,
        condition="several samples of several output channels",
        operations=CONV,
        source="https://github.com/tf-encrypted/tf-encrypted/issues/150",
    ),
    _fault(
        "cotangent-reshaped-to-rows-of-positions",
        "the cotangent is reshaped to a row for each position before its channel axis comes last",
        _rows_of_positions,
        condition="several positions of several output channels",
        source="https://github.com/tf-encrypted/tf-encrypted/issues/150",
    ),
    Fault(
        name="cotangent-through-a-relu",
        what="the derivative of a ReLU is left in: the cotangent counts only where y is positive",
        operations=EVERY,
        results=RESULTS,
        condition="outputs that are not positive",
        shows=has_samples,
        plant=planted(cotangent=lambda run, y_bar: np.where(run.y > 0, y_bar, y_bar.dtype.type(0))),
        source="https://github.com/ttezel/nn/issues/8",
    ),
    Fault(
        name="cotangent-scaled-by-its-largest-value",
        what="the cotangent is scaled to 1 and the gradient back: 0 / 0 where it is all zeros",
        operations=EVERY,
        results=RESULTS,
        condition="a cotangent of zeros",
        shows=has_samples,
        plant=_rescaled(),
        caught_by=("scaled cotangent",),
        source="https://github.com/PaddlePaddle/Paddle/pull/30777",
    ),
    Fault(
        name="cotangent-clipped-when-large",
        what=f"the cotangent is clipped at {LIMIT:g}, as a guard against infinities does",
        operations=EVERY,
        results=RESULTS,
        condition="a cotangent that is large",
        shows=has_samples,
        plant=planted(cotangent=_held_below_the_limit),
        caught_by=("scaled cotangent",),
        source="https://github.com/ROCm/MIOpen/issues/2496",
    ),
    Fault(
        name="cotangent-of-zero-taken-for-the-largest",
        what="cells whose cotangent is exactly 0 are taken for missing, and get the largest one",
        operations=EVERY,
        results=RESULTS,
        condition="zeros in the cotangent",
        shows=lambda case: is_read(case) and prod(case.shapes["y"]) > 1,
        plant=planted(cotangent=lambda run, y_bar: _filled(y_bar)),
        caught_by=("split cotangent",),
        source="https://github.com/dmlc/xgboost/issues/899",
    ),
)
