"""Max pooling's winners: ties, near ties, padding that wins, indices into the wrong plane."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case, fill
from bpcheck.cases.layouts import C_ORDER, lay_out
from bpcheck.explain.faults.fault import AGAINST_TORCH, MAX_POOL, Fault, of_rank_2_up
from bpcheck.explain.faults.kernels import columns, flat, plane_cells, scatter
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, planted
from bpcheck.explain.faults.winners import Rule, largest, offsets, read_of, send, winners


def _to_all(mask_of: Callable[[Array], Array]) -> Callable[[Run, Array, Any], Array]:
    """The whole cotangent to every cell of the window that the mask holds."""

    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        placings, image = right(run.windows), run.operands["x"].shape[2:]
        mask = mask_of(columns(run.operands["x"], placings, fill=-np.inf))
        return scatter(mask * flat(y_bar)[..., None], placings, image)

    return spoil


def _ties(read: Array) -> Array:
    return (read == read.max(axis=-1, keepdims=True)) & np.isfinite(read)


def _near_ties(read: Array) -> Array:
    top = read.max(axis=-1, keepdims=True)
    return read >= top - 0.01 * np.abs(top)


def _mask_is_wide(mask_of: Callable[[Array], Array]) -> Callable[[Case], bool]:
    return lambda case: (
        case.geometry.n > 0 and bool((mask_of(read_of(case)).sum(axis=-1) > 1).any())
    )


def _of_magnitude(read: Array) -> Array:
    return np.where(np.isfinite(read), np.abs(read), -1).argmax(axis=-1)


def _smallest(read: Array) -> Array:
    return np.where(np.isfinite(read), read, np.inf).argmin(axis=-1)


def _another_wins(rule: Rule, *, fill_with: float = -np.inf) -> Callable[[Case], bool]:
    """Whether the rule picks another value than the largest in some window."""

    def shows(case: Case) -> bool:
        if case.geometry.n == 0:
            return False
        true, read = read_of(case), read_of(case, fill_with=fill_with)
        return not np.array_equal(rule(read), largest(true))

    return shows


def _min_pooled(run: Run) -> Array:
    read = columns(run.operands["x"], right(run.windows), fill=np.inf)
    return read.min(axis=-1).reshape(run.y.shape).astype(run.y.dtype)


def _zero_padded(run: Run) -> Array:
    read = columns(run.operands["x"], right(run.windows), fill=0)
    return read.max(axis=-1).reshape(run.y.shape).astype(run.y.dtype)


def _zero_wins(case: Case) -> bool:
    """Whether a window that reads padding holds nothing above zero."""
    if case.geometry.n == 0:
        return False
    return not np.array_equal(read_of(case).max(axis=-1), read_of(case, fill_with=0).max(axis=-1))


def _height_for_width(run: Run, y_bar: Array, bar: Any) -> Array:
    """Flat indices made as ``row * height + column``."""
    image = run.operands["x"].shape[2:]
    index = winners(run)
    row, column = index // image[-1], index % image[-1]
    return send(run, y_bar, (row * image[-2] + column) % prod(image))


def _in_the_window(run: Run, y_bar: Array, bar: Any) -> Array:
    """The winner's place in its window taken for its place in the plane."""
    return send(run, y_bar, offsets(run) % prod(run.operands["x"].shape[2:]))


def _window_is_not_plane(case: Case) -> bool:
    windows = case.geometry.windows
    cells = plane_cells(right(windows), [window.i for window in windows])
    return case.geometry.n > 0 and bool(((cells != np.arange(cells.shape[1])) & (cells >= 0)).any())


def _last_of_equals(read: Array) -> Array:
    """Windows of nothing but -inf or NaN keep the index -1 that they start from."""
    return np.where(np.isfinite(read).any(axis=-1), read.argmax(axis=-1), -1)


def _lost_winner(run: Run, y_bar: Array, bar: Any) -> Array:
    picked = offsets(run, _last_of_equals)
    cells = plane_cells(right(run.windows), run.operands["x"].shape[2:])
    index = np.where(
        picked < 0, prod(run.operands["x"].shape[2:]) - 1, cells[np.arange(len(cells)), picked]
    )
    return send(run, y_bar, index)


def _last(read: Array) -> Array:
    """The last of the largest values."""
    return read.shape[-1] - 1 - read[..., ::-1].argmax(axis=-1)


def _by_sample(read: Array) -> Array:
    """The first of equals in even samples, the last in odd ones."""
    odd = (np.arange(len(read)) % 2 == 1).reshape(-1, 1, 1)
    return np.where(odd, _last(read), largest(read))


def _in_memory_order(run: Run, y_bar: Array, bar: Any) -> Any:
    """The tie that comes first in memory: the last one where x lies backwards or transposed."""
    x = run.operands["x"]
    if x.flags.c_contiguous or np.isnan(x.astype(np.float64)).any():
        return bar
    return send(run, y_bar, winners(run, _last))


def _ties_lie_in_another_order(case: Case) -> bool:
    if case.layouts.get("x", C_ORDER) == C_ORDER:
        return False
    x = lay_out(fill(case).operands["x"], case.layouts["x"])
    return not x.flags.c_contiguous and _another_wins(_last)(case)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-all-ties-rewarded",
        what="every cell that equals the maximum gets the whole cotangent",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="ties",
        shows=_mask_is_wide(_ties),
        plant=planted(x_bar=_to_all(_ties)),
        caught_by=("autograd",),
        source="https://github.com/BVLC/caffe/pull/162",
    ),
    Fault(
        name="x-bar-near-ties-rewarded",
        what="every cell within 1 % of the maximum gets the whole cotangent",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="values close to the maximum of their window",
        shows=_mask_is_wide(_near_ties),
        plant=planted(x_bar=_to_all(_near_ties)),
        caught_by=AGAINST_TORCH,
        source="https://github.com/mni-ml/framework/pull/22",
    ),
    Fault(
        name="y-zero-padding-wins",
        what="the forward pads with 0, which wins where a window has nothing above it",
        operations=MAX_POOL,
        results=("y", "x_bar"),
        condition="padding beside a window without positive values",
        shows=_zero_wins,
        plant=planted(y=_zero_padded),
        caught_by=AGAINST_TORCH,
        source="https://github.com/FluxML/NNlib.jl/issues/133",
    ),
    Fault(
        name="x-bar-zero-padding-wins",
        what="the backward pads with 0, which wins and takes the cotangent with it",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="padding beside a window without positive values",
        shows=_another_wins(largest, fill_with=0),
        plant=planted(x_bar=lambda run, y_bar, bar: send(run, y_bar, winners(run, fill=0))),
        source="https://github.com/FluxML/NNlib.jl/issues/133",
    ),
    Fault(
        name="x-bar-largest-magnitude-wins",
        what="the cotangent goes to the value of largest magnitude",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="a negative value of largest magnitude",
        shows=_another_wins(_of_magnitude),
        plant=planted(x_bar=lambda run, y_bar, bar: send(run, y_bar, winners(run, _of_magnitude))),
    ),
    Fault(
        name="min-pooling-throughout",
        what="forward and backward take the smallest value of each window",
        operations=MAX_POOL,
        results=("y", "x_bar"),
        condition="a kernel larger than 1",
        shows=_another_wins(_smallest),
        plant=planted(
            y=_min_pooled,
            x_bar=lambda run, y_bar, bar: send(run, y_bar, winners(run, _smallest)),
        ),
        caught_by=AGAINST_TORCH,
    ),
    Fault(
        name="x-bar-height-taken-for-width",
        what="the winner's flat index is made with the height where the width belongs",
        operations=of_rank_2_up(MAX_POOL),
        results=("x_bar",),
        condition="height unlike width",
        shows=lambda case: (
            case.geometry.n > 0
            and case.geometry.windows[-2].i != case.geometry.windows[-1].i
            and case.geometry.windows[-2].i > 1
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
    ),
    Fault(
        name="x-bar-window-without-a-winner",
        what="a window of nothing but NaN or -inf keeps the index -1, and writes to the last cell",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="a window of nothing but NaN or -inf",
        shows=lambda case: (
            case.geometry.n > 0 and not np.isfinite(read_of(case)).any(axis=-1).all()
        ),
        plant=planted(x_bar=_lost_winner),
        caught_by=("autograd",),
        source="https://github.com/pytorch/pytorch/pull/1466",
    ),
    Fault(
        name="x-bar-ties-by-sample",
        what="the first of equal values wins in even samples, and the last in odd ones",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="ties in a batch",
        shows=_another_wins(_by_sample),
        plant=planted(x_bar=lambda run, y_bar, bar: send(run, y_bar, winners(run, _by_sample))),
        caught_by=("symmetry",),
        source="https://github.com/Theano/Theano/issues/5404",
    ),
    Fault(
        name="x-bar-ties-in-memory-order",
        what="which of equal values wins depends on how x lies in memory",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="ties in an x that does not lie in C order",
        shows=_ties_lie_in_another_order,
        plant=planted(x_bar=_in_memory_order),
        caught_by=("layouts",),
        source="https://github.com/pytorch/pytorch/issues/67239",
    ),
)
