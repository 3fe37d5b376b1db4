"""``bpcheck adapt`` settles by trial what names do not say, and the same for wrong code."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck.adapters.candidates import _functions as candidates_of
from bpcheck.adapters.fitting import best
from bpcheck.operations import operation_named
from properties.harness.planting import reference

CONV = operation_named("conv2d")


def conv(inp: Any, filt: Any, offs: Any, opts: Any) -> Any:
    ones = {"dilation": (1, 1), "groups": 1}
    both = {"stride": (opts["step"],) * 2, "padding": (opts["border"],) * 2}
    y, kept = reference("conv2d").forward(inp, filt, offs, **ones, **both)
    return y, (kept, opts["border"])


def conv_backward(up: Any, mem: Any) -> Any:
    return reference("conv2d").vjp(mem[0], up)


def cropping_backward(up: Any, mem: Any) -> Any:
    dx, dw, db = conv_backward(up, mem)
    pad = mem[1]
    return dx[:, :, pad : -pad or 0, pad : -pad or 0], dw, db


def declared(backward: Any) -> Any:
    backward.__name__ = "conv_backward"
    holder = SimpleNamespace(conv=conv, conv_backward=backward)
    return best(candidates_of("layers:conv", holder, "conv", CONV), CONV)


@pytest.mark.parametrize("backward", [conv_backward, cropping_backward])
def test_names_that_mean_nothing_are_settled_by_shapes_for_right_code_and_wrong(
    backward: Any,
) -> None:
    fit = declared(backward)
    assert fit.is_taken
    assert fit.candidate.style == "pair"
    assert fit.candidate.words == {
        "forward": "conv(x, w, b, {'border': padding, 'step': stride})",
        "backward": "conv_backward(dout, cache)",
        "ints": True,
    }


def pool_forward(x: Any, pool_param: Any) -> Any:
    step = (pool_param["stride"],) * 2
    size = (pool_param["pool_height"], pool_param["pool_width"])
    rest = {"padding": (0, 0), "dilation": (1, 1), "ceil_mode": False}
    return reference("max_pool2d").forward(x, kernel_size=size, stride=step, **rest)


def pool_backward(dout: Any, cache: Any) -> Any:
    (dx,) = reference("max_pool2d").vjp(cache, dout)
    return dx[:, :, :-1]


def test_gradients_of_wrong_shapes_leave_code_its_preset() -> None:
    holder = SimpleNamespace(pool_forward=pool_forward, pool_backward=pool_backward)
    pool = operation_named("max_pool2d")
    fit = best(candidates_of("layers:pool_forward", holder, "pool_forward", pool), pool)
    assert fit.is_taken
    assert not fit.is_whole
    assert fit.candidate.style == "cs231n"


class Drawing:
    """A layer that draws its own weights, as most do."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1):
        self.W = np.random.randn(out_channels, in_channels, kernel_size, kernel_size)  # noqa: NPY002
        self.b = np.zeros(out_channels)
        self.stride = stride

    def forward(self, x: Any) -> Any:
        y, self.kept = conv(x, self.W, self.b, {"step": self.stride, "border": 0})
        return y

    def backward(self, dout: Any) -> Any:
        dx, self.dW, self.db = conv_backward(dout, self.kept)
        return dx


def random_state() -> str:
    state: Any = np.random.get_state()  # noqa: NPY002
    return f"{state[1].tolist()} {state[2]}"


def test_a_constructor_that_draws_weights_leaves_the_random_state_alone() -> None:
    subject = bpcheck.adapters.layer(Drawing, operation="conv2d")
    before = random_state()
    params = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    subject.forward(np.ones((1, 2, 4, 4)), np.ones((3, 2, 2, 2)), np.ones(3), **params)
    assert random_state() == before
