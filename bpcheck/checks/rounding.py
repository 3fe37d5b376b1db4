"""The derived rounding bound on real data: no tolerance that a person chose."""

from __future__ import annotations

from bpcheck.checks.allowed import bounds_without_claim, error_bounds, is_other_convention
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, not_applicable, passed
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "rounding"


def check_rounding(trial: Trial) -> tuple[Outcome, ...]:
    """Every result against torch in float64, within what rounding can do to a right kernel.

    An error above ``gamma_n sum |a_i b_i|`` proves the kernel wrong; one above
    ``6 sqrt(n) u sum |a_i b_i|`` shows that it lost precision.
    """
    results = trial.case.operation.results(trial.case.geometry)
    if trial.case.is_exact:
        return tuple(not_applicable(NAME, name, "exact values") for name in results)
    return tuple(_compare(trial, name) for name in results)


def _compare(trial: Trial, result: str) -> Outcome:
    got = trial.got.get(result)
    if got is None:
        return not_applicable(NAME, result, "the contract is broken")
    found = error_bounds(trial)
    if found is None:
        return not_applicable(NAME, result, "a kink lies within rounding error")
    expected = trial.autograd[result]
    proven, probable = (bounds[result] for bounds in found)
    where = difference(got, expected, proven)
    if where is not None:
        # Of two winners that tie, the other one is off by whole cotangents, and not by rounding.
        if result != "y" and is_other_convention(trial):
            message = (
                f"{element(result, where)}: another subgradient at a tie or a kink, valid, and not "
                "torch's"
            )
            return failed(trial, NAME, result, Kind.CONVENTION, message, where)
        off = (
            f"{element(result, where)} is {where.got!r}, autograd has {where.expected!r}: off by "
            f"{where.error:.3g}"
        )
        many = f"({where.wrong} of {where.total} elements)"
        # A kernel that claims too much is right by what everybody is held to.
        plain = bounds_without_claim(trial)
        if plain is not None and difference(got, expected, plain[0][result]) is None:
            message = (
                f"{off}, and sums in {trial.subject.claims.accumulates}, as claimed, explain "
                f"{where.bound:.3g} at most; sums in {trial.format.name} do explain it {many}"
            )
            return failed(trial, NAME, result, Kind.LOST_PRECISION, message, where)
        message = (
            f"{off}, and rounding in {trial.format.name} explains {where.bound:.3g} at most {many}"
        )
        return failed(trial, NAME, result, Kind.VALUE, message, where)
    where = difference(got, expected, probable)
    if where is not None:
        message = (
            f"{element(result, where)} is {where.got!r}, autograd has {where.expected!r}: off by "
            f"{where.error:.3g}, and {trial.format.name} sums of that length stay under "
            f"{where.bound:.3g} unless an input or a partial sum was rounded more coarsely"
        )
        return failed(trial, NAME, result, Kind.LOST_PRECISION, message, where)
    return passed(NAME, result)
