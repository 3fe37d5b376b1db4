"""Max pooling's ties and near ties: who of equals gets the cotangent, and how much of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, lay_out
from bpcheck.explain.faults.conditions import has_samples
from bpcheck.explain.faults.fault import AGAINST_TORCH, MAX_POOL, Fault, of_rank_2_up
from bpcheck.explain.faults.kernels import columns, flat, largest, one_hot, plane_cells, scatter
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, Spoil, planted
from bpcheck.explain.faults.winners import another_wins, read_of, sent_by
from bpcheck.filling import fill

#: From what windows read, and which of it is inside, to the cells that are rewarded beside the
#: winner.
Mask = Callable[[Array, Array], Array]


def _equal(read: Array, inside: Array) -> Array:
    return (read == read.max(axis=-1, keepdims=True)) & inside


def _close(read: Array, inside: Array) -> Array:
    top = read.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return (read >= top - 0.01 * np.abs(top)) & inside


def _as_close_as_isclose(read: Array, inside: Array) -> Array:
    top = read.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return (np.abs(read - top) <= 1e-9 * np.abs(top)) & inside


def _rewarded(read: Array, inside: Array, beside: Mask) -> Array:
    winner: Array = one_hot(largest(read, inside), read.shape[-1]) > 0
    return (winner & inside) | beside(read, inside)


def _to_all(beside: Mask, rewarded: Callable[[Array, Array, Mask], Array] = _rewarded) -> Spoil:
    """The whole cotangent to every cell of the window that is rewarded."""

    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        placings, image = right(run.windows), run.operands["x"].shape[2:]
        read = columns(run.operands["x"], placings, fill=-np.inf)
        mask = rewarded(read, plane_cells(placings, image) >= 0, beside)
        return scatter(mask * flat(y_bar)[..., None], placings, image)

    return spoil


def _to_one_of_each_slice(run: Run, y_bar: Array, bar: Any) -> Array:
    """The whole cotangent to the first equal of every row, or plane, of the window."""
    placings, image = right(run.windows), run.operands["x"].shape[2:]
    read = columns(run.operands["x"], placings, fill=-np.inf)
    equal = _equal(read, plane_cells(placings, image) >= 0)
    rows = placings[0].shape[1]
    slices = equal.reshape(*equal.shape[:-1], rows, equal.shape[-1] // rows)
    first = slices & (slices.cumsum(axis=-1) == 1)
    return scatter(first.reshape(equal.shape) * flat(y_bar)[..., None], placings, image)


def _has_equals_in_slices(case: Case) -> bool:
    """Whether the first equals of several slices of some window are rewarded, or nobody is."""
    if not has_samples(case):
        return False
    equal = _equal(*read_of(case))
    slices = equal.reshape(*equal.shape[:-1], case.geometry.windows[0].k, -1)
    return bool((slices.any(axis=-1).sum(axis=-1) != 1).any())


def _alone(read: Array, inside: Array, mask: Mask) -> Array:
    """What the mask says, as ``x == max`` does: no cell equals a NaN."""
    return mask(read, inside)


def _rewards_others(case: Case) -> bool:
    """Whether ``x == max`` holds for several cells of some window, or for none."""
    if not has_samples(case):
        return False
    return bool((_equal(*read_of(case)).sum(axis=-1) != 1).any())


def _rewards_several(beside: Mask) -> Callable[[Case], bool]:
    def shows(case: Case) -> bool:
        if not has_samples(case):
            return False
        read, inside = read_of(case)
        return bool((_rewarded(read, inside, beside).sum(axis=-1) > 1).any())

    return shows


def _last(read: Array, inside: Array) -> Array:
    """The last of the largest values."""
    last = read.shape[-1] - 1 - _equal(read, inside)[..., ::-1].argmax(axis=-1)
    return np.where(np.isnan(read).any(axis=-1), largest(read, inside), last)


def _by_sample(read: Array, inside: Array) -> Array:
    """The first of equals in even samples, the last in odd ones."""
    odd = (np.arange(len(read)) % 2 == 1).reshape(-1, 1, 1)
    return np.where(odd, _last(read, inside), largest(read, inside))


def _in_memory_order(run: Run, y_bar: Array, bar: Any) -> Any:
    """The tie that comes first in memory: the last one where x lies backwards or transposed."""
    if run.operands["x"].flags.c_contiguous:
        return bar
    return sent_by(_last)(run, y_bar, bar)


def _ties_lie_in_another_order(case: Case) -> bool:
    layout = case.layouts.get("x", C_ORDER)
    if layout == C_ORDER or lay_out(fill(case).operands["x"], layout).flags.c_contiguous:
        return False
    return another_wins(_last)(case)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-all-ties-rewarded",
        what="every cell that equals the maximum gets the whole cotangent",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="ties, or NaN, which equals nothing",
        shows=_rewards_others,
        plant=planted(x_bar=_to_all(_equal, _alone)),
        caught_by=("ties",),
        source="https://github.com/apache/mxnet/issues/18563",
    ),
    Fault(
        name="x-bar-one-of-each-slice-rewarded",
        what="the first cell in each slice of the window that equals the maximum gets the whole "
        "cotangent: one of each row, or plane",
        operations=of_rank_2_up(MAX_POOL),
        results=("x_bar",),
        condition="ties in several rows or planes of a window, or NaN, which equals nothing",
        shows=_has_equals_in_slices,
        plant=planted(x_bar=_to_one_of_each_slice),
        caught_by=("ties",),
        source="https://github.com/apache/mxnet/issues/18563",
    ),
    Fault(
        name="x-bar-ties-by-isclose",
        what="every cell within a relative 1e-9 of the maximum gets the whole cotangent",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="values within 1e-9 of each other, relative to them",
        shows=_rewards_several(_as_close_as_isclose),
        plant=planted(x_bar=_to_all(_as_close_as_isclose)),
        caught_by=("autograd", "finite differences", "ties"),
        source="https://github.com/mni-ml/framework/pull/22",
    ),
    Fault(
        name="x-bar-near-ties-rewarded",
        what="every cell within 1 % of the maximum gets the whole cotangent",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="values close to the maximum of their window",
        shows=_rewards_several(_close),
        plant=planted(x_bar=_to_all(_close)),
        caught_by=AGAINST_TORCH,
        source="https://github.com/mni-ml/framework/pull/22",
    ),
    Fault(
        name="x-bar-ties-by-sample",
        what="the first of equal values wins in even samples, and the last in odd ones",
        operations=MAX_POOL,
        results=("x_bar",),
        condition="ties in a batch",
        shows=another_wins(_by_sample),
        plant=planted(x_bar=sent_by(_by_sample)),
        caught_by=("samples",),
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
