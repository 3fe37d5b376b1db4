"""A vjp is additive in the cotangent: two parts of it give two parts of every gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bpcheck.arithmetic import Array, gamma
from bpcheck.checks.allowed import (
    agrees_with_autograd,
    is_defined_throughout,
    is_other_convention,
    quotient_bound,
    slack_of_wrong,
)
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.further import broken_off
from bpcheck.checks.outcomes import (
    element,
    failed,
    first_of_each,
    not_applicable,
    number,
    unjudged,
)
from bpcheck.checks.run import Run
from bpcheck.checks.subnormals import flushes
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import takes_turn, turn_among
from bpcheck.finding import Kind, Outcome

NAME = "split cotangent"

#: The part of the cells that is few of them.
_FEW = 0.06


def check_split(trial: Trial) -> tuple[Outcome, ...]:
    """Every gradient against the sum of those for two cotangents, nonzero in different places."""
    why = why_not_linear(trial)
    if why:
        return unjudged(trial, NAME, why)
    whole, what = _whole(trial)
    runs = (_again(trial, whole), *_parts(trial, whole))
    broken = (broken_off(trial, NAME, run, f"for {what}") for run in runs)
    return next(filter(None, broken), ()) or of_gradients(
        first_of_each(trial, NAME, _violations(trial, *runs, what=what))
    )


def _whole(trial: Trial) -> tuple[Array, str]:
    """What is split: the cotangent of the case or, by turns, the one that every sum sends down."""
    y_bar = trial.arrays.y_bar
    # No sum of ones is larger than one of whole numbers, none of which is zero.
    if trial.case.values == "exact" and turn_among(trial.case, 2) and y_bar.all():
        return np.ones_like(y_bar), "a cotangent of ones"
    return y_bar, "the cotangent"


def _again(trial: Trial, y_bar: Array) -> Run:
    """The run with this cotangent; that of the case's own has been made."""
    if y_bar is trial.arrays.y_bar:
        return trial.first
    return trial.again(replace(trial.arrays, y_bar=y_bar))


def _parts(trial: Trial, whole: Array) -> tuple[Run, Run]:
    """Two further runs, on cotangents that are nonzero in different places."""
    rng = np.random.default_rng((trial.case.seed, *b"linearity"))
    mask = _MASKS[turn_among(trial.case, 2 * len(_MASKS)) // 2](whole, rng)
    if mask.all() or not mask.any():
        # Of one sample, or of few cells, that is no part.
        mask = _half(whole, rng)
    zero = np.zeros_like(whole)
    return (
        _again(trial, np.where(mask, whole, zero)),
        _again(trial, np.where(mask, zero, whole)),
    )


def _half(y_bar: Array, rng: np.random.Generator) -> Array:
    """About half of the cells."""
    return rng.integers(0, 2, size=y_bar.shape).astype(bool)


def _few(y_bar: Array, rng: np.random.Generator) -> Array:
    """A few of many cells, as a max pool or a ReLU sends down."""
    found: Array = rng.random(y_bar.shape) < _FEW
    return found


def _one_cell(y_bar: Array, rng: np.random.Generator) -> Array:
    """A single cell, which a saliency map begins with."""
    found: Array = (np.arange(y_bar.size) == rng.integers(max(1, y_bar.size))).reshape(y_bar.shape)
    return found


def _one_sample(y_bar: Array, rng: np.random.Generator) -> Array:
    """All that lies at one place of the first axis."""
    mask = np.zeros(y_bar.shape, bool)
    if y_bar.ndim and len(y_bar):
        mask[int(rng.integers(len(y_bar)))] = True
    return mask


#: Which cells one part has: kernels take short cuts where a cotangent is zero nearly everywhere.
_MASKS = (_half, _few, _one_cell, _one_sample)


def why_not_linear(trial: Trial) -> str:
    """Why linearity in the cotangent is not asked of this case; empty if it is."""
    if not trial.first.is_whole:
        return "the contract is broken"
    if not trial.case.is_exact:
        return "real values"
    if not is_defined_throughout(trial):
        return "operands that are not finite"
    if not trial.subject.claims.exact:
        return "not a direct sum"
    if not takes_turn(trial.case, 1):
        return "left to other cases"
    return "subnormals are flushed" if flushes(trial) else ""


def of_gradients(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """The outcomes, with none for the first result, ``y``, unless a forward failed."""
    y = not_applicable(outcomes[0].check, "y", "it does not depend on the cotangent")
    return (outcomes[0] if outcomes[0].finding else y, *outcomes[1:])


def nonlinear(trial: Trial, check: str, result: str, where: Difference, what: str) -> Outcome:
    """The gradient for `what` is not what linearity in the cotangent asks for."""
    message = (
        f"{element(result, where)} is {number(where.got)} for {what}, and linearity in the "
        f"cotangent asks for {number(where.expected)}"
    )
    return failed(trial, check, result, Kind.NOT_LINEAR, message, where)


def _violations(
    trial: Trial, all_of_it: Run, one: Run, two: Run, *, what: str
) -> Iterator[Outcome]:
    for result, got in all_of_it.got.items():
        if result == "y":
            continue
        # Of a wrong vjp both parts may be infinite.
        with np.errstate(all="ignore"):
            total = one.got[result] + two.got[result]
        where = difference(total, got, _bound(trial, result))
        if where is not None:
            yield nonlinear(trial, NAME, result, where, f"the sum of two parts of {what}")


def _bound(trial: Trial, result: str) -> Array | None:
    """What rounding explains between the whole and the sum of its parts; ``None`` for nothing."""
    promise, geometry = trial.case.operation, trial.case.geometry
    if promise.divides:
        return 2 * quotient_bound(trial, result)
    # Beside NaN and infinities some windows tie as well, whatever is made of the others.
    beside = trial.case.values == "special" and promise.orders_special
    if agrees_with_autograd(trial, result) or not (beside or is_other_convention(trial)):
        return slack_of_wrong(trial, result)
    # Who shares a cotangent out among several winners rounds the shares.
    terms = promise.terms(geometry)[result]
    largest = float(np.abs(trial.arrays.y_bar.astype(np.float64)).max(initial=0))
    rounding = 2 * gamma(terms + 4, trial.format.unit_roundoff) * terms * largest
    rounding += 2 * terms * trial.format.tiniest
    return np.full(trial.case.shapes[result], rounding)
