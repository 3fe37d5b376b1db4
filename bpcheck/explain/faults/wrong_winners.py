"""Max pooling's winners: padding that wins, another order, indices into the wrong plane."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_samples, is_read
from bpcheck.explain.faults.fault import AGAINST_TORCH, MAX_POOL, Fault, of_rank_2_up
from bpcheck.explain.faults.kernels import columns, largest, plane_cells
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, planted
from bpcheck.explain.faults.winners import (
    Rule,
    another_wins,
    offsets,
    read_of,
    send,
    sent_by,
    winners,
)


def _of_magnitude(read: Array, inside: Array) -> Array:
    return largest(np.where(inside, np.abs(read), -np.inf), inside)


def _smallest(read: Array, inside: Array) -> Array:
    return largest(np.where(inside, -read, -np.inf), inside)


def _with_zeros(read: Array, inside: Array) -> Array:
    return largest(np.where(inside, read, 0), np.ones_like(inside))


def _y_of(rule: Rule) -> Any:
    """The forward that takes the winners of `rule`; padding is 0."""

    def y(run: Run) -> Array:
        placings = right(run.windows)
        inside = plane_cells(placings, run.operands["x"].shape[2:]) >= 0
        read = columns(run.operands["x"], placings, fill=-np.inf)
        picked = rule(read, inside)[..., None]
        taken = np.take_along_axis(np.where(inside, read, 0), picked, axis=-1)
        return taken.reshape(run.y.shape).astype(run.y.dtype)

    return y


def _height_for_width(run: Run, y_bar: Array, bar: Any) -> Array:
    """Flat indices made as ``row * height + column``."""
    image = run.operands["x"].shape[2:]
    index = winners(run)
    row, column = index // image[-1], index % image[-1]
    return send(run, y_bar, np.where(index < 0, -1, (row * image[-2] + column) % prod(image)))


def _in_the_window(run: Run, y_bar: Array, bar: Any) -> Array:
    """The winner's place in its window taken for its place in the plane."""
    return send(run, y_bar, offsets(run) % prod(run.operands["x"].shape[2:]))


def _window_is_not_plane(case: Case) -> bool:
    windows = case.geometry.windows
    cells = plane_cells(right(windows), [window.i for window in windows])
    moved = (cells != np.arange(cells.shape[1]) % prod(window.i for window in windows)) & (
        cells >= 0
    )
    return has_samples(case) and bool(moved.any())


def _lost(run: Run, y_bar: Array, bar: Any) -> Array:
    """Windows of nothing but -inf or NaN keep the index -1, which writes to the last cell."""
    placings = right(run.windows)
    read = columns(run.operands["x"], placings, fill=-np.inf)
    lost = ~(np.isfinite(read) | (read == np.inf)).any(axis=-1)
    last = prod(run.operands["x"].shape[2:]) - 1
    return send(run, y_bar, np.where(lost, last, winners(run)))


def _has_lost_windows(case: Case) -> bool:
    if not has_samples(case):
        return False
    read, _ = read_of(case)
    return bool((~(np.isfinite(read) | (read == np.inf)).any(axis=-1)).any())


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="y-zero-padding-wins",
        what="the forward pads with 0, which wins where a window has nothing above it",
        operations=MAX_POOL,
        results=("y", "x_bar"),
        condition="padding beside a window without positive values",
        shows=another_wins(_with_zeros),
        plant=planted(y=_y_of(_with_zeros)),
        caught_by=AGAINST_TORCH,
        source="https://github.com/FluxML/NNlib.jl/issues/133",
    ),
    Fault(
        name="zero-padding-wins-throughout",
        what="forward and backward pad with 0, which wins where a window has nothing above it",
        operations=MAX_POOL,
        results=("y", "x_bar"),
        condition="padding beside a window without positive values",
        shows=another_wins(_with_zeros),
        plant=planted(y=_y_of(_with_zeros), x_bar=sent_by(_with_zeros)),
        caught_by=AGAINST_TORCH,
        source="https://github.com/FluxML/NNlib.jl/issues/133",
    ),
    Fault(
        name="x-bar-zero-padding-wins",
        what="the backward pads with 0, which wins and takes the cotangent with it",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="padding beside a window without positive values",
        shows=another_wins(_with_zeros),
        plant=planted(x_bar=sent_by(_with_zeros)),
        source="https://github.com/FluxML/NNlib.jl/issues/133",
    ),
    Fault(
        name="x-bar-largest-magnitude-wins",
        what="the cotangent goes to the value of largest magnitude",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="a negative value of largest magnitude",
        shows=another_wins(_of_magnitude),
        plant=planted(x_bar=sent_by(_of_magnitude)),
        source="https://github.com/JuliaGPU/CuArrays.jl/issues/304",
    ),
    Fault(
        name="min-pooling-throughout",
        what="forward and backward take the smallest value of each window",
        operations=MAX_POOL,
        results=("y", "x_bar"),
        condition="a window of unequal values",
        shows=another_wins(_smallest),
        plant=planted(y=_y_of(_smallest), x_bar=sent_by(_smallest)),
        caught_by=AGAINST_TORCH,
        source="https://github.com/icbcbicc/FocusLiteNN/issues/3",
    ),
    Fault(
        name="x-bar-height-taken-for-width",
        what="the winner's flat index is made with the height where the width belongs",
        operations=of_rank_2_up(MAX_POOL),
        results=("x_bar",),
        condition="height unlike width",
        shows=lambda case: (
            is_read(case)
            and case.geometry.windows[-2].i != case.geometry.windows[-1].i
            and prod(window.i for window in case.geometry.windows[:-1]) > 1
        ),
        plant=planted(x_bar=_height_for_width),
        source="https://github.com/pytorch/pytorch/pull/36820",
    ),
    Fault(
        name="x-bar-index-in-the-window",
        what="the winner's place in its window is taken for its place in the plane",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="a window that is not the whole plane",
        shows=_window_is_not_plane,
        plant=planted(x_bar=_in_the_window),
        source="https://github.com/uxlfoundation/oneDNN/issues/259",
    ),
    Fault(
        name="x-bar-window-without-a-winner",
        what="a window of nothing but NaN or -inf keeps the index -1, and writes to the last cell",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="a window of nothing but NaN or -inf",
        shows=_has_lost_windows,
        plant=planted(x_bar=_lost),
        caught_by=("NaN and infinity",),
        source="https://github.com/pytorch/pytorch/pull/1466",
    ),
)
