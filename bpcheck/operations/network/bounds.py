"""Running error analysis of the small CNN: how far rounding can carry every gradient.

Beside each array of the forward and the backward pass travels a bound on its absolute error. A
layer that is linear in ``a`` with weights ``w`` turns an error ``e`` into ``|w| e`` and adds its
own ``growth(n) |w| |a|``; an activation multiplies by its largest slope; a product of two inexact
numbers takes the error of each times the size of the other. Second-order terms are covered by
doubling the result.

Source: Higham, Accuracy and Stability of Numerical Algorithms, sections 3.1 and 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.operations.torch_vjp import few_threads

Growth = Callable[[int], float]

#: Roundings of one elementary function, of a softmax's logits, and of a loss: library functions are
#: accurate to two units, and each formula takes a few of them.
ELEMENTARY = 8

#: Largest first and second derivative of each activation.
SLOPES = {"tanh": (1.0, 0.77), "sigmoid": (0.25, 0.1), "identity": (1.0, 0.0), "relu": (1.0, 0.0)}


@dataclass(frozen=True, slots=True)
class Inexact:
    """A tensor and a bound on the absolute error of each of its elements."""

    value: Any
    error: Any


def bounds(arrays: Mapping[str, Array], params: dict[str, Any], growth: Growth) -> Any:
    """Error bounds of the loss and every gradient by name; ``None`` where a kink is too near."""
    import torch

    with few_threads(arrays), torch.no_grad():
        operands = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return _Analysis(operands, params, growth).run()


class _Analysis:
    """One forward and one backward pass with errors."""

    def __init__(self, operands: dict[str, Any], params: dict[str, Any], growth: Growth):
        self._operands = operands
        self._params = params
        self._growth = growth
        self._slope, self._bend = SLOPES[params["activation"]]
        self._crosses_kink = False

    def run(self) -> dict[str, Array] | None:
        import torch

        x = self._operands["x"]
        inputs, preactivations = [], []
        a = Inexact(x, torch.zeros_like(x))
        for block in range(2):
            inputs.append(a)
            z = self._conv(block, a)
            preactivations.append(z)
            a = self._pool(block, self._activate(z))
        features = Inexact(a.value.flatten(1), a.error.flatten(1))
        logits = self._linear(features)
        delta, found = self._loss(logits)
        found["w3_bar"] = self._outer(delta, features)
        found["b3_bar"] = delta.error.sum(0) + self._growth(len(x)) * delta.value.abs().sum(0)
        delta = self._through(delta, self._operands["w3"].abs())
        delta = Inexact(delta.value.reshape(a.value.shape), delta.error.reshape(a.value.shape))
        for block in (1, 0):
            delta = self._unpool(block, preactivations[block], delta)
            found |= self._conv_gradients(block, inputs[block], delta)
            delta = self._conv_input(block, inputs[block], delta)
        found["x_bar"] = delta.error
        if self._crosses_kink:
            return None
        return {name: 2 * error.numpy() for name, error in found.items()}

    # The forward pass.

    def _convolve(self, block: int, a: Any, w: Any) -> Any:
        from torch.nn.functional import conv2d

        stride, padding = self._params["stride"][block], self._params["padding"][block]
        return conv2d(a, w, stride=stride, padding=padding)

    def _conv(self, block: int, a: Inexact) -> Inexact:
        w, b = self._operands[f"w{block + 1}"], self._operands[f"b{block + 1}"]
        terms = w[0].numel() + 2
        size = self._convolve(block, a.value.abs(), w.abs()) + b.abs()[None, :, None, None]
        error = self._convolve(block, a.error, w.abs()) + self._growth(terms) * size
        return Inexact(self._convolve(block, a.value, w) + b[None, :, None, None], error)

    def _activate(self, z: Inexact) -> Inexact:
        import torch

        name = self._params["activation"]
        value = z.value if name == "identity" else getattr(torch, name)(z.value)
        if name == "relu":
            self._crosses_kink |= bool((z.value.abs() <= z.error).any())
        rounding = 0 if name in ("identity", "relu") else self._growth(ELEMENTARY)
        # Where a ReLU is safely off, its output is exactly 0.
        error = z.error * (z.value > -z.error) if name == "relu" else self._slope * z.error
        return Inexact(value, error + rounding * value.abs())

    def _pool(self, block: int, a: Inexact) -> Inexact:
        from torch.nn import functional

        size = self._params["pool_size"][block]
        if self._params["pool"] == "max":
            best, index = functional.max_pool2d(a.value, size, return_indices=True)
            second = functional.max_pool2d(_without(a.value, index), size)
            error = functional.max_pool2d(a.error, size)
            # After a ReLU all cells of a window may be 0, and no kink is crossed between those.
            gap = best - second
            self._crosses_kink |= bool(((gap <= 2 * error) & (error > 0)).any())
            return Inexact(best, error)
        mean = functional.avg_pool2d
        rounding = self._growth(size[0] * size[1] + 2) * mean(a.value.abs(), size)
        return Inexact(mean(a.value, size), mean(a.error, size) + rounding)

    def _linear(self, a: Inexact) -> Inexact:
        w, b = self._operands["w3"], self._operands["b3"]
        size = a.value.abs() @ w.abs().T + b.abs()
        error = a.error @ w.abs().T + self._growth(w.shape[1] + 2) * size
        return Inexact(a.value @ w.T + b, error)

    def _loss(self, z: Inexact) -> tuple[Inexact, dict[str, Any]]:
        """Cotangent of the logits, and the error of the loss."""
        import torch

        samples, classes = z.value.shape
        y_bar = self._operands["y_bar"]
        p = torch.softmax(z.value, 1)
        target = torch.nn.functional.one_hot(torch.from_numpy(self._params["labels"]), classes)
        # exp(z) is off by the error of z and by what subtracting the maximum rounds.
        spread = z.value.amax(1, keepdim=True) - z.value
        relative = 2 * z.error.amax(1, keepdim=True) + self._growth(classes + ELEMENTARY) * (
            1 + spread.amax(1, keepdim=True)
        )
        delta = y_bar / samples * (p - target)
        error = abs(y_bar) / samples * (2 * p * relative + self._growth(4) * (p + target))
        largest = z.value.abs().amax(1) + 1 + spread.amax(1)
        loss = (2 * relative[:, 0] + self._growth(samples + classes + ELEMENTARY) * largest).mean()
        return Inexact(delta, error), {"y": loss}

    # The backward pass.

    def _outer(self, delta: Inexact, a: Inexact) -> Any:
        size = delta.value.abs()
        rounding = self._growth(len(size) + 1) * size.T @ a.value.abs()
        return delta.error.T @ a.value.abs() + size.T @ a.error + rounding

    def _through(self, delta: Inexact, w: Any) -> Inexact:
        value = delta.value @ self._operands["w3"]
        return Inexact(value, delta.error @ w + self._growth(len(w) + 1) * delta.value.abs() @ w)

    def _unpool(self, block: int, z: Inexact, delta: Inexact) -> Inexact:
        """Through the pool, which shares or hands on, and the activation, which multiplies."""
        import torch

        def upsample(values: Any) -> Any:
            with torch.enable_grad():
                leaf = self._activate(z).value.clone().requires_grad_()
                pooled = self._pool(block, Inexact(leaf, torch.zeros_like(leaf))).value
            return torch.autograd.grad(pooled, leaf, values)[0]

        name = self._params["activation"]
        slope = _slope(name, z.value)
        value, size = upsample(delta.value), upsample(delta.value.abs())
        error = upsample(delta.error) + self._growth(3) * size
        # f' itself is off by |f''| times the error of z, and by a few roundings of numbers up to 1.
        own = self._bend * z.error + (0 if self._bend == 0 else self._growth(ELEMENTARY))
        return Inexact(value * slope, error * slope + size * (own + self._growth(1) * slope))

    def _conv_gradients(self, block: int, a: Inexact, delta: Inexact) -> dict[str, Any]:
        w = self._operands[f"w{block + 1}"]
        terms = delta.value[:, 0].numel() + 1
        size = delta.value.abs()
        w_bar = (
            self._weight_vjp(block, a.value.abs(), w, delta.error)
            + self._weight_vjp(block, a.error, w, size)
            + self._growth(terms) * self._weight_vjp(block, a.value.abs(), w, size)
        )
        b_bar = (delta.error + self._growth(terms) * size).sum((0, 2, 3))
        return {f"w{block + 1}_bar": w_bar, f"b{block + 1}_bar": b_bar}

    def _weight_vjp(self, block: int, a: Any, w: Any, cotangent: Any) -> Any:
        import torch

        with torch.enable_grad():
            leaf = w.clone().requires_grad_()
            y = self._convolve(block, a, leaf)
        return torch.autograd.grad(y, leaf, cotangent)[0]

    def _conv_input(self, block: int, a: Inexact, delta: Inexact) -> Inexact:
        import torch

        def transpose(w: Any, cotangent: Any) -> Any:
            with torch.enable_grad():
                leaf = torch.zeros_like(a.value).requires_grad_()
                y = self._convolve(block, leaf, w)
            return torch.autograd.grad(y, leaf, cotangent)[0]

        w = self._operands[f"w{block + 1}"]
        terms = w[:, 0].numel() + 1
        size = transpose(w.abs(), delta.value.abs())
        error = transpose(w.abs(), delta.error) + self._growth(terms) * size
        return Inexact(transpose(w, delta.value), error)


def _slope(activation: str, z: Any) -> Any:
    """``|f'(z)|``."""
    import torch

    if activation == "identity":
        return torch.ones_like(z)
    if activation == "relu":
        return (z > 0).to(z.dtype)
    if activation == "tanh":
        return 1 - torch.tanh(z) ** 2
    return torch.sigmoid(z) * torch.sigmoid(-z)


def _without(a: Any, index: Any) -> Any:
    """`a` with the winners taken out."""
    flat = a.flatten(2).clone()
    flat.scatter_(2, index.flatten(2), float("-inf"))
    return flat.reshape(a.shape)
