"""An operation of one's own, a right kernel of it and a wrong one, checked in two processes.

Run it with ``python examples/own_operation.py``, or, in this directory, as any other operation:

    bpcheck check own_operation:running_sum own_operation:Right
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import bpcheck
from bpcheck.errors import CaseError
from bpcheck.operations import EdgeClass, Lattice, Operation, Product
from bpcheck.operations.promises import Integers, Params, Shape
from bpcheck.report import report_text

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Signals:
    """The sizes and the param of one case."""

    n: int
    length: int
    reverse: bool

    def numbers(self) -> dict[str, int]:
        """The numbers by the keys of the operation."""
        return {"n": self.n, "len": self.length, "rev": int(self.reverse)}


class RunningSum(Operation):
    """``y[n, t]``: the sum of ``signal[n, s] * gain[s]`` for s up to t, or from t on in reverse."""

    name = "running_sum"
    operands = ("signal", "gain")
    # A case text is written in these, such as ``n2len5rev1``: each with its default, or required.
    keys: Mapping[str, int | None] = {"n": 1, "len": None, "rev": 0}
    # A kernel without this param may still be asked where it makes no difference.
    neutral: Mapping[str, Callable[[Params], bool]] = {
        "reverse": lambda params: not params["reverse"]
    }

    def geometry(self, numbers: Mapping[str, int]) -> Signals:
        full = self.complete(numbers)
        if full["len"] < 1:
            raise CaseError(f"len={full['len']}: must be at least 1")
        return Signals(full["n"], full["len"], bool(full["rev"]))

    def draw(self, integers: Integers) -> Signals:
        return Signals(integers(1, 4), integers(1, 40), bool(integers(0, 1)))

    def operand_shapes(self, geometry: Signals) -> dict[str, Shape]:
        return {"signal": (geometry.n, geometry.length), "gain": (geometry.length,)}

    def output_shape(self, geometry: Signals) -> Shape:
        return (geometry.n, geometry.length)

    def params(self, geometry: Signals) -> Params:
        return {"reverse": geometry.reverse}

    def torch_forward(self, operands: Mapping[str, Any], params: Params) -> Any:
        terms = operands["signal"] * operands["gain"]
        return terms.flip(1).cumsum(1).flip(1) if params["reverse"] else terms.cumsum(1)

    def terms(self, geometry: Signals) -> dict[str, int]:
        n, length = geometry.n, geometry.length
        return {"y": length, "signal_bar": length, "gain_bar": n * length}

    def lattice(self, geometry: Signals) -> Lattice:
        # Sums of so many products: from them follows how large integers may be.
        terms = self.terms(geometry)
        return Lattice(
            (
                Product("y", terms["y"], ("signal", "gain")),
                Product("signal_bar", terms["signal_bar"], ("gain", "y_bar")),
                Product("gain_bar", terms["gain_bar"], ("signal", "y_bar")),
            )
        )

    @property
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        return (
            EdgeClass("signals", "one", lambda g: g.n == 1),
            EdgeClass("signals", "many", lambda g: g.n > 1),
            EdgeClass("length", "1", lambda g: g.length == 1),
            EdgeClass("length", "many", lambda g: g.length > 1),
            EdgeClass("direction", "forwards", lambda g: not g.reverse),
            EdgeClass("direction", "backwards", lambda g: g.reverse),
        )


#: Under this name it is found: ``own_operation:running_sum``.
running_sum = RunningSum()


class Right:
    """A kernel of it: the error runs the other way."""

    def forward(self, signal: Array, gain: Array, *, reverse: bool) -> tuple[Array, Any]:
        """``y``, and what the vjp needs."""
        return cumulated(signal * gain, reverse=reverse), (signal, gain, reverse)

    def vjp(self, residuals: Any, y_bar: Array) -> tuple[Array, Array]:
        """``signal_bar`` and ``gain_bar``."""
        signal, gain, reverse = residuals
        shares = cumulated(y_bar, reverse=not reverse)
        return shares * gain, (shares * signal).sum(axis=0).astype(gain.dtype)


class Wrong(Right):
    """It takes the error forwards whatever the direction was."""

    def vjp(self, residuals: Any, y_bar: Array) -> tuple[Array, Array]:
        signal, gain, _ = residuals
        return super().vjp((signal, gain, False), y_bar)


def cumulated(terms: Array, *, reverse: bool) -> Array:
    """Sums along the last axis up to each place, or from it on."""
    if reverse:
        return np.flip(np.cumsum(np.flip(terms, 1), 1, terms.dtype), 1)
    return np.cumsum(terms, 1, terms.dtype)


def main() -> None:
    """Check both kernels, in two processes each, and print what comes of it."""
    for kernel in (Right(), Wrong()):
        subject = bpcheck.Subject(
            forward=kernel.forward,
            vjp=kernel.vjp,
            operation=running_sum,
            name=type(kernel).__name__,
        )
        report = bpcheck.check(subject, profile="quick", jobs=2)
        print(report_text(report, width=100))


if __name__ == "__main__":
    main()
