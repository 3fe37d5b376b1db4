"""Planting: a right kernel is run, and something is done to what it takes or gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations import Operation
from bpcheck.operations.windowed.window import Window
from bpcheck.subject import Subject

Plant = Callable[[Subject], Subject]

#: What a vjp returns for one gradient, from the run, the cotangent and the right gradient.
Spoil = Callable[["Run", Array, Any], Any]


@dataclass(frozen=True, slots=True)
class Run:
    """One forward of the right kernel, with all that its vjp, right or wrong, could want.

    Parameters
    ----------
    right
        The kernel.
    operands, params
        What the forward was called with; absent operands are left out.
    y, residuals
        What it returned.
    """

    right: Subject
    operands: dict[str, Array]
    params: dict[str, Any]
    y: Array
    residuals: Any

    @property
    def operation(self) -> Operation:
        """The operation."""
        return self.right.operation

    @property
    def windows(self) -> tuple[Window, ...]:
        """The sliding window of each spatial dimension."""
        image = self.operands["x"].shape[2:]
        kernel = self.params.get("kernel_size") or self.operands["w"].shape[2:]
        ones, zeros = (1,) * len(image), (0,) * len(image)
        stride = self.params.get("stride") or (kernel if "w" not in self.operands else ones)
        padding = self.params.get("padding", zeros)
        same = padding == "same"
        numbers = zip(
            image,
            kernel,
            stride,
            zeros if same else padding,
            self.params.get("dilation", ones),
            strict=True,
        )
        ceil = bool(self.params.get("ceil_mode"))
        return tuple(Window(i, k, s, p, d, same=same, ceil=ceil) for i, k, s, p, d in numbers)

    def bars(self, y_bar: Array) -> dict[str, Array]:
        """The right gradients, by result name."""
        gradients = self.right.vjp(self.residuals, y_bar)
        pairs = zip(self.operation.operands, gradients, strict=True)
        return {f"{name}_bar": bar for name, bar in pairs if name in self.operands}

    def once_more(self, **operands: Array) -> Run:
        """The right kernel run with some operands replaced."""
        return run_of(self.right, {**self.operands, **operands}, self.params)


def run_of(right: Subject, operands: dict[str, Array], params: dict[str, Any]) -> Run:
    """One run of the right kernel."""
    names = right.operation.operands
    y, residuals = right.forward(*(operands.get(name) for name in names), **params)
    return Run(right, operands, params, y, residuals)


def rewired(
    right: Subject, *, forward: Callable[[Run], Any], vjp: Callable[[Any, Array], Any]
) -> Subject:
    """`right` with another vjp, and with `forward` made of each of its runs."""
    names = right.operation.operands

    # The signature stays that of the right kernel, so that it claims the same params.
    @wraps(right.forward)
    def planted_forward(*operands: Array | None, **params: Any) -> Any:
        given = {
            name: array for name, array in zip(names, operands, strict=False) if array is not None
        }
        return forward(run_of(right, given, params))

    return replace(right, forward=planted_forward, vjp=vjp)


def planted(
    *,
    y: Callable[[Run], Any] | None = None,
    cotangent: Callable[[Run, Array], Array] | None = None,
    gradients: Callable[[tuple[Any, ...]], Any] | None = None,
    bars: Mapping[str, Spoil] | None = None,
    **named: Spoil,
) -> Plant:
    """A transformation of right kernels.

    Parameters
    ----------
    y
        What the forward returns instead, from the run; by default what is right.
    cotangent
        What the vjp takes for its cotangent.
    gradients
        What the vjp returns for the tuple of gradients.
    bars, **named
        For single gradients, by result name: what the vjp returns instead.
    """
    spoils = {**(bars or {}), **named}

    def plant(right: Subject) -> Subject:
        def forward(run: Run) -> Any:
            return (run.y if y is None else y(run)), run

        def vjp(run: Run, y_bar: Array) -> Any:
            taken = y_bar if cotangent is None else cotangent(run, y_bar)
            found: dict[str, Any] = dict(run.bars(taken))
            for name, spoil in spoils.items():
                if name in found:
                    found[name] = cast(spoil(run, y_bar, found[name]), run.y.dtype)
            returned = tuple(found.get(f"{name}_bar") for name in run.operation.operands)
            return returned if gradients is None else gradients(returned)

        return rewired(right, forward=forward, vjp=vjp)

    return plant


def cast(value: Any, dtype: np.dtype[Any]) -> Any:
    """Float64 arrays in `dtype`; whatever else a fault returns, as it is."""
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        with np.errstate(over="ignore", invalid="ignore"):
            return value.astype(dtype, copy=False)
    return value


def wide(array: Array) -> Array:
    """A copy in float64: what a fault computes is wrong by its mistake, not by rounding."""
    return np.array(array, dtype=np.float64)
