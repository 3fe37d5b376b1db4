"""Symmetries: permuted samples and channels give permuted results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import is_defined_throughout, quotient_bound, slack_of_wrong
from bpcheck.checks.compare import difference
from bpcheck.checks.further import broken_off
from bpcheck.checks.outcomes import element, failed, number, passed, unjudged
from bpcheck.checks.subnormals import flushes
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import takes_turn
from bpcheck.finding import Kind, Outcome
from bpcheck.operations.promises import SAMPLES, Symmetry

CHANNELS = "channels"


def check_samples(trial: Trial) -> tuple[Outcome, ...]:
    """Every result for the samples in another order, and beside other samples.

    They do not see each other: what belongs to one stays, whatever the others hold.
    """
    own = [each for each in _symmetries(trial) if each.name == SAMPLES]
    outcomes = _check(trial, SAMPLES, own)
    if _why_not(trial, own):
        return outcomes
    beside = _beside_others(trial, own[0])
    return tuple(beside.get(each.result, each) for each in outcomes)


def _beside_others(trial: Trial, samples: Symmetry) -> dict[str, Outcome]:
    """What went wrong with one sample when all others were exchanged, by result."""
    kept = trial.case.seed % samples.length
    given = {**trial.arrays.operands, "y": trial.arrays.y_bar}
    others = {**trial.others.operands, "y": trial.others.y_bar}
    mixed = {
        name: _with_sample(others[name], given[name], axis, kept)
        for name, axis in samples.axes.items()
    }
    operands = {name: mixed.get(name, array) for name, array in trial.arrays.operands.items()}
    run = trial.again(replace(trial.arrays, operands=operands, y_bar=mixed["y"]))
    found = {
        each.result: each
        for each in broken_off(trial, SAMPLES, run, "when the other samples are other ones")
        if each.finding
    }
    for result, got in run.got.items():
        axis = samples.axes.get(result.removesuffix("_bar"))
        if axis is None:
            continue
        bound = _slack(trial, result)
        if bound is not None:
            bound = np.take(bound, kept, axis)
        before = np.take(trial.got[result], kept, axis)
        where = difference(np.take(got, kept, axis), before, bound)
        if where is not None:
            message = (
                f"{result} of sample {kept} is {number(where.got)} at {where.index} when the other "
                f"samples are other ones, and {number(where.expected)} before"
            )
            found[result] = failed(trial, SAMPLES, result, Kind.SYMMETRY, message, where)
    return found


def _slack(trial: Trial, result: str) -> Array | None:
    """What rounding explains between two runs of one case, anywhere in the result."""
    if not trial.case.operation.divides:
        return slack_of_wrong(trial, result)
    bound = quotient_bound(trial, result)
    # An element has moved since, and its own bound with it: the largest holds anywhere.
    return np.full(bound.shape, 2 * bound.max(initial=0))


def _with_sample(others: Array, own: Array, axis: int, kept: int) -> Array:
    mixed = others.copy()
    place = (slice(None),) * axis + (kept,)
    mixed[place] = own[place]
    return mixed


def check_channels(trial: Trial) -> tuple[Outcome, ...]:
    """Every result for the channels in another order, renamed together with their weights."""
    return _check(trial, CHANNELS, [each for each in _symmetries(trial) if each.name != SAMPLES])


def _symmetries(trial: Trial) -> tuple[Symmetry, ...]:
    return trial.case.operation.symmetries(trial.case.geometry)


def _check(trial: Trial, check: str, symmetries: Sequence[Symmetry]) -> tuple[Outcome, ...]:
    why = _why_not(trial, symmetries)
    if why:
        return unjudged(trial, check, why)
    symmetry = symmetries[trial.case.seed // 3 % len(symmetries)]
    rng = np.random.default_rng((trial.case.seed, *check.encode()))
    # A rotation leaves nothing in its place; a random permutation may.
    order = np.roll(np.arange(symmetry.length), int(rng.integers(1, symmetry.length)))
    operands = {
        name: _permuted(array, symmetry, name, order)
        for name, array in trial.arrays.operands.items()
    }
    y_bar = _permuted(trial.arrays.y_bar, symmetry, "y", order)
    permuted = trial.again(replace(trial.arrays, operands=operands, y_bar=y_bar))
    broken = broken_off(trial, check, permuted, f"when {symmetry.name} are permuted")
    results = trial.case.results
    return broken or tuple(
        _compare(trial, check, permuted.got, name, symmetry, order) for name in results
    )


def _why_not(trial: Trial, symmetries: Sequence[Symmetry]) -> str:
    if not trial.first.is_whole:
        return "the contract is broken"
    if not trial.case.is_exact:
        return "real values"
    if not is_defined_throughout(trial):
        return "operands that are not finite"
    if not trial.subject.claims.exact:
        return "not a direct sum"
    if not symmetries:
        return "there is one alone"
    if not takes_turn(trial.case, 2):
        return "left to other cases"
    return "subnormals are flushed" if flushes(trial) else ""


def _permuted(array: Array, symmetry: Symmetry, name: str, order: Array) -> Array:
    if name not in symmetry.axes:
        return array
    block = symmetry.blocks.get(name, 1)
    moved = (order[:, None] * block + np.arange(block)).ravel()
    return np.take(array, moved, axis=symmetry.axes[name])


def _compare(
    trial: Trial,
    check: str,
    got: Mapping[str, Array],
    result: str,
    symmetry: Symmetry,
    order: Array,
) -> Outcome:
    expected = _permuted(trial.got[result], symmetry, result.removesuffix("_bar"), order)
    where = difference(got[result], expected, _slack(trial, result))
    if where is None:
        return passed(check, result)
    message = (
        f"{element(result, where)} is {number(where.got)} when {symmetry.name} are permuted, and "
        f"{number(where.expected)} before, at the place it came from"
    )
    return failed(trial, check, result, Kind.SYMMETRY, message, where)
