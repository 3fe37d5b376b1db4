"""Torch's second derivatives of a trial: exact on the lattice, with bounds where it is smooth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, gamma
from bpcheck.cases import Case
from bpcheck.cases.repeats import REPEATING
from bpcheck.checks import bounds
from bpcheck.checks.compare import Difference
from bpcheck.checks.trial import Trial
from bpcheck.oracles.second_order import Pair, torch_second_order
from bpcheck.oracles.second_rounding import Seconds, seconds

#: Roundings of terms that cancel in a second derivative, each as large as the largest first one.
_CANCELLED = 8


def why_no_seconds(trial: Trial) -> str:
    """Why a case says nothing of second derivatives, or of tangents; ``""`` if it does."""
    operation = trial.case.operation
    if trial.case.lattice is not None:
        return "" if all(trial.arrays.steps.values()) else "at a kink"
    if not operation.is_smooth(trial.case.geometry) and _may_tie(trial.case):
        return "at a kink"
    if trial.case.dtype == "float16":
        # A square of a large derivative is beyond it, whatever the result is.
        return "float16 ends too soon"
    if seconds_of(trial) is None:
        return "what rounding does to torch's own second derivatives is not known"
    return ""


def _may_tie(case: Case) -> bool:
    """Whether numbers may be equal, or exactly at a kink, where several slopes are right."""
    is_narrow = FORMATS[case.dtype].bits < FORMATS["float32"].bits
    shared = any(layout in REPEATING for layout in case.layouts.values())
    return is_narrow or shared or case.values != "real"


def directions(trial: Trial) -> dict[str, Array]:
    """For each operand an array of signs, times what its values are multiples of."""
    # Another stream than that of the values.
    rng = np.random.default_rng((trial.case.seed, 2))
    return {
        name: (rng.integers(2, size=array.shape) * 2 - 1) * float(trial.arrays.units.get(name, 1))
        for name, array in trial.arrays.operands.items()
    }


def seconds_of(trial: Trial) -> Seconds | None:
    """Torch's own, along `directions`; ``None`` where it has none."""
    return trial.once(_seconds)


def _seconds(trial: Trial) -> Seconds | None:
    case, along = trial.case, directions(trial)
    if case.lattice is not None:
        values = torch_second_order(case, trial.arrays, along)
        slack = {
            pair: np.full(each.shape, _of_quotients(trial, pair[0]))
            for pair, each in values.items()
            if each is not None
        }
        return Seconds(values, slack, max(_of_quotients(trial, name) for name in along))
    try:
        found = seconds(case, trial.arrays, along, _summed(trial))
    except Exception:  # noqa: BLE001 - whatever torch says of what it cannot take apart
        return None
    bounds = {
        pair: bound + _of_formulas(trial, found, pair) for pair, bound in found.bounds.items()
    }
    return replace(found, bounds=bounds)


def _of_formulas(trial: Trial, found: Seconds, pair: Pair) -> float:
    """What another formula than torch's may leave of terms that cancel.

    Of a tanh y that is ``y_bar (1 + y) (1 - y)`` differentiated, ``y'' = y' ((1 - y) - (1 + y))``:
    near 0 it rounds as the first derivative does, and torch's ``-2 y y'`` as the second one.
    """
    name, other = pair
    right = found.values[pair]
    if other == "y_bar" or right is None:
        return 0.0
    first = np.abs(trial.autograd[f"{name}_bar"]).max(initial=0)
    unit = FORMATS[trial.case.dtype].unit_roundoff
    return _CANCELLED * unit * float(first + np.abs(right).max(initial=0))


def explained(where: Difference) -> str:
    """How much of a difference rounding explains, for a message; nothing where none does."""
    return f", of which rounding explains {where.bound:.1e}" if where.bound else ""


def is_nearer_to_slope(where: Difference, value: Callable[[float], Array]) -> bool:
    """Whether the subject's number is nearer than torch's to what torch's values change by.

    `value` is of float64, for a step along which the sum of its elements is differentiated: what
    does not change with it cancels element by element, and leaves no rounding.
    """
    # The step that balances truncation and rounding: the cube root of the roundoff.
    step = 2.0**-17

    def slope(wide: float) -> float:
        return float((value(wide) - value(-wide)).sum()) / (2 * wide)

    near = slope(step)
    # What a longer step changes is the error of both, of either kind.
    error = abs(slope(2 * step) - near)
    return abs(where.got - near) + error < abs(where.expected - near)


def _summed(trial: Trial) -> float:
    """Unit roundoff of the narrowest sums that any result may have."""
    return max(bounds.accumulator(trial.subject, trial.case, each) for each in trial.case.results)


def _of_quotients(trial: Trial, name: str) -> float:
    """What rounding may do where terms are divided: `gamma_(n + 2)` of sums of like terms."""
    if not trial.case.operation.divides:
        return 0.0
    # The derivative by y_bar sums as many terms as y does, each at most as large as the direction.
    terms = max(trial.case.terms.values()) + 2
    largest = float(trial.arrays.units.get(name, 1))
    return 2 * gamma(terms, FORMATS[trial.case.dtype].unit_roundoff) * terms * largest
