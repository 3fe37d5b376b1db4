"""A vjp that spoils its residuals, or gives out their memory: the next one of the same forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import EVERY, Fault
from bpcheck.explain.faults.run import Run
from bpcheck.explain.faults.stateful import Bars, right_vjp, stateful

GRADIENTS = ("x_bar", "w_bar", "b_bar")


@dataclass(slots=True)
class Kept:
    """The residuals of one forward, and what its vjps leave in them."""

    run: Run
    sign: int = 1
    left: list[Any] = field(default_factory=list)


def _negates(kept: Kept, y_bar: Array) -> Bars:
    """A buffer that the forward has filled is negated in place, and then used."""
    bars = right_vjp(kept.run, y_bar if kept.sign > 0 else np.negative(y_bar))
    kept.sign = -kept.sign
    return bars


def _adds_up(kept: Kept, y_bar: Array) -> Bars:
    bars = right_vjp(kept.run, y_bar)
    before = kept.left or [None] * len(bars)
    with np.errstate(all="ignore"):
        kept.left = [
            bar if other is None else bar + other for bar, other in zip(bars, before, strict=True)
        ]
    return tuple(None if bar is None else bar.copy() for bar in kept.left)


def _clears(kept: Kept, y_bar: Array) -> Bars:
    bars = right_vjp(kept.run, y_bar)
    if kept.left:
        return tuple(None if bar is None else np.zeros_like(bar) for bar in bars)
    kept.left.append("cleared")
    return bars


def _remembers(kept: Kept, y_bar: Array) -> Bars:
    kept.left = kept.left or list(right_vjp(kept.run, y_bar))
    return tuple(None if bar is None else bar.copy() for bar in kept.left)


def _gives_out(kept: Kept, y_bar: Array) -> Bars:
    """The forward has made room for ``x_bar``, once."""
    x_bar, *rest = right_vjp(kept.run, y_bar)
    kept.left = kept.left or [np.empty_like(x_bar)]
    kept.left[0][...] = x_bar
    return kept.left[0], *rest


def _fault(
    name: str,
    what: str,
    vjp: Callable[[Kept, Array], Bars],
    *,
    source: str,
    results: tuple[str, ...] = GRADIENTS,
) -> Fault:
    def forward(run: Run) -> Any:
        return run.y, Kept(run)

    return Fault(
        name=name,
        what=what,
        operations=EVERY,
        results=results,
        condition="a second backward pass of the same forward",
        shows=is_read,
        plant=stateful(lambda: (forward, vjp)),
        source=source,
        caught_by=("second vjp",),
    )


FAULTS: tuple[Fault, ...] = (
    _fault(
        "residuals-negated-by-the-vjp",
        "the backward pass negates in place what the forward has kept",
        _negates,
        source="https://github.com/JuliaDiff/ChainRulesTestUtils.jl/issues/264",
    ),
    _fault(
        "gradients-added-up-in-the-residuals",
        "gradients are added up in buffers that the forward has made, and that are not cleared",
        _adds_up,
        source="https://github.com/JuliaDiff/DifferentiationInterface.jl/pull/513",
    ),
    _fault(
        "residuals-cleared-by-the-vjp",
        "the backward pass uses up what the forward has kept: the next one gives zeros",
        _clears,
        source="https://github.com/axolotl-ai-cloud/axolotl/pull/3892",
    ),
    _fault(
        "gradients-remembered-by-the-residuals",
        "the residuals remember the gradients: another cotangent gets those of the first one",
        _remembers,
        source="https://github.com/pytorch/pytorch/issues/139404",
    ),
    _fault(
        "x-bar-in-a-buffer-of-the-residuals",
        "every x_bar of one forward is returned in the same memory",
        _gives_out,
        results=("x_bar",),
        source="https://github.com/Dao-AILab/quack/pull/209",
    ),
)
