"""Running error analysis of the network's forward pass, and how near it comes to a kink.

Beside each array travels a bound on its absolute error. A layer that is linear in ``a`` with
weights ``w`` turns an error ``e`` into ``|w| e`` and adds its own ``growth(n) |w| |a|``; an
activation multiplies by its largest slope. A sum whose products are all 0 is not rounded: what is
exactly 0 stays so.

Source: Higham, Accuracy and Stability of Numerical Algorithms, sections 3.1 and 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bpcheck.operations.network.layers import convolve, winners
from bpcheck.operations.promises import Growth

#: Roundings of one elementary function, of a softmax's logits, and of a loss: library functions are
#: accurate to two units, and each formula takes a few of them.
ELEMENTARY = 8

#: The smallest normal number of float32, the narrowest dtype that the network is judged in: an
#: exponential below it keeps few bits or none, and a large cotangent lifts what is lost to sight.
UNDERFLOW = 2.0**-126

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


class ForwardErrors:
    """One forward pass with errors."""

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

    def _grow(self, terms: int, size: Any) -> Any:
        """What so many roundings do to a sum of this size, for each growth."""
        each = size.new_tensor([growth(terms) for growth in self._growths])
        return each.view(-1, *(1,) * size.ndim) * size

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
        if name == "sigmoid":
            carried = carried + UNDERFLOW
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
        error = 2 * p * relative + self._grow(4, p + target) + UNDERFLOW
        largest = z.value.abs().amax(1) + 1 + spread[:, 0]
        loss = 2 * relative[..., 0] + self._grow(samples + classes + ELEMENTARY, largest)
        return Inexact(delta, abs(y_bar) / samples * error), {"y": loss.mean(1)}
