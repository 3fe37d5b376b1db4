"""Overlapping windows: what several of them send to one cell is added, not overwritten."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.explain.faults.conditions import is_gapped, overlaps
from bpcheck.explain.faults.fault import AVG_POOL, CONV, EVERY, LINEAR, MAX_POOL, VALUES, Fault
from bpcheck.explain.faults.kernels import columns, scatter, shares
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, planted
from bpcheck.explain.faults.winners import send, share_a_winner, winners


def _overwritten(run: Run, y_bar: Array, bar: Any) -> Array:
    image = run.operands["x"].shape[2:]
    return scatter(shares(run, y_bar), right(run.windows), image, overwrite=True)


def _overwritten_by_taps(run: Run, y_bar: Array, bar: Any) -> Array:
    """As a loop over the taps writes: of the windows that read a cell, the first one stays."""
    placings, image = right(run.windows), run.operands["x"].shape[2:]
    out = tuple(placing.shape[0] for placing in placings)
    sent = shares(run, y_bar)
    backwards = (slice(None, None, -1),) * len(out)
    turned = sent.reshape(*sent.shape[:2], *out, sent.shape[-1])[
        (slice(None), slice(None), *backwards)
    ]
    # Copies: NumPy writes through views that run backwards from their end.
    last_first = [placing[::-1].copy() for placing in placings]
    return scatter(turned.reshape(sent.shape), last_first, image, overwrite=True)


def _coverage(run: Run) -> Array:
    """How many windows read each cell: ``(1, 1, *image)``."""
    placings = right(run.windows)
    ones = np.ones((1, 1, *run.operands["x"].shape[2:]))
    return scatter(columns(ones, placings), placings, ones.shape[2:])


def _averaged(run: Run, y_bar: Array, bar: Any) -> Array:
    return bar / np.maximum(_coverage(run), 1)


def _divided_by_coverage(run: Run, y_bar: Array, bar: Any) -> Array:
    coverage = _coverage(run)
    with np.errstate(invalid="ignore"):
        ratio: Array = bar / np.minimum(coverage, 1)
    return ratio


def _written_backwards(run: Run, y_bar: Array) -> Array:
    """The last window is written first, so that the first one stays."""
    windows: tuple[Any, ...] = (..., *(slice(None, None, -1) for _ in y_bar.shape[2:]))
    return send(run, y_bar[windows], winners(run)[..., ::-1], overwrite=True)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-overlap-overwritten",
        what="windows that overlap overwrite each other's part of x_bar: = where += is needed",
        operations=EVERY,
        results=("x_bar",),
        condition="windows that overlap",
        shows=overlaps,
        plant=planted(x_bar=_overwritten),
        source="https://github.com/FluxML/Flux.jl/issues/1197",
    ),
    Fault(
        name="x-bar-overlap-overwritten-tap-by-tap",
        what="a loop over the window's cells writes x_bar with = where overlaps need +=",
        operations=LINEAR,
        results=("x_bar",),
        condition="windows that overlap",
        shows=overlaps,
        plant=planted(x_bar=_overwritten_by_taps),
        source="https://github.com/oreilly-japan/deep-learning-from-scratch/issues/27",
    ),
    Fault(
        name="x-bar-last-window-wins",
        what="a cell that wins in several windows gets the last one's cotangent, not their sum",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="a cell that wins in several windows",
        shows=share_a_winner,
        plant=planted(x_bar=lambda run, y_bar, bar: send(run, y_bar, winners(run), overwrite=True)),
        source="https://github.com/FluxML/NNlib.jl/issues/205",
    ),
    Fault(
        name="x-bar-first-window-wins",
        what="a cell that wins in several windows gets the first one's cotangent, not their sum",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="a cell that wins in several windows",
        shows=share_a_winner,
        plant=planted(x_bar=lambda run, y_bar, bar: _written_backwards(run, y_bar)),
        source="https://github.com/ahrefs/ocannl/issues/512",
    ),
    Fault(
        name="x-bar-averaged-over-windows",
        what="a cell that several windows read gets the mean of their gradients, not the sum",
        operations=(*CONV, *AVG_POOL),
        results=("x_bar",),
        condition="windows that overlap",
        shows=overlaps,
        plant=planted(x_bar=_averaged),
        source="https://github.com/jmschrei/tangermeme/pull/95",
    ),
    Fault(
        name="x-bar-nan-in-gaps",
        what="x_bar is divided by the number of windows that read a cell: 0 / 0 where none does",
        operations=LINEAR,
        results=("x_bar",),
        condition="cells that no window reads",
        shows=is_gapped,
        plant=planted(x_bar=_divided_by_coverage),
        caught_by=("finite", *VALUES),
        source="https://github.com/CanReader/FastNN/issues/5",
    ),
)
