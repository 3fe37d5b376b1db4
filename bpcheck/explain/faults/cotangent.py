"""The cotangent taken for something else: clamped, normalised, ignored, in another order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.fault import CONV, EVERY, VALUES, Fault, of_rank_2_up
from bpcheck.explain.faults.run import Run, planted, wide

#: Far above every cotangent that a case has, and far below what its dtype holds.
LIMIT = np.float32(2.0**100)

Taken = Callable[[Run, Array], Array]


NOT_LINEAR = (*VALUES, "linearity")


def _any_sample(case: Case) -> bool:
    return bool(case.geometry.n > 0)


def _fault(
    name: str,
    what: str,
    taken: Taken,
    *,
    condition: str,
    shows: Callable[[Case], bool] = _any_sample,
    operations: tuple[str, ...] = EVERY,
    caught_by: tuple[str, ...] = VALUES,
    source: str = "",
) -> Fault:
    return Fault(
        name=name,
        what=what,
        operations=operations,
        results=("x_bar", "w_bar", "b_bar"),
        condition=condition,
        shows=shows,
        plant=planted(cotangent=taken),
        caught_by=caught_by,
        source=source,
    )


def _normalised(run: Run, y_bar: Array) -> Array:
    norm = np.abs(y_bar.astype(np.float64)).max(initial=0)
    return (y_bar / norm if norm else y_bar).astype(y_bar.dtype)


def _exchanged(run: Run, y_bar: Array) -> Array:
    if y_bar.shape[-1] != y_bar.shape[-2]:
        return y_bar
    return np.ascontiguousarray(np.swapaxes(y_bar, -1, -2))


def _rows_of_channels(run: Run, y_bar: Array) -> Array:
    """``y_bar.reshape(c, -1)`` where the channel axis must first come to the front."""
    n, c, *out = y_bar.shape
    rows = y_bar.reshape(c, n, *out)
    return np.ascontiguousarray(np.moveaxis(rows, 0, 1))


def _of_the_mean(run: Run, y_bar: Array) -> Array:
    axes = tuple(range(2, y_bar.ndim))
    mean = y_bar.astype(np.float64).mean(axis=axes, keepdims=True)
    return np.broadcast_to(mean, y_bar.shape).astype(y_bar.dtype)


def _has_square_output(case: Case) -> bool:
    out = case.geometry.out
    return _any_sample(case) and out[-1] == out[-2] > 1


def _scaled(run: Run, y_bar: Array) -> tuple[Array, float]:
    """The cotangent divided by a power of two above its largest value, and that power."""
    largest = np.abs(y_bar.astype(np.float64)).max(initial=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.exp2(np.ceil(np.log2(largest)))
        return (y_bar / scale).astype(y_bar.dtype), float(scale)


def _rescaled(name: str) -> Callable[[Run, Array, Any], Array]:
    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        taken, scale = _scaled(run, y_bar)
        with np.errstate(invalid="ignore"):
            return wide(run.bars(taken)[name]) * scale

    return spoil


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="cotangent-scaled-by-its-largest-value",
        what="the cotangent is scaled to 1 and the gradient back: 0 / 0 where it is all zeros",
        operations=EVERY,
        results=("x_bar", "w_bar", "b_bar"),
        condition="a cotangent of zeros",
        shows=_any_sample,
        plant=planted(
            x_bar=_rescaled("x_bar"), w_bar=_rescaled("w_bar"), b_bar=_rescaled("b_bar")
        ),
        caught_by=("linearity",),
    ),
    Fault(
        name="cotangent-clipped-when-large",
        what=f"the cotangent is clipped at {LIMIT:g}, as a guard against infinities does",
        operations=EVERY,
        results=("x_bar", "w_bar", "b_bar"),
        condition="a cotangent that is large",
        shows=_any_sample,
        plant=planted(
            cotangent=lambda run, y_bar: (
                np.clip(y_bar, -LIMIT, LIMIT) if y_bar.dtype.itemsize > 2 else y_bar
            )
        ),
        caught_by=("linearity",),
    ),
    _fault(
        "cotangent-clamped-at-zero",
        "the cotangent is clamped at 0: what is negative is lost",
        lambda run, y_bar: np.maximum(y_bar, y_bar.dtype.type(0)),
        condition="a negative cotangent",
        caught_by=NOT_LINEAR,
    ),
    _fault(
        "cotangent-of-magnitudes",
        "the cotangent's sign is lost",
        lambda run, y_bar: np.abs(y_bar),
        condition="a negative cotangent",
        caught_by=NOT_LINEAR,
    ),
    _fault(
        "cotangent-of-signs",
        "of the cotangent only the sign is used",
        lambda run, y_bar: np.sign(y_bar),
        condition="a cotangent of other magnitude than 1",
        shows=lambda case: _any_sample(case) and case.values != "wide",
        caught_by=NOT_LINEAR,
    ),
    _fault(
        "cotangent-clipped",
        "the cotangent is clipped to -1 .. 1, as gradient clipping does",
        lambda run, y_bar: np.clip(y_bar, y_bar.dtype.type(-1), y_bar.dtype.type(1)),
        condition="a cotangent of magnitude above 1",
        caught_by=NOT_LINEAR,
    ),
    _fault(
        "cotangent-normalised",
        "the cotangent is divided by its largest magnitude: the vjp is not homogeneous",
        _normalised,
        condition="a cotangent of other magnitude than 1",
        source="https://github.com/tensorflow/tensorflow/issues/107706",
        caught_by=NOT_LINEAR,
    ),
    _fault(
        "cotangent-ignored",
        "the cotangent is ignored: the vjp is that of the sum of y",
        lambda run, y_bar: np.ones_like(y_bar),
        condition="a cotangent unlike 1",
        caught_by=NOT_LINEAR,
    ),
    _fault(
        "cotangent-through-a-relu",
        "the derivative of a ReLU is left in: the cotangent counts only where y is positive",
        lambda run, y_bar: (y_bar * (run.y > 0)).astype(y_bar.dtype),
        condition="outputs that are not positive",
    ),
    _fault(
        "cotangent-doubled",
        "every gradient is twice what it should be, as that of a square",
        lambda run, y_bar: y_bar + y_bar,
        condition="always",
    ),
    _fault(
        "cotangent-negated",
        "every gradient has the wrong sign",
        lambda run, y_bar: -y_bar,
        condition="always",
    ),
    _fault(
        "cotangent-spread-evenly",
        "every position gets the mean of its channel's cotangent",
        _of_the_mean,
        condition="several positions",
        shows=lambda case: _any_sample(case) and any(out > 1 for out in case.geometry.out),
    ),
    _fault(
        "cotangent-height-and-width-exchanged",
        "height and width of the cotangent are exchanged",
        _exchanged,
        condition="an output as high as wide, and larger than 1",
        shows=_has_square_output,
        operations=of_rank_2_up(EVERY),
        source="https://github.com/pytorch/pytorch/pull/36820",
    ),
    _fault(
        "cotangent-reshaped-for-transposed",
        "the cotangent is reshaped to rows of channels before its channel axis comes to the front",
        _rows_of_channels,
        condition="several samples of several output channels",
        shows=lambda case: case.geometry.n > 1 and case.shapes["y"][1] > 1,
        operations=CONV,
        source="https://github.com/tf-encrypted/tf-encrypted/issues/150",
    ),
)
