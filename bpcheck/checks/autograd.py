"""Exact agreement with autograd: on the lattice a right kernel has torch's numbers bit for bit."""

from __future__ import annotations

from bpcheck.arithmetic import Array, gamma
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "autograd"


def check_autograd(trial: Trial) -> tuple[Outcome, ...]:
    """Every result against torch in float64, on values for which no rounding can occur."""
    results = trial.case.promise.results(trial.case.geometry)
    if not trial.case.is_exact:
        return tuple(not_applicable(NAME, name, "real values") for name in results)
    if not trial.subject.exact:
        return tuple(not_applicable(NAME, name, "not a direct sum") for name in results)
    return tuple(_compare(trial, name) for name in results)


def _compare(trial: Trial, result: str) -> Outcome:
    got = trial.got.get(result)
    if got is None:
        return not_applicable(NAME, result, "the contract is broken")
    if trial.agrees_with_autograd(result):
        return passed(NAME, result)
    expected = trial.autograd[result]
    where = difference(got, expected)
    if where is not None and trial.case.promise.divides:
        # A right kernel may multiply by a rounded reciprocal.
        where = difference(got, expected, quotient_bound(trial, result))
    if where is None:
        return passed(NAME, result)
    if result != "y" and trial.is_other_convention():
        message = (
            f"{element(result, where)} = {number(where.got)}, autograd has "
            f"{number(where.expected)}: another subgradient at a tie, valid, and not torch's"
        )
        return failed(trial, NAME, result, Kind.CONVENTION, message, where)
    return failed(trial, NAME, result, Kind.VALUE, _message(result, where), where)


def quotient_bound(trial: Trial, result: str) -> Array:
    """Error of a sum of quotients, each rounded twice: ``gamma_(n + 2) sum |a_i / d_i|``."""
    terms = trial.case.promise.terms(trial.case.geometry)[result] + 2
    oracle = gamma(terms, 2.0**-53)
    bound: Array = (gamma(terms, trial.format.unit_roundoff) + oracle) * trial.absolute_sums[result]
    return bound + terms * trial.format.tiniest


def _message(result: str, where: Difference) -> str:
    return (
        f"{element(result, where)} is {number(where.got)}, autograd has {number(where.expected)} "
        f"({where.wrong} of {where.total} elements wrong)"
    )
