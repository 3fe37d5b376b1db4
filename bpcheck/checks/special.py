"""NaN and infinities in sums of products: none is swallowed, none goes where it does not belong.

IEEE arithmetic leaves some freedom: who adds up padding times an infinity, or a zero of a
spread-out kernel, gets NaN where others read nothing. What does not depend on that is judged: an
element that a special number reaches with a factor other than 0 is not finite, and one of a sample
(an output channel, a group) without any special number is what it would be without those of the
others; and so is a result that is not made of the array which has them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.bounds import absolute_sums, quotient_bound
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.outcomes import element, failed, number, passed
from bpcheck.checks.trial import Trial
from bpcheck.filling import Arrays
from bpcheck.finding import Kind, Outcome
from bpcheck.oracles.autograd import autograd


def judged_special(trial: Trial, check: str, result: str) -> Outcome:
    """Whether special numbers arrive where they must, and nowhere that they do not belong."""
    fault = misplaced(trial, result, trial.got[result])
    if fault is None:
        return passed(check, result)
    message, where = fault
    return failed(trial, check, result, Kind.VALUE, message, where)


def misplaced(trial: Trial, result: str, got: Array) -> tuple[str, Difference | None] | None:
    """What is wrong with the special numbers of a result, in words; ``None`` if nothing is."""
    if np.array_equal(got, trial.autograd[result], equal_nan=True):
        # Wherever torch has them, they may be.
        return None
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
    clean = _with(
        arrays,
        {
            name: a if _chooses(trial, name) else np.where(special[name], 0, a)
            for name, a in given.items()
        },
    )
    bound = None
    if trial.case.operation.divides:
        bound = quotient_bound(trial.case, result, absolute_sums(trial.case, clean)[result])
    expected = autograd(trial.case, clean)[result]
    sources = [name for name, where in special.items() if where.any()]
    if not sources:
        # A one-hot cotangent, or numbers that are tied, have none.
        nowhere = np.zeros(expected.shape, dtype=bool)
        return _Spread(nowhere, nowhere, expected, bound)
    # How many special numbers reach each element by factors that are not 0: all terms of which no
    # factor is 0, less those that are finite.
    present = {name: _present(trial, name, a) for name, a in given.items()}
    finite = {
        name: a if _chooses(trial, name) else np.where(special[name], 0, a)
        for name, a in present.items()
    }
    counted, without = (
        autograd(trial.case, _with(arrays, each))[result] for each in (present, finite)
    )
    touched = np.zeros(expected.shape, dtype=bool)
    for source in sources:
        touched |= _can_touch(trial, special[source], source, result)
    with np.errstate(invalid="ignore"):
        return _Spread(counted - without > 0, touched, expected, bound)


def _chooses(trial: Trial, name: str) -> bool:
    """Whether other values in an operand would choose other cells: where the operation compares."""
    return trial.case.operation.orders_special and name != "y_bar"


def _present(trial: Trial, name: str, array: Array) -> Array:
    """1 for whatever is not 0."""
    return array if _chooses(trial, name) else np.asarray(array != 0, np.float64)


def _with(arrays: Arrays, given: dict[str, Array]) -> Arrays:
    operands = {name: given[name] for name in arrays.operands}
    return replace(arrays, operands=operands, y_bar=given["y_bar"])


def _can_touch(trial: Trial, special: Array, source: str, result: str) -> Array:
    """Which elements share a sample (a channel, a group) with a special number of `source`.

    None, if the result is no sum of products with `source`; all, where nothing is kept apart.
    """
    shape = trial.case.shapes[result]
    lattice = trial.case.lattice
    if lattice is not None and not any(
        source in each.factors for each in lattice.products if each.result == result
    ):
        return np.zeros(shape, dtype=bool)
    given, wanted = source.removesuffix("_bar"), result.removesuffix("_bar")
    touched = np.ones(shape, dtype=bool)
    for apart in trial.case.operation.kept_apart(trial.case.geometry):
        if not {given, wanted} <= set(apart.axes):
            continue
        axis = apart.axes[given]
        affected = special.any(axis=tuple(i for i in range(special.ndim) if i != axis))
        affected = affected.reshape(apart.length, -1).any(axis=1)
        along = [1] * len(shape)
        along[apart.axes[wanted]] = -1
        touched &= np.repeat(affected, apart.blocks.get(wanted, 1)).reshape(along)
    return touched
