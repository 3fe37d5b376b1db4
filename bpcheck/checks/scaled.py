"""A vjp is homogeneous in the cotangent: zero, negative and large ones tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import floor, log2, prod

import numpy as np

from bpcheck.arithmetic import Array, Format
from bpcheck.checks.allowed import absolute_sums, is_other_convention, slack_between_runs
from bpcheck.checks.compare import difference
from bpcheck.checks.further import broken_off
from bpcheck.checks.outcomes import failed, first_of_each, unjudged
from bpcheck.checks.run import Run
from bpcheck.checks.split import nonlinear, of_gradients, why_not_linear
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "scaled cotangent"


def check_scaled(trial: Trial) -> tuple[Outcome, ...]:
    """Every gradient for multiples of the cotangent, without any oracle.

    Scaling by a power of two changes no significand bit, so it holds exactly on the lattice.
    """
    why = why_not_linear(trial)
    if why:
        return unjudged(trial, NAME, why)
    found: list[Outcome] = []
    refused = []
    for y_bar, factor, what in _multiples(trial):
        run = trial.again(replace(trial.arrays, y_bar=y_bar))
        broken = broken_off(trial, NAME, run, f"for {what}")
        found += [each for each in broken if each.finding] or _compare(trial, run, factor, what)
        refused.append(bool(broken) and not any(each.finding for each in broken))
    if all(refused):
        return unjudged(trial, NAME, "the subject refuses other cotangents")
    return of_gradients(first_of_each(trial, NAME, found))


def _multiples(trial: Trial) -> Iterator[tuple[Array, float, str]]:
    """Other cotangents, each a multiple of that of the case, and in words."""
    # Each shows what the others hide: what is added to the cotangent, a lost sign, and what is
    # clamped.
    yield np.zeros_like(trial.arrays.y_bar), 0.0, "a cotangent of zeros"
    scale = 2.0 ** largest_exponent(trial)
    for factor, what in ((-1.0, "the negative cotangent"), (scale, f"{scale:g} times it")):
        y_bar = (trial.arrays.y_bar.astype(np.float64) * factor).astype(trial.format.dtype)
        yield y_bar, factor, what


def largest_exponent(trial: Trial) -> int:
    """The largest power of two by which the cotangent may grow without an overflow."""
    form: Format = trial.format
    arrays = {**trial.arrays.operands, "y_bar": trial.arrays.y_bar}
    sizes = {
        name: float(np.abs(array.astype(np.float64)).max(initial=1))
        for name, array in arrays.items()
    }
    if trial.case.lattice is None:
        sums = absolute_sums(trial)
        largest = max(float(sums[name].max(initial=1)) for name in sums if name != "y")
    else:
        # No sum of a lattice is larger, and to know that costs no run of the operation.
        largest = max(
            each.terms * prod(sizes[name] for name in each.factors)
            for each in trial.case.lattice.products
            if each.result != "y"
        )
    # A quotient may be taken after the sum.
    largest = max(1.0, largest, max(trial.case.terms.values()) * sizes["y_bar"])
    return max(0, floor(log2(form.largest) - log2(largest)) - 1)


def _compare(trial: Trial, run: Run, factor: float, what: str) -> Iterator[Outcome]:
    for result, got in trial.got.items():
        if result == "y" or result not in run.got:
            continue
        given, usual = (each.raw[result].dtype for each in (run, trial.first))
        if given != usual:
            message = f"{result} is {given.name} for {what}, and {usual.name} otherwise"
            yield failed(trial, NAME, result, Kind.DTYPE, message)
            continue
        with np.errstate(all="ignore"):
            expected = got * factor
        if np.array_equal(run.got[result], expected):
            continue
        bound = None
        if trial.case.operation.divides or is_other_convention(trial):
            # A quotient may fall below the normal numbers, and loses bits there that it keeps when
            # it is scaled up: half the tiniest number, scaled, and half of it once more.
            terms = trial.case.terms[result]
            bound = np.full(got.shape, abs(factor) * terms * trial.format.tiniest)
        between = slack_between_runs(trial, result)
        # Nothing is left of a cotangent of zeros, in any order.
        if between is not None and factor:
            with np.errstate(over="ignore"):
                bound = abs(factor) * between + (0.0 if bound is None else bound)
        where = difference(run.got[result], expected, bound)
        if where is not None:
            yield nonlinear(trial, NAME, result, where, what)
