"""Kernels whose one mistake shows in many ways, each as somebody writes it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck import Subject
from bpcheck.arithmetic import Array
from reference import conv


def as_if_contiguous(array: Array) -> Array:
    """The numbers that lie behind the first one: what native code reads that ignores strides.

    Beyond the memory of the array lies something else every time.
    """
    _, end = np.lib.array_utils.byte_bounds(array)
    start = array.ctypes.data
    there = max(0, min(array.nbytes, end - start))
    beyond = np.random.default_rng().bytes(array.nbytes - there)
    found = np.frombuffer(ctypes.string_at(start, there) + beyond, array.dtype)
    return found.reshape(array.shape)


def with_forward(change: Callable[[Array], Array], **claims: Any) -> Subject:
    """A right convolution on another x."""

    def forward(x: Array, w: Array, b: Any = None, **params: Any) -> Any:
        return conv.forward(change(x), w, b, **params)

    return Subject(forward, conv.vjp, operation="conv2d", **claims)


def with_vjp(change: Callable[[Array], Array], **claims: Any) -> Subject:
    """A right convolution with another y_bar."""

    def vjp(residuals: Any, y_bar: Array) -> Any:
        return conv.vjp(residuals, change(y_bar))

    return Subject(conv.forward, vjp, operation="conv2d", **claims)


def refusing(error: type[Exception], is_refused: Callable[[Array], Any], **claims: Any) -> Subject:
    """A right convolution that refuses by the numbers in x."""

    def forward(x: Array, w: Array, b: Any = None, **params: Any) -> Any:
        if x.size and is_refused(x):
            raise error("these numbers are not supported")
        return conv.forward(x, w, b, **params)

    return Subject(forward, conv.vjp, operation="conv2d", **claims)


def refusing_cotangents(
    error: type[Exception], is_refused: Callable[[Array], Any], **claims: Any
) -> Subject:
    """A right convolution whose vjp refuses by the numbers in y_bar."""

    def vjp(residuals: Any, y_bar: Array) -> Any:
        if y_bar.size and is_refused(y_bar):
            raise error("this cotangent is not supported")
        return conv.vjp(residuals, y_bar)

    return Subject(conv.forward, vjp, operation="conv2d", **claims)
