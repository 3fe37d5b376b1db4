"""A vjp is linear in the cotangent: scaled, negated, split and zero cotangents tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import floor, log2

import numpy as np

from bpcheck.arithmetic import Array, Format, gamma
from bpcheck.checks.autograd import quotient_bound
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "linearity"


def check_linearity(trial: Trial) -> tuple[Outcome, ...]:
    """Homogeneity and additivity of every gradient in the cotangent, without any oracle.

    Scaling by a power of two changes no significand bit, so both hold exactly on the lattice.
    """
    results = trial.case.promise.results(trial.case.geometry)
    why = _why_not(trial)
    if why:
        return tuple(not_applicable(NAME, name, why) for name in results)
    found: dict[str, Outcome] = {}
    for outcome in _violations(trial):
        found.setdefault(outcome.result, outcome)
    first = not_applicable(NAME, "y", "it does not depend on the cotangent")
    return (first, *(found.get(result) or passed(NAME, result) for result in results[1:]))


def _why_not(trial: Trial) -> str:
    if not trial.first.is_whole:
        return "the contract is broken"
    if not trial.case.is_exact:
        return "real values"
    if not trial.subject.exact:
        return "not a direct sum"
    return "" if trial.is_small and trial.turn == 1 else "left to other cases"


def _violations(trial: Trial) -> Iterator[Outcome]:
    yield from _compare(trial, np.zeros_like(trial.arrays.y_bar), 0.0, "a cotangent of zeros")
    scale = 2.0 ** largest_exponent(trial)
    for factor, what in ((-1.0, "the negative cotangent"), (scale, f"{scale:g} times it")):
        y_bar = (trial.arrays.y_bar.astype(np.float64) * factor).astype(trial.format.dtype)
        yield from _compare(trial, y_bar, factor, what)
    yield from _compare_halves(trial)


def largest_exponent(trial: Trial) -> int:
    """The largest power of two by which the cotangent may grow without an overflow."""
    form: Format = trial.format
    sums = trial.absolute_sums
    largest = max(float(sums[name].max(initial=1)) for name in sums if name != "y")
    # A quotient may be taken after the sum.
    terms = max(trial.case.promise.terms(trial.case.geometry).values())
    y_bar = float(np.abs(trial.arrays.y_bar.astype(np.float64)).max(initial=1))
    largest = max(largest, terms * y_bar)
    return max(0, floor(log2(form.largest) - log2(largest)) - 1)


def _compare(trial: Trial, y_bar: Array, factor: float, what: str) -> Iterator[Outcome]:
    run = trial.again(replace(trial.arrays, y_bar=y_bar))
    for result, got in trial.got.items():
        if result == "y":
            continue
        if result not in run.got:
            message = f"{result} is missing for {what}: {run.why_not}"
            yield failed(trial, NAME, result, Kind.NOT_LINEAR, message)
            continue
        bound = None
        if trial.case.promise.divides:
            # A quotient may fall below the normal numbers, and loses bits there that it keeps when
            # it is scaled up: half the tiniest number, scaled, and half of it once more.
            bound = np.full(got.shape, abs(factor) * trial.format.tiniest)
        with np.errstate(all="ignore"):
            expected = got * factor
        where = difference(run.got[result], expected, bound)
        if where is not None:
            yield failed(trial, NAME, result, Kind.NOT_LINEAR, _message(result, where, what), where)


def _compare_halves(trial: Trial) -> Iterator[Outcome]:
    """The cotangent as a sum of two that are nonzero in different places."""
    rng = np.random.default_rng((trial.case.seed, *NAME.encode()))
    mask = rng.integers(0, 2, size=trial.arrays.y_bar.shape).astype(bool)
    zero = np.zeros_like(trial.arrays.y_bar)
    one = trial.again(replace(trial.arrays, y_bar=np.where(mask, trial.arrays.y_bar, zero)))
    two = trial.again(replace(trial.arrays, y_bar=np.where(mask, zero, trial.arrays.y_bar)))
    for result, got in trial.got.items():
        if result == "y" or result not in one.got or result not in two.got:
            continue
        with np.errstate(all="ignore"):
            total = one.got[result] + two.got[result]
        where = difference(total, got, _halves_bound(trial, result))
        if where is not None:
            what = "the sum of two parts of it"
            yield failed(trial, NAME, result, Kind.NOT_LINEAR, _message(result, where, what), where)


def _halves_bound(trial: Trial, result: str) -> Array | None:
    """What rounding explains between the whole and the sum of its parts; ``None`` for nothing."""
    promise, geometry = trial.case.promise, trial.case.geometry
    if promise.divides:
        return 2 * quotient_bound(trial, result)
    if trial.agrees_with_autograd(result) or not trial.is_other_convention():
        return None
    # Who shares a cotangent out among several winners rounds the shares.
    terms = promise.terms(geometry)[result]
    largest = float(np.abs(trial.arrays.y_bar.astype(np.float64)).max(initial=0))
    rounding = 2 * gamma(terms + 4, trial.format.unit_roundoff) * terms * largest
    return np.full(trial.case.shapes[result], rounding)


def _message(result: str, where: Difference, what: str) -> str:
    return (
        f"{element(result, where)} is {number(where.got)} for {what}, and linearity in the "
        f"cotangent asks for {number(where.expected)}"
    )
