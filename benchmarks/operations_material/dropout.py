"""Dropout with the mask for an operand: kept cells are multiplied by 1 / (1 - p)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.operations_material.base import (
    Array,
    Catalogue,
    Example,
    Operation,
    draws,
    widened,
)


def reference(x: Any, keep: Any, *, p: float) -> Any:
    return x * keep / (1 - p)


def examples() -> tuple[Example, ...]:
    rng = draws(8)
    x = rng.uniform(-2, 2, (4, 5))
    x[0] = 0
    return (
        ((x, rng.random((4, 5)) < 0.5), {"p": 0.5}),
        ((x, rng.random((4, 5)) < 0.9), {"p": 0.1}),
    )


def _forward(x: Array, keep: Array, *, p: float) -> tuple[Array, Any]:
    y = x * keep / (1 - p)
    return y, (x, y, keep, p)


def _vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
    _, _, keep, p = residuals
    return (y_bar * keep / (1 - p),)


OPERATION = Operation("dropout", reference, *widened(_forward, _vjp), examples, ("keep",))


def _no_scale(residuals: Any, y_bar: Array) -> tuple[Array]:
    return (y_bar * residuals[2],)


def _scale_of_p(residuals: Any, y_bar: Array) -> tuple[Array]:
    _, _, keep, p = residuals
    return (y_bar * keep * p,)


def _by_values(residuals: Any, y_bar: Array) -> tuple[Array]:
    x, y, _, _ = residuals
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.where(x == 0, y_bar, y / x * y_bar),)


_ = Catalogue(OPERATION)

FAULTS = (
    _.fault(
        "dropout-scale-missing",
        "rohitg00/ai-engineering-from-scratch!17",
        "the backward applies the mask without 1 / (1 - p)",
        forward=_forward,
        vjp=_no_scale,
    ),
    _.fault(
        "dropout-scale-of-p",
        "NVIDIA/apex!816",
        "the backward multiplies by p, not by 1 / (1 - p)",
        forward=_forward,
        vjp=_scale_of_p,
    ),
    _.fault(
        "dropout-mask-read-from-values",
        "kaldi-asr/kaldi#3890",
        "the mask is y / x: a dropped cell whose x is 0 gets the whole cotangent",
        forward=_forward,
        vjp=_by_values,
    ),
)
