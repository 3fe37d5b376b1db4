"""Faults that are another placing: one constructor for each way in which they spoil results."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.explain.faults.fault import AGAINST_TORCH, VALUES, Fault
from bpcheck.explain.faults.kernels import scatter, shares, w_bar_at, x_bar_at, y_at
from bpcheck.explain.faults.placing import Placer, misplaces
from bpcheck.explain.faults.run import Plant, Run, planted


def in_x_bar(placer: Placer) -> Plant:
    """``x_bar`` is scattered to the wrong cells."""
    return planted(x_bar=lambda run, y_bar, _: x_bar_at(run, y_bar, placer(run.windows)))


def in_w_bar(placer: Placer) -> Plant:
    """``w_bar`` reads the wrong cells of the input."""
    return planted(w_bar=lambda run, y_bar, _: w_bar_at(run, y_bar, placer(run.windows)))


def in_y(placer: Placer) -> Plant:
    """The forward alone reads the wrong cells."""
    return planted(y=lambda run: y_at(run, placer(run.windows)).astype(run.y.dtype))


def throughout(placer: Placer) -> Plant:
    """Forward and backward fit each other, and are those of something else."""

    def x_bar(run: Run, y_bar: Array, _: Any) -> Array:
        placings = placer(run.windows)
        sent = shares(run, y_bar, placings)
        return scatter(sent, placings, run.operands["x"].shape[2:])

    return planted(
        y=lambda run: y_at(run, placer(run.windows)).astype(run.y.dtype),
        x_bar=x_bar,
        w_bar=lambda run, y_bar, _: w_bar_at(run, y_bar, placer(run.windows)),
    )


def _fault(
    name: str,
    what: str,
    placer: Placer,
    *,
    operations: tuple[str, ...],
    condition: str,
    source: str,
    plant: Callable[[Placer], Plant],
    results: tuple[str, ...],
    caught_by: tuple[str, ...] = VALUES,
) -> Fault:
    return Fault(
        name=name,
        what=what,
        operations=operations,
        results=results,
        condition=condition,
        shows=misplaces(placer),
        plant=plant(placer),
        caught_by=caught_by,
        source=source,
    )


#: A fault of the scatter that makes ``x_bar``.
x_bar_fault = partial(_fault, plant=in_x_bar, results=("x_bar",))

#: A fault of the gather that makes ``w_bar``.
w_bar_fault = partial(_fault, plant=in_w_bar, results=("w_bar",))

#: A forward that is wrong while the backward is right; differences of it disagree too.
forward_fault = partial(_fault, plant=in_y, results=("y", "x_bar", "w_bar"))

#: A forward and a backward that fit each other, and are those of another operation.
consistent_fault = partial(
    _fault, plant=throughout, results=("y", "x_bar", "w_bar"), caught_by=AGAINST_TORCH
)
