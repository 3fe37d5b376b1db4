"""Forwards whose y is malformed, each as somebody writes it, beside a vjp that counts its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bpcheck import Subject
from reference import avg_pool, conv

#: As a file of a user's own: it knows equal strides only, and does not say so.
EQUAL_STRIDES = """
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as win

def forward(x, *, kernel_size, stride):
    s = stride[0]
    y = win(x, kernel_size, axis=(2, 3))[:, :, ::s, ::s].mean((-1, -2)).astype(x.dtype)
    return y, (x.shape, x.dtype, kernel_size, s)

def vjp(residuals, y_bar):
    shape, dtype, (kh, kw), s = residuals
    x_bar = np.zeros(shape, dtype)
    for i in range(y_bar.shape[2]):
        for j in range(y_bar.shape[3]):
            at = (..., slice(i * s, i * s + kh), slice(j * s, j * s + kw))
            x_bar[at] += y_bar[:, :, i : i + 1, j : j + 1] / (kh * kw)
    return (x_bar,)
"""


def equal_strides(x: Any, *, kernel_size: Any, stride: Any) -> Any:
    """The forward of that file."""
    s = stride[0]
    y = sliding_window_view(x, kernel_size, axis=(2, 3))[:, :, ::s, ::s].mean((-1, -2))
    return y.astype(x.dtype), (x.shape, x.dtype, kernel_size, s)


def changed(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """A right convolution of which the y is changed."""

    def forward(x: Any, w: Any, b: Any = None, **params: Any) -> Any:
        y, residuals = conv.forward(x, w, b, **params)
        return change(y), residuals

    return forward


def alone(x: Any, w: Any, b: Any = None, **params: Any) -> Any:
    """It forgets the residuals."""
    return conv.forward(x, w, b, **params)[0]


def unbatched(x: Any, w: Any, b: Any = None, **params: Any) -> Any:
    """It squeezes a batch of one away, as a habit of plots has it."""
    y, residuals = conv.forward(x, w, b, **params)
    return (y[0] if len(y) == 1 else y), residuals


#: Each by what is said of it: the forward, and the sentence.
FORWARDS: Mapping[str, tuple[Callable[..., Any], str]] = {
    "no pair": (alone, "return a tuple (y, residuals)"),
    "a list": (changed(lambda y: y.tolist()), "y is a list"),
    "nothing": (changed(lambda y: None), "y is None"),
    "a scalar": (changed(lambda y: y.sum()), "y is the scalar"),
    "complex": (changed(lambda y: y.astype(complex)), "y is an array of complex128"),
    "objects": (changed(lambda y: y.astype(object)), "y is an array of object"),
    "masked": (changed(np.ma.masked_invalid), "y is a numpy MaskedArray"),
    "NHWC": (changed(lambda y: y.transpose(0, 2, 3, 1)), "NHWC?"),
    "no batch": (unbatched, "y has shape"),
    "flat": (changed(lambda y: y.reshape(len(y), -1)), "y has shape"),
    "one more column": (
        changed(lambda y: np.pad(y, [(0, 0)] * 3 + [(0, 1)])),
        "y has shape",
    ),
}


class Counted:
    """A vjp that notes the shape of each cotangent that it gets."""

    def __init__(self, vjp: Callable[..., Any]):
        self.vjp = vjp
        self.cotangents: list[tuple[int, ...]] = []

    def __call__(self, residuals: Any, y_bar: Any) -> Any:
        """The vjp."""
        self.cotangents.append(y_bar.shape)
        return self.vjp(residuals, y_bar)


def malformed(name: str) -> tuple[Subject, Counted]:
    """A convolution of `FORWARDS`, and its vjp."""
    vjp = Counted(conv.vjp)
    return Subject(FORWARDS[name][0], vjp, operation="conv2d", dtypes=("float64",)), vjp


def narrow_pool(x: Any, **params: Any) -> Any:
    """An average pool that returns another dtype, and the right shape: that is not malformed."""
    y, residuals = avg_pool.forward(x, **params)
    return y.astype(np.float32), residuals
