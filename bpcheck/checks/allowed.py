"""What a right subject may return besides torch's numbers: rounding, and other conventions."""

from __future__ import annotations

from math import prod

import numpy as np

from bpcheck.arithmetic import Array, gamma
from bpcheck.cases import Case
from bpcheck.checks import bounds
from bpcheck.checks.compare import difference, same_bits
from bpcheck.checks.trial import Trial
from bpcheck.filling import Arrays
from bpcheck.oracles.autograd import autograd

#: Bounds on the error of every result, by its name.
Bounds = dict[str, Array]


def agrees_with_autograd(trial: Trial, result: str) -> bool:
    """Whether the first run has torch's numbers, all of them."""
    agreeing = trial.once(_agreeing)
    if result not in agreeing:
        agreeing[result] = np.array_equal(trial.got[result], trial.autograd[result])
    return agreeing[result]


def _agreeing(trial: Trial) -> dict[str, bool]:
    return {}


def slack_of_wrong(trial: Trial, result: str, got: Array | None = None) -> Array | None:
    """What rounding may do to a sum of products that is wrong; ``None`` for one that is right.

    A wrong sum may be longer, or of larger products, than the lattice keeps exact. By default
    it is that of the first run.
    """
    right = (
        agrees_with_autograd(trial, result)
        if got is None
        else np.array_equal(got, trial.autograd[result])
    )
    if right or trial.case.operation.orders_special:
        return None
    arrays = [*trial.arrays.operands.values(), trial.arrays.y_bar]
    # A wrong sum hardly has more terms than there are numbers.
    terms = sum(array.size for array in arrays)
    largest = prod(float(np.abs(array.astype(np.float64)).max(initial=1)) for array in arrays)
    bound = gamma(terms, trial.format.unit_roundoff) * terms * largest
    return np.full(trial.case.shapes[result], bound)


def slack_between_runs(
    trial: Trial, result: str, numbers: tuple[Case, Arrays] | None = None
) -> Array | None:
    """What may lie between two runs on the same numbers, by default the trial's; ``None``: nothing.

    Without the claim of determinism that is another order of summation: nothing where no sum is
    rounded, and what lies between two right kernels elsewhere.
    """
    subject = trial.subject
    if subject.claims.deterministic:
        return None
    case, arrays = (trial.case, trial.arrays) if numbers is None else numbers
    if case.is_exact and subject.claims.exact:
        if case.operation.divides:
            return 2 * bounds.quotient_bound(
                case, result, bounds.absolute_sums(case, arrays)[result]
            )
        return slack_of_wrong(trial, result) if numbers is None else None
    found = bounds.error_bounds(subject, case, arrays, autograd(case, arrays))
    # Rounding that crosses a kink moves a whole cotangent.
    return np.full(case.shapes[result], np.inf) if found is None else 2 * found[0][result]


def is_same_again(trial: Trial, result: str, again: Array) -> bool:
    """Whether a result of another run on the same arrays is what it may be."""
    first = trial.got[result]
    if trial.subject.claims.deterministic:
        return same_bits(first, again)
    return difference(again, first, slack_between_runs(trial, result)) is None


def is_defined_throughout(trial: Trial) -> bool:
    """Whether every number of every result is defined, by the operation or by IEEE sums."""
    if trial.case.values != "special":
        return True
    finite = bool(np.isfinite(trial.arrays.y_bar.astype(np.float64)).all())
    return finite and trial.case.operation.orders_special


def absolute_sums(trial: Trial) -> Bounds:
    """``sum |a_i b_i|`` of every element of every result, in float64."""
    return trial.once(_absolute_sums)


def _absolute_sums(trial: Trial) -> Bounds:
    return bounds.absolute_sums(trial.case, trial.arrays)


def quotient_bound(trial: Trial, result: str) -> Array:
    """What rounding explains where every term was divided."""
    return bounds.quotient_bound(trial.case, result, absolute_sums(trial)[result])


def error_bounds(trial: Trial) -> tuple[Bounds, Bounds] | None:
    """What rounding explains of every result: surely (``gamma_n``), and almost surely.

    ``None`` where a kink lies within rounding error.
    """
    return trial.once(_error_bounds)


def _error_bounds(trial: Trial) -> tuple[Bounds, Bounds] | None:
    return bounds.error_bounds(trial.subject, trial.case, trial.arrays, trial.autograd)


def proven_bounds(trial: Trial) -> Bounds:
    """What rounding surely explains of every result, for who knows that no kink lies near."""
    found = error_bounds(trial)
    assert found is not None, "a kink lies within rounding error"  # noqa: S101 - callers have looked
    return found[0]


def bounds_without_claim(trial: Trial) -> tuple[Bounds, Bounds] | None:
    """The error bounds if the subject claimed no wider accumulator; ``None`` if it does not."""
    if trial.subject.claims.accumulates is None:
        return None
    subject = trial.subject.claiming(accumulates=None)
    return bounds.error_bounds(subject, trial.case, trial.arrays, trial.autograd)


def is_other_convention(trial: Trial) -> bool:
    """Whether the forward is torch's and the gradients are another valid subgradient."""
    y = trial.got.get("y")
    # Who claims torch's ties is held to them.
    if trial.subject.claims.torch_ties or y is None or not _is_forward_right(trial, y):
        return False
    return trial.case.operation.is_valid_subgradient(
        trial.case.geometry,
        {name: np.asarray(array, np.float64) for name, array in trial.arrays.operands.items()},
        np.asarray(trial.arrays.y_bar, np.float64),
        trial.got,
        trial.format,
    )


def _is_forward_right(trial: Trial, y: Array) -> bool:
    expected = trial.autograd["y"]
    if trial.case.operation.lattice(trial.case.geometry) is not None:
        # What it compares is exact, whatever the values are.
        return np.array_equal(y, expected, equal_nan=True)
    return error_bounds(trial) is not None and (
        difference(y, expected, proven_bounds(trial)["y"]) is None
    )
