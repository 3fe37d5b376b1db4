"""A student's convolution with a bug in it, checked from Python.

Run it with ``python examples/check_my_layer.py``. The layer is written as courses write it: a
forward that keeps a cache, a backward that takes it, and params in a dictionary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import bpcheck
from bpcheck.cases import parse_case
from bpcheck.filling import fill
from bpcheck.report import report_text

Array = npt.NDArray[Any]

BY_HAND = """\
The smallest case by hand: an image of 1x3, a kernel with a single weight, stride 2.

    x      {x}    the forward reads cells 0 and 2
    y_bar  {y_bar}       an error for the second of the two outputs only

The second output was x[2] · w + b, so dw is x[2]. The layer says x[1]: it looked for window 1
at cell 1, and not at cell 1 · stride. That is the line in conv_backward.
"""


def conv_forward(x: Array, w: Array, b: Array, conv_param: dict[str, int]) -> tuple[Array, Any]:
    stride, pad = conv_param["stride"], conv_param["pad"]
    height, width = w.shape[2:]
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows = 1 + (x_pad.shape[2] - height) // stride
    columns = 1 + (x_pad.shape[3] - width) // stride
    out = np.empty((len(x), len(w), rows, columns), x.dtype)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = x_pad[:, :, top : top + height, left : left + width]
            out[:, :, i, j] = np.tensordot(window, w, axes=((1, 2, 3), (1, 2, 3))) + b
    return out, (x_pad, w, conv_param)


def conv_backward(dout: Array, cache: Any) -> tuple[Array, Array, Array]:
    x_pad, w, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    height, width = w.shape[2:]
    dx, dw = np.zeros_like(x_pad), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            top, left = i * stride, j * stride
            delta = dout[:, :, i, j]
            dx[:, :, top : top + height, left : left + width] += np.tensordot(delta, w, axes=1)
            # The bug: this window is not the one that the forward read, unless the stride is 1.
            window = x_pad[:, :, i : i + height, j : j + width]
            dw += np.tensordot(delta, window, axes=((0,), (0,)))
    inside = slice(pad, -pad or None)
    return dx[:, :, inside, inside], dw, dout.sum(axis=(0, 2, 3))


# What bpcheck asks of a layer: operands by position, params under the names that torch has for
# them, and the gradients in the order of the operands.


def forward(x: Array, w: Array, b: Array, *, stride: Any, padding: Any) -> tuple[Array, Any]:
    return conv_forward(x, w, b, {"stride": stride[0], "pad": padding[0]})


def vjp(cache: Any, y_bar: Array) -> tuple[Array, Array, Array]:
    return conv_backward(y_bar, cache)


def supports(params: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the layer claims a case: one stride, one padding in numbers, and always a bias."""
    is_alike = len(set(params["stride"])) == 1 and len(set(params["padding"])) == 1
    return is_alike and params["padding"] != "same" and "b" in shapes


def main() -> None:
    subject = bpcheck.Subject(
        forward=forward, vjp=vjp, operation="conv2d", name="my conv", supports=supports
    )
    report = bpcheck.check(subject, count=100)
    print(report_text(report).rstrip() + "\n")

    (judgement,) = report.judgements
    arrays = fill(parse_case(judgement.smallest))
    print(BY_HAND.format(x=arrays.operands["x"].ravel(), y_bar=arrays.y_bar.ravel()))


if __name__ == "__main__":
    main()
