"""What the network's example compares: an error, and how far rounding may have moved it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[Any]
Step = Callable[[Array], Array]

#: Unit roundoff of float64.
U = 2.0**-53


@dataclass(frozen=True, slots=True)
class Error:
    """An error on its way down, and how far rounding may have moved it from autograd's."""

    value: Array
    bound: Array

    def through(self, step: Step, absolute: Step, *, terms: int) -> Error:
        """What a linear step makes of it, each number a sum of at most `terms` products.

        `absolute` is the same step with its constants made positive. Each of the two sums, ours and
        autograd's, is off by at most gamma_n sum |a b| (Higham, Accuracy and Stability of Numerical
        Algorithms, ch. 3); and what the two differed by before goes through the step too.
        """
        gamma = terms * U / (1 - terms * U)
        largest = np.abs(self.value) + self.bound
        return Error(step(self.value), absolute(self.bound) + 2 * gamma * absolute(largest))


def say(text: str) -> None:
    """A paragraph, indented."""
    print(indent(dedent(text).strip("\n"), "  ") + "\n")


def compare(name: str, ours: Error, theirs: torch.Tensor) -> None:
    """Print the error's shape and size and how it compares; end the program where it does not."""
    assert theirs.grad is not None
    grad = theirs.grad.numpy()
    if ours.value.shape != grad.shape:
        raise SystemExit(f"{name}: ours has the shape {ours.value.shape}, autograd's {grad.shape}")
    difference = np.abs(ours.value - grad)
    if not (difference <= ours.bound).all():
        raise SystemExit(f"{name}: {difference.max()} apart, more than rounding explains")
    # An error has one plane for each channel, of the only image; a kernel has none to leave out.
    shape = " x ".join(map(str, grad.shape if name.startswith("w") else grad.shape[1:]))
    print(f"    dL/d{name}: {shape}, norm {np.linalg.norm(grad):.6f}")
    print(
        f"    ✓ autograd agrees: no number more than {difference.max():.1e} apart; "
        f"rounding may do up to {ours.bound.max():.1e}\n"
    )
