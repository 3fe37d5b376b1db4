"""NaN and infinities in sums of products: none is swallowed, none reaches another sample.

IEEE arithmetic leaves some freedom: who adds up padding times an infinity, or a zero of a
spread-out kernel, gets NaN where others read nothing. What does not depend on that is judged: an
element that a special number reaches with a factor other than 0 is not finite, and one of a sample
without any special number is what it would be without those of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.bounds import absolute_sums, quotient_bound
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.outcomes import element, failed, number, passed
from bpcheck.checks.symmetry import SAMPLES
from bpcheck.checks.trial import Trial
from bpcheck.filling import Arrays
from bpcheck.finding import Kind, Outcome
from bpcheck.oracles.autograd import autograd


def judged_special(trial: Trial, check: str, result: str) -> Outcome:
    """Whether special numbers arrive where they must, and in no sample that has none."""
    fault = misplaced(trial, result, trial.got[result])
    if fault is None:
        return passed(check, result)
    message, where = fault
    return failed(trial, check, result, Kind.VALUE, message, where)


def misplaced(trial: Trial, result: str, got: Array) -> tuple[str, Difference | None] | None:
    """What is wrong with the special numbers of a result, in words; ``None`` if nothing is."""
    spread, full = _spread(trial, result), trial.autograd[result]
    finite = np.isfinite(got)
    turned = np.isinf(full) & np.isinf(got) & (full != got)
    for wrong, why in (
        (finite, "and NaN or an infinity is multiplied by no zero on its way there"),
        (turned, "and only infinities of the other sign reach it"),
    ):
        if (spread.reached & wrong).any():
            index = tuple(int(i) for i in np.argwhere(spread.reached & wrong)[0])
            place = f"{result}[{','.join(map(str, index))}]"
            return f"{place} is {number(float(got[index]))}, {why}", None
    # Where freedom is left, any number that is not finite will do.
    free = spread.reached | (spread.touched & ~finite)
    where = difference(np.where(free, 0, got), np.where(free, 0, spread.clean), spread.bound)
    if where is None:
        return None
    message = (
        f"{element(result, where)} is {where.got}, and {number(where.expected)} if the NaN and "
        "infinities elsewhere were 0: they do not reach it"
    )
    return message, where


@dataclass(frozen=True, slots=True)
class _Spread:
    """Where special numbers must arrive, where they may, and the results without them."""

    reached: Array
    touched: Array
    clean: Array
    bound: Array | None


def _spread(trial: Trial, result: str) -> _Spread:
    arrays = trial.arrays
    given = {**arrays.operands, "y_bar": arrays.y_bar}
    special = {name: ~np.isfinite(np.asarray(a, np.float64)) for name, a in given.items()}
    clean = _with(arrays, {name: np.where(special[name], 0, a) for name, a in given.items()})
    bound = None
    if trial.case.operation.divides:
        bound = quotient_bound(trial.case, result, absolute_sums(trial.case, clean)[result])
    expected = autograd(trial.case, clean)[result]
    source = next((name for name, where in special.items() if where.any()), None)
    if source is None:
        # A one-hot or a repeated cotangent has lost them.
        nowhere = np.zeros(expected.shape, dtype=bool)
        return _Spread(nowhere, nowhere, expected, bound)
    # How many special numbers reach each element: 1 for each of them, 1 for whatever is not 0.
    # Where the operation compares, other values would choose other cells.
    ordered = trial.case.operation.orders_special
    others = {
        name: a if ordered else np.asarray(a != 0, np.float64)
        for name, a in given.items()
        if name != source
    }
    ones = _with(arrays, {**others, source: special[source].astype(np.float64)})
    none = _with(arrays, {**others, source: np.zeros(given[source].shape)})
    counted, without = (autograd(trial.case, each)[result] for each in (ones, none))
    touched = _in_their_samples(trial, special[source], source, result)
    return _Spread(counted - without > 0, touched, expected, bound)


def _with(arrays: Arrays, given: dict[str, Array]) -> Arrays:
    operands = {name: given[name] for name in arrays.operands}
    return replace(arrays, operands=operands, y_bar=given["y_bar"])


def _in_their_samples(trial: Trial, special: Array, source: str, result: str) -> Array:
    """Which elements share a sample with a special number; all, where there are no samples."""
    shape = trial.case.shapes[result]
    symmetries = trial.case.operation.symmetries(trial.case.geometry)
    axes = next((each.axes for each in symmetries if each.name == SAMPLES), {})
    given, wanted = source.removesuffix("_bar"), result.removesuffix("_bar")
    if not {given, wanted} <= set(axes):
        return np.ones(shape, dtype=bool)
    affected = special.any(axis=tuple(i for i in range(special.ndim) if i != axes[given]))
    along = [1] * len(shape)
    along[axes[wanted]] = -1
    return np.broadcast_to(affected.reshape(along), shape)
