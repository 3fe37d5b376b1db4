"""Running error analysis of the small CNN: how far rounding can carry every gradient.

The backward pass goes on where `forward_errors` ends. A product of two inexact numbers takes the
error of each times the size of the other. Second-order terms are covered by doubling the result.

Source: Higham, Accuracy and Stability of Numerical Algorithms, sections 3.1 and 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.operations.network.forward_errors import ELEMENTARY, ForwardErrors, Inexact
from bpcheck.operations.network.layers import convolve_back, pair_up, pool_back
from bpcheck.operations.promises import Growth
from bpcheck.operations.torch_vjp import few_threads


def bounds(
    arrays: Mapping[str, Array], params: dict[str, Any], growths: Sequence[Growth]
) -> list[dict[str, Array]] | None:
    """Error bounds of the loss and every gradient by name; ``None`` where a kink is too near.

    One set for each of `growths`; they travel together, since all else is the same. A preactivation
    that is exactly 0, and cells of a maximum that are exactly equal, are no such kink: there torch
    has its convention.
    """
    import torch

    with few_threads(arrays), torch.no_grad():
        operands = {name: torch.from_numpy(array) for name, array in arrays.items()}
        found = Analysis(operands, params, growths).run()
    if found is None:
        return None
    return [
        {name: 2 * error[each].numpy() for name, error in found.items()}
        for each in range(len(growths))
    ]


class Analysis(ForwardErrors):
    """One forward and one backward pass with errors."""

    def run(self) -> dict[str, Any] | None:
        x = self._operands["x"]
        inputs = []
        a = Inexact(x, x.new_zeros((len(self._growths), *x.shape)))
        for block in range(2):
            inputs.append(a)
            z = self._conv(block, a)
            self._preactivations.append(z)
            a = self._pool(block, *self._activate(z))
        features = Inexact(a.value.flatten(1), a.error.flatten(2))
        delta, found = self._loss(self._linear(features))
        if self._crosses_kink:
            return None
        found |= self._last_gradients(delta, features)
        delta = self._through(delta, a.value.shape)
        for block in (1, 0):
            delta = self._unpool(block, delta)
            found |= self._conv_gradients(block, inputs[block], delta)
            delta = self._conv_input(block, inputs[block], delta)
        found["x_bar"] = self._found("x_bar", delta)
        return found

    def _found(self, result: str, bar: Inexact) -> Any:
        """What is told of a gradient."""
        return bar.error

    def _last_gradients(self, delta: Inexact, a: Inexact) -> dict[str, Any]:
        size = delta.size
        rounding = self._grow(len(size) + 1, size.T @ a.value.abs())
        w_error = delta.error.mT @ a.value.abs() + size.T @ a.error + rounding
        b_error = delta.error.sum(1) + self._grow(len(size), size.sum(0))
        return {
            "w3_bar": self._found("w3_bar", Inexact(delta.value.T @ a.value, w_error)),
            "b3_bar": self._found("b3_bar", Inexact(delta.value.sum(0), b_error)),
        }

    def _through(self, delta: Inexact, shape: Any) -> Inexact:
        """Through the linear layer, and back in the shape of the pool's output."""
        w = self._operands["w3"]
        error = delta.error @ w.abs() + self._grow(len(w) + 1, delta.size @ w.abs())
        return Inexact((delta.value @ w).view(shape), error.view(-1, *shape))

    def _unpool(self, block: int, delta: Inexact) -> Inexact:
        """Through the pool, which shares or hands on, and the activation, which multiplies."""
        z = self._preactivations[block]
        slope = slope_of(self._params["activation"], z.value)
        value, size = self._upsample(block, delta.value), self._upsample(block, delta.size)
        error = self._upsample(block, delta.error) + self._grow(3, size)
        return Inexact(value * slope, error * slope + size * self._slope_error(z, slope))

    def _slope_error(self, z: Inexact, slope: Any) -> Any:
        """``f'`` is off by ``|f''|`` times the error of z, and by a few roundings up to 1."""
        own = self._grow(1, slope)
        if self._bend == 0:
            return own
        return own + self._bend * z.error + self._grow(ELEMENTARY, slope.new_ones(slope.shape))

    def _upsample(self, block: int, values: Any) -> Any:
        plane = self._preactivations[block].value.shape[2:]
        size = self._params["pool_size"][block]
        return pool_back(values, size, plane, self._winners[block] if self._is_max else None)

    def _conv_gradients(self, block: int, a: Inexact, delta: Inexact) -> dict[str, Any]:
        w = self._operands[f"w{block + 1}"]
        terms, size = delta.value[:, 0].numel() + 1, delta.size

        def pairs(inputs: Any, cotangent: Any) -> Any:
            return pair_up(inputs, cotangent, w.shape, *self._window(block))

        products = pairs(a.value.abs(), size)
        w_error = pairs(a.value.abs(), delta.error) + pairs(a.error, size)
        w_error = w_error + self._grow(terms, products)
        b_error = (delta.error + self._grow(terms, size)).sum((1, 3, 4))
        return {
            f"w{block + 1}_bar": self._found(f"w{block + 1}_bar", Inexact(w, w_error)),
            f"b{block + 1}_bar": self._found(f"b{block + 1}_bar", Inexact(w, b_error)),
        }

    def _conv_input(self, block: int, a: Inexact, delta: Inexact) -> Inexact:
        w, plane = self._operands[f"w{block + 1}"], a.value.shape[2:]

        def transpose(kernel: Any, cotangent: Any) -> Any:
            return convolve_back(cotangent, kernel, plane, *self._window(block))

        error = transpose(w.abs(), delta.error)
        error = error + self._grow(w[:, 0].numel() + 1, transpose(w.abs(), delta.size))
        return Inexact(transpose(w, delta.value), error)


def slope_of(activation: str, z: Any) -> Any:
    """``|f'(z)|``."""
    import torch

    if activation == "identity":
        return torch.ones_like(z)
    if activation == "relu":
        return (z > 0).to(z.dtype)
    if activation == "tanh":
        return 1 - torch.tanh(z) ** 2
    return torch.sigmoid(z) * torch.sigmoid(-z)
