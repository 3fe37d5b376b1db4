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
from bpcheck.checks.turns import takes_turn
from bpcheck.finding import Kind, Outcome

NAME = "split cotangent"


def check_split(trial: Trial) -> tuple[Outcome, ...]:
    """Every gradient against the sum of those for two cotangents, nonzero in different places."""
    why = why_not_linear(trial)
    if why:
        return unjudged(trial, NAME, why)
    parts = _parts(trial)
    broken = (broken_off(trial, NAME, part, "for a part of the cotangent") for part in parts)
    return next(filter(None, broken), ()) or of_gradients(
        first_of_each(trial, NAME, _violations(trial, *parts))
    )


def _parts(trial: Trial) -> tuple[Run, Run]:
    """Two further runs, on cotangents that are nonzero in different places."""
    rng = np.random.default_rng((trial.case.seed, *b"linearity"))
    mask = rng.integers(0, 2, size=trial.arrays.y_bar.shape).astype(bool)
    zero = np.zeros_like(trial.arrays.y_bar)
    return (
        trial.again(replace(trial.arrays, y_bar=np.where(mask, trial.arrays.y_bar, zero))),
        trial.again(replace(trial.arrays, y_bar=np.where(mask, zero, trial.arrays.y_bar))),
    )


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


def _violations(trial: Trial, one: Run, two: Run) -> Iterator[Outcome]:
    for result, got in trial.got.items():
        if result == "y":
            continue
        # Of a wrong vjp both parts may be infinite.
        with np.errstate(all="ignore"):
            total = one.got[result] + two.got[result]
        where = difference(total, got, _bound(trial, result))
        if where is not None:
            what = "the sum of two parts of it"
            yield nonlinear(trial, NAME, result, where, what)


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
