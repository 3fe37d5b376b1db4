"""Pools whose scope is so small that a test can exhaust it, and kernels for them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.scopes import Scope
from bpcheck.operations.windowed.max_pooling import MaxPooling
from reference import max_pool


class TinyPooling(MaxPooling):
    """Max pooling with a scope of one geometry in forty of the small one."""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        small = super().scopes[0]

        def geometries() -> Iterator[Any]:
            return islice(small.geometries(), 0, None, 40)

        return (Scope("tiny", "few numbers", -(-small.count // 40), geometries),)


pool = TinyPooling(1)

forward = max_pool.forward


def vjp(residuals: Any, y_bar: Array) -> tuple[Array]:
    return max_pool.vjp(residuals, y_bar)


def refusing(x: Array, *, stride: tuple[int], **params: Any) -> tuple[Array, Any]:
    if stride == (3,):
        raise NotImplementedError("strides of 3")
    return max_pool.forward(x, stride=stride, **params)


def remembering(x: Array, **params: Any) -> tuple[Array, Any]:
    y, residuals = max_pool.forward(x, **params)
    return y, (x, residuals)


def wrong_at_the_end(residuals: Any, y_bar: Array) -> tuple[Array]:
    """Wrong only where the last cell of a line is its largest."""
    x, right = residuals
    (x_bar,) = max_pool.vjp(right, y_bar)
    line = x[0, 0]
    if line.size > 3 and line.argmax() == line.size - 1:
        x_bar = np.array(x_bar)
        x_bar[0, 0, -1] = 0
    return (x_bar,)


def refusing_large_cotangents(residuals: Any, y_bar: Array) -> tuple[Array]:
    """Takes cotangents as small as those of a case, and not those that bring many columns."""
    if np.abs(y_bar).max() > 3:
        raise ValueError("large cotangents")
    return max_pool.vjp(residuals, y_bar)
