"""Kernels that remember: a forward and a vjp that share what lasts from call to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.explain.faults.run import Plant, Run, rewired
from bpcheck.subject import Subject

#: One gradient for each operand, in their order.
Bars = tuple[Any, ...]

#: A wrong forward and a wrong vjp.
Pair = tuple[Callable[[Run], Any], Callable[[Any, Array], Any]]


def right_vjp(run: Run, y_bar: Array) -> Bars:
    """All gradients, in the operands' order."""
    return tuple(run.right.vjp(run.residuals, y_bar))


def stateful(make: Callable[[], Pair]) -> Plant:
    """A transformation whose forward and vjp share what `make` makes anew for each planting."""

    def plant(right: Subject) -> Subject:
        forward, vjp = make()
        return rewired(right, forward=forward, vjp=vjp)

    return plant


def plain(run: Run) -> tuple[Array, Run]:
    """The forward as it should be."""
    return run.y, run
