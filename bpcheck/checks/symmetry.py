"""Symmetries: permuted samples and channels give permuted results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.autograd import quotient_bound
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome
from bpcheck.operations.promises import Symmetry

NAME = "symmetry"


def check_symmetry(trial: Trial) -> tuple[Outcome, ...]:
    """Every result under one permutation that the operation commutes with, bit for bit.

    Samples of a batch do not see each other, and channels may be renamed together with their
    weights.
    """
    results = trial.case.promise.results(trial.case.geometry)
    symmetries = trial.case.promise.symmetries(trial.case.geometry)
    why = _why_not(trial, symmetries)
    if why:
        return tuple(not_applicable(NAME, name, why) for name in results)
    symmetry = symmetries[trial.case.seed // 3 % len(symmetries)]
    rng = np.random.default_rng((trial.case.seed, *NAME.encode()))
    order = np.roll(np.arange(symmetry.length), int(rng.integers(1, symmetry.length)))
    operands = {
        name: _permuted(array, symmetry, name, order)
        for name, array in trial.arrays.operands.items()
    }
    y_bar = _permuted(trial.arrays.y_bar, symmetry, "y", order)
    permuted = trial.again(replace(trial.arrays, operands=operands, y_bar=y_bar))
    return tuple(_compare(trial, permuted.got, result, symmetry, order) for result in results)


def _why_not(trial: Trial, symmetries: tuple[Symmetry, ...]) -> str:
    if not trial.first.is_whole:
        return "the contract is broken"
    if not trial.case.is_exact:
        return "real values"
    if not trial.subject.exact:
        return "not a direct sum"
    if not symmetries:
        return "one sample and one channel"
    return "" if trial.is_small and trial.turn == 2 else "left to other cases"


def _permuted(array: Array, symmetry: Symmetry, name: str, order: Array) -> Array:
    if name not in symmetry.axes:
        return array
    block = symmetry.blocks.get(name, 1)
    moved = (order[:, None] * block + np.arange(block)).ravel()
    return np.take(array, moved, axis=symmetry.axes[name])


def _compare(
    trial: Trial, got: Mapping[str, Array], result: str, symmetry: Symmetry, order: Array
) -> Outcome:
    if result not in got:
        message = f"{result} is missing when {symmetry.name} are permuted"
        return failed(trial, NAME, result, Kind.SYMMETRY, message)
    expected = _permuted(trial.got[result], symmetry, result.removesuffix("_bar"), order)
    bound = None
    if trial.case.promise.divides:
        bound = 2 * float(quotient_bound(trial, result).max(initial=0)) * np.ones(expected.shape)
    where = difference(got[result], expected, bound)
    if where is None:
        return passed(NAME, result)
    message = (
        f"{element(result, where)} is {number(where.got)} when {symmetry.name} are permuted, and "
        f"{number(where.expected)} before, at the place it came from"
    )
    return failed(trial, NAME, result, Kind.SYMMETRY, message, where)
