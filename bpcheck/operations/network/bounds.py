"""Running error analysis of the small CNN: how far rounding can carry every gradient.

Beside each array of the forward and the backward pass travels a bound on its absolute error. A
layer that is linear in ``a`` with weights ``w`` turns an error ``e`` into ``|w| e`` and adds its
own ``growth(n) |w| |a|``; an activation multiplies by its largest slope; a product of two inexact
numbers takes the error of each times the size of the other. Second-order terms are covered by
doubling the result. A sum whose products are all 0 is not rounded: what is exactly 0 stays so.

Source: Higham, Accuracy and Stability of Numerical Algorithms, sections 3.1 and 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.operations.network.layers import convolve, convolve_back, pair_up, pool_back, winners
from bpcheck.operations.promises import Growth
from bpcheck.operations.torch_vjp import few_threads

#: Roundings of one elementary function, of a softmax's logits, and of a loss: library functions are
#: accurate to two units, and each formula takes a few of them.
ELEMENTARY = 8

#: Largest first and second derivative of each activation.
SLOPES = {"tanh": (1.0, 0.77), "sigmoid": (0.25, 0.1), "identity": (1.0, 0.0), "relu": (1.0, 0.0)}


@dataclass(frozen=True, slots=True)
class Inexact:
    """A tensor and bounds on the absolute error of each of its elements, one for each growth.

    `choice` is how far another convention at a kink can carry it, which is no error.
    """

    value: Any
    error: Any
    choice: Any = 0.0

    @property
    def size(self) -> Any:
        """How large it is at most."""
        return self.value.abs() + self.choice


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


class Analysis:
    """One forward and one backward pass with errors."""

    def __init__(self, operands: dict[str, Any], params: dict[str, Any], growths: Sequence[Growth]):
        self._operands = operands
        self._params = params
        self._growths = growths
        self._slope, self._bend = SLOPES[params["activation"]]
        self._is_max = params["pool"] == "max"
        self._crosses_kink = False
        #: Of each block: the preactivations, the winner of each window, and all cells that tie.
        self._preactivations: list[Inexact] = []
        self._winners: list[Any] = []
        self._tied: list[Any] = []

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

    def _grow(self, terms: int, size: Any) -> Any:
        """What so many roundings do to a sum of this size, for each growth."""
        each = size.new_tensor([growth(terms) for growth in self._growths])
        return each.view(-1, *(1,) * size.ndim) * size

    # The forward pass.

    def _conv(self, block: int, a: Inexact) -> Inexact:
        w, b = self._operands[f"w{block + 1}"], self._operands[f"b{block + 1}"]
        stride, padding = self._window(block)
        products = convolve(a.value.abs(), w.abs(), stride, padding)
        carried = convolve(a.error, w.abs(), stride, padding)
        # The bias alone is not rounded.
        is_sum = (products > 0) | (carried > 0).any(0)
        size = (products + b.abs()[:, None, None]) * is_sum
        value = convolve(a.value, w, stride, padding) + b[:, None, None]
        return Inexact(value, carried + self._grow(w[0].numel() + 2, size))

    def _window(self, block: int) -> tuple[Any, Any]:
        return self._params["stride"][block], self._params["padding"][block]

    def _activate(self, z: Inexact) -> tuple[Inexact, Any]:
        """The activations, and which of them are exact but for what a function rounds."""
        import torch

        name = self._params["activation"]
        value = z.value if name == "identity" else getattr(torch, name)(z.value)
        if name == "relu":
            near = (z.value.abs() <= z.error) & (z.error > 0)
            self._crosses_kink |= bool(near.any())
            # Where a ReLU is safely off, its output is exactly 0.
            carried = z.error * (z.value > -z.error)
        else:
            carried = self._slope * z.error
        # The same function of the same number: rounding does not tell equal ones apart.
        is_exact = ~(carried > 0).any(0)
        if name not in ("identity", "relu"):
            carried = carried + self._grow(ELEMENTARY, value.abs())
        return Inexact(value, carried), is_exact

    def _pool(self, block: int, a: Inexact, is_exact: Any) -> Inexact:
        from torch.nn import functional

        size = self._params["pool_size"][block]
        if self._is_max:
            best, index, second, tied = winners(a.value, size, is_exact)
            self._winners.append(index)
            self._tied.append(tied)
            error = functional.max_pool2d(a.error.flatten(0, 1), size)
            error = error.view(*a.error.shape[:2], *error.shape[1:])
            self._crosses_kink |= bool(((best - second <= 2 * error) & (error > 0)).any())
            return Inexact(best, error)
        mean = functional.avg_pool2d
        error = mean(a.error.flatten(0, 1), size)
        error = error.view(*a.error.shape[:2], *error.shape[1:])
        rounding = self._grow(size[0] * size[1] + 2, mean(a.value.abs(), size))
        return Inexact(mean(a.value, size), error + rounding)

    def _linear(self, a: Inexact) -> Inexact:
        w, b = self._operands["w3"], self._operands["b3"]
        size = a.value.abs() @ w.abs().T + b.abs()
        error = a.error @ w.abs().T + self._grow(w.shape[1] + 2, size)
        return Inexact(a.value @ w.T + b, error)

    def _loss(self, z: Inexact) -> tuple[Inexact, dict[str, Any]]:
        """Cotangent of the logits, and the error of the loss."""
        import torch

        samples, classes = z.value.shape
        y_bar = self._operands["y_bar"]
        p = torch.softmax(z.value, 1)
        target = torch.nn.functional.one_hot(torch.from_numpy(self._params["labels"]), classes)
        # exp(z) is off by the error of z and by what subtracting the maximum rounds.
        spread = (z.value.amax(1, keepdim=True) - z.value).amax(1, keepdim=True)
        relative = 2 * z.error.amax(2, keepdim=True) + self._grow(classes + ELEMENTARY, 1 + spread)
        delta = y_bar / samples * (p - target)
        error = abs(y_bar) / samples * (2 * p * relative + self._grow(4, p + target))
        largest = z.value.abs().amax(1) + 1 + spread[:, 0]
        loss = 2 * relative[..., 0] + self._grow(samples + classes + ELEMENTARY, largest)
        return Inexact(delta, error), {"y": loss.mean(1)}

    # The backward pass.

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
