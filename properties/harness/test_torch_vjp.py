"""The oracle's vjp is that of torch's own engine, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import conv1d

from bpcheck.arithmetic import Array
from bpcheck.operations.torch_vjp import torch_vjp
from bpcheck.runner.threads import one_thread


def convolved(operands: Any, params: dict[str, Any]) -> Any:
    assert params == {}
    return conv1d(operands["x"], operands["w"], stride=2)


def by_the_engine(x: Array, w: Array, y_bar: Array, dtype: str) -> dict[str, Array]:
    precision = getattr(torch, dtype)
    leaves = [torch.tensor(array, dtype=precision, requires_grad=True) for array in (x, w)]
    y = conv1d(leaves[0], leaves[1], stride=2)
    gradients = torch.autograd.grad(y, leaves, torch.tensor(y_bar, dtype=precision))
    found = {"y": y.detach()} | dict(zip(("x_bar", "w_bar"), gradients, strict=True))
    return {name: tensor.numpy() for name, tensor in found.items()}


@pytest.mark.parametrize("samples", [0, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("special", [1.0, -0.0, np.inf, np.nan, 60_000.0])
def test_it_is_the_engines_vjp(samples: int, dtype: str, special: float) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((samples, 3, 9)), rng.standard_normal((4, 3, 2))
    y_bar = rng.standard_normal((samples, 4, 4))
    y_bar[..., 1] = special
    with one_thread():  # their number decides the order of a sum
        found = torch_vjp(convolved, {"x": x, "w": w}, y_bar, {}, dtype=dtype)
        expected = by_the_engine(x, w, y_bar, dtype)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        np.testing.assert_array_equal(np.signbit(found[name]), np.signbit(array))


def test_a_cotangent_of_another_shape_is_refused_and_not_broadcast() -> None:
    operands = {"x": np.ones((1, 3, 9)), "w": np.ones((4, 3, 2))}
    with pytest.raises(ValueError, match=r"y_bar has the shape \(1, 4, 1\), y has \(1, 4, 4\)"):
        torch_vjp(convolved, operands, np.ones((1, 4, 1)), {})
