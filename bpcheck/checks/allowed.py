"""What a right subject may return besides torch's numbers: rounding, and other conventions."""

from __future__ import annotations

from math import prod

import numpy as np

from bpcheck.arithmetic import Array, gamma
from bpcheck.cases import Case
from bpcheck.cases.layouts import OUTPUT
from bpcheck.checks import bounds
from bpcheck.checks.compare import difference
from bpcheck.checks.trial import Trial
from bpcheck.filling import Arrays
from bpcheck.oracles.autograd import autograd
from bpcheck.subject import Subject

#: Bounds on the error of every result, by its name.
Bounds = dict[str, Array]


def agrees_with_autograd(trial: Trial, result: str) -> bool:
    """Whether the first run has torch's numbers, all of them."""
    agreeing = trial.once(_agreeing)
    if result not in agreeing:
        agreeing[result] = np.array_equal(trial.got[result], trial.autograd[result])
    return agreeing[result]


def is_right(trial: Trial, result: str) -> bool:
    """Whether the first run has torch's numbers, but for rounding in the operands' dtype."""
    if agrees_with_autograd(trial, result):
        return True
    if trial.case.is_exact and trial.subject.claims.exact:
        bound = quotient_bound(trial, result) if trial.case.operation.divides else None
    else:
        narrow = narrow_bounds(trial)
        if narrow is None:
            return False
        bound = narrow[result]
    return difference(trial.got[result], trial.autograd[result], bound) is None


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
    if result != "y" and case.layouts.get("y_bar") == OUTPUT:
        # The cotangent is what the forward returned: another one in each run, and so is all else.
        return np.full(case.shapes[result], np.inf)
    if numbers is None:
        return trial.once(_between_own)[result]
    return _between(subject, case, arrays)[result]


def between_right(trial: Trial, arrays: Arrays) -> Bounds:
    """What may lie between the results of two right kernels, whatever their sums are rounded to."""
    if arrays is trial.arrays:
        return trial.once(_between_own)
    return _between(trial.subject, trial.case, arrays)


def _between_own(trial: Trial) -> Bounds:
    return _between(trial.subject, trial.case, trial.arrays)


def _between(subject: Subject, case: Case, arrays: Arrays) -> Bounds:
    # Sums that are too narrow are told as that, and not as chance or state.
    narrow = subject.claiming(accumulates=case.dtype)
    found = bounds.error_bounds(narrow, case, arrays, autograd(case, arrays))
    if found is None:
        # Rounding that crosses a kink moves a whole cotangent.
        return {result: np.full(shape, np.inf) for result, shape in case.shapes.items()}
    return {result: 2 * each for result, each in found[0].items()}


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


def narrow_bounds(trial: Trial) -> Bounds | None:
    """What sums in the operands' own dtype explain; ``None`` near a kink."""
    return trial.once(_narrow_bounds)


def _narrow_bounds(trial: Trial) -> Bounds | None:
    return _bounds_if_summed_in(trial, trial.case.dtype)


def wide_bounds(trial: Trial) -> Bounds | None:
    """What sums in float32 at least explain; ``None`` near a kink."""
    return trial.once(_wide_bounds)


def _wide_bounds(trial: Trial) -> Bounds | None:
    return _bounds_if_summed_in(trial, "float32")


def _bounds_if_summed_in(trial: Trial, dtype: str) -> Bounds | None:
    subject, case = trial.subject.claiming(accumulates=dtype), trial.case
    if all(
        bounds.accumulator(subject, case, each) == bounds.accumulator(trial.subject, case, each)
        for each in case.results
    ):
        # Nothing narrower, or wider, than what the subject is held to anyway.
        found = error_bounds(trial)
    else:
        found = bounds.error_bounds(subject, case, trial.arrays, trial.autograd)
    if found is None:
        return None
    # In a narrow type the sure bound of a long sum is infinite, and would explain anything.
    return {name: np.minimum(surely, found[1][name]) for name, surely in found[0].items()}


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


def is_nan_convention(trial: Trial) -> bool:
    """Whether all results are right, by another convention than torch's on windows with NaN."""
    return trial.once(_is_nan_convention)


def _is_nan_convention(trial: Trial) -> bool:
    claims = trial.subject.claims
    if trial.case.values != "special" or claims.nan or claims.torch_ties:
        return False
    # Where the vjp raised, what the forward makes of NaN is a convention all the same.
    is_whole = trial.first.is_whole or set(trial.got) == {"y"}
    if not (is_whole and is_defined_throughout(trial)):
        return False
    return trial.case.operation.is_nan_convention(
        trial.case.geometry,
        {name: np.asarray(array, np.float64) for name, array in trial.arrays.operands.items()},
        np.asarray(trial.arrays.y_bar, np.float64),
        trial.got,
        trial.format,
    )


def _is_forward_right(trial: Trial, y: Array) -> bool:
    expected = trial.autograd["y"]
    if trial.case.lattice is not None:
        # What it compares is exact, whatever the values are.
        return np.array_equal(y, expected, equal_nan=True)
    return error_bounds(trial) is not None and (
        difference(y, expected, proven_bounds(trial)["y"]) is None
    )
