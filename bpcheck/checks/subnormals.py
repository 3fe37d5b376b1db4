"""Subnormal numbers that are flushed to zero: a convention of hardware and of compilers' flags.

It is told from a threshold, and from a wrong formula, by the same numbers times a power of two that
leaves none of them subnormal: there a kernel that merely flushes is right.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.checks.allowed import absolute_sums
from bpcheck.checks.bounds import absolute_sums as sums_of
from bpcheck.checks.bounds import quotient_bound
from bpcheck.checks.compare import difference
from bpcheck.checks.trial import Trial
from bpcheck.filling import Arrays
from bpcheck.filling.values import fill_normal
from bpcheck.oracles.autograd import autograd


def flushes(trial: Trial) -> frozenset[str]:
    """The results of the trial that are wrong, and of which flushed subnormals are all that is."""
    return trial.once(_flushes)


def _flushes(trial: Trial) -> frozenset[str]:
    if trial.case.values != "tiny" or trial.subject.claims.subnormals or not trial.first.is_whole:
        return frozenset()
    near = [
        name
        for name in trial.got
        if not _is_right(trial.got, trial.autograd, trial, name) and _is_near(trial, name)
    ]
    if not near:
        return frozenset()
    arrays = fill_normal(trial.case)
    again = trial.again(arrays, layouts=trial.case.layouts)
    right = autograd(trial.case, arrays)
    if not again.is_whole:
        return frozenset()
    return frozenset(name for name in near if _is_right(again.got, right, trial, name, arrays))


def _is_right(
    got: Mapping[str, Array],
    right: Mapping[str, Array],
    trial: Trial,
    name: str,
    arrays: Arrays | None = None,
) -> bool:
    bound = None
    if trial.case.operation.divides:
        sums = absolute_sums(trial) if arrays is None else sums_of(trial.case, arrays)
        bound = quotient_bound(trial.case, name, sums[name])
    return difference(got[name], right[name], bound) is None or _is_another_choice(
        trial, got, name, arrays or trial.arrays
    )


def _is_near(trial: Trial, name: str) -> bool:
    """Whether flushed terms, or maxima of flushed numbers, explain a result."""
    got, form = trial.got[name], trial.format
    normal = 2.0 ** (form.bits - 1) * form.tiniest
    terms = trial.case.terms[name]
    # Each term may be lost, and each partial sum too.
    bound = absolute_sums(trial)[name] + 2 * terms * normal
    if difference(got, trial.autograd[name], bound) is None:
        return True
    return _is_another_choice(trial, trial.got, name, _flushed(trial))


def _flushed(trial: Trial) -> Arrays:
    """The arrays of the trial with zeros for subnormal operands."""
    form = trial.format
    normal = 2.0 ** (form.bits - 1) * form.tiniest
    operands = {
        name: np.where(np.abs(np.asarray(a, np.float64)) < normal, 0, a).astype(a.dtype)
        for name, a in trial.arrays.operands.items()
    }
    return Arrays(operands, trial.arrays.y_bar, steps={})


def _is_another_choice(trial: Trial, got: Mapping[str, Array], name: str, arrays: Arrays) -> bool:
    """Whether a gradient goes to another one of the cells that tie in these arrays."""
    operation = trial.case.operation
    if name == "y" or not operation.orders_special or trial.subject.claims.torch_ties:
        return False
    wide = {key: np.asarray(a, np.float64) for key, a in arrays.operands.items()}
    y = autograd(trial.case, arrays)["y"]
    y_bar = np.asarray(arrays.y_bar, np.float64)
    return operation.is_valid_subgradient(
        trial.case.geometry, wide, y_bar, {**got, "y": y}, FORMATS[trial.case.dtype]
    )
