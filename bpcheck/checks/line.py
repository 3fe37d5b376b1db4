"""Smooth operations along a random line: central differences, and the Taylor test.

Both judge a gradient from the subject's own forward on real values, with bounds that follow from
the operation and the dtype.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import error_bounds, proven_bounds
from bpcheck.checks.compare import difference
from bpcheck.checks.further import no_forward
from bpcheck.checks.outcomes import failed, not_applicable, passed
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome
from bpcheck.oracles.line import (
    Phi,
    central_slope,
    direction_like,
    rates_show_an_error,
    taylor_rates,
)

TAYLOR = "taylor"

_SHARP = "the function bends more sharply than the steps are long"


def why_no_line(trial: Trial) -> str:
    """Why a case cannot be judged along a line, or ``""``."""
    promise, geometry = trial.case.operation, trial.case.geometry
    if promise.lattice(geometry) is not None:
        return "exact differences serve"
    if not promise.is_smooth(geometry):
        return "not smooth"
    if error_bounds(trial) is None:
        return "a kink lies within rounding error"
    if not np.isfinite(trial.autograd["y"]).all():
        return "the reference has no number in some element of y"
    return "" if "y" in trial.got else "the contract is broken"


def compare_central(trial: Trial, check: str, operand: str) -> Outcome:
    """``<x_bar, v>`` against central differences of the forward along `v`."""
    result = f"{operand}_bar"
    line = _line(trial, operand)
    if line is None:
        return not_applicable(check, result, "the contract is broken")
    phi, slope = line
    found = central_slope(phi, trial.format, rounding_of_phi(trial))
    if np.isnan(found.value) and trial.fallen is not None:
        return no_forward(trial, check, result, f"where {operand} is moved along a line")
    if abs(found.value - slope) <= found.bound + _own_rounding(trial, result):
        return _acquitted(trial, check, result)
    if _is_too_sharp(trial, operand, abs(found.value - slope)):
        return not_applicable(check, result, _SHARP)
    message = (
        f"<{result}, v> is {slope!r} along a random direction v of {operand}, and central "
        f"differences of the forward give {found.value!r}, sure to {found.bound:.2g}"
    )
    return failed(trial, check, result, Kind.VALUE, message)


def check_taylor(trial: Trial) -> tuple[Outcome, ...]:
    """The remainder ``|f(x + h v) - f(x) - h <x_bar, v>|`` falls as ``h**2``: no tolerance."""
    why = why_no_line(trial)
    first = not_applicable(TAYLOR, "y", "it is made of values of y")
    if why:
        rest = [not_applicable(TAYLOR, f"{name}_bar", why) for name in trial.arrays.operands]
        return (first, *rest)
    return (first, *(_compare_rates(trial, operand) for operand in trial.arrays.operands))


def _compare_rates(trial: Trial, operand: str) -> Outcome:
    result = f"{operand}_bar"
    line = _line(trial, operand)
    if line is None:
        return not_applicable(TAYLOR, result, "the contract is broken")
    phi, slope = line
    rates = taylor_rates(phi, slope, rounding_of_phi(trial) + _own_rounding(trial, result))
    if trial.fallen is not None:
        return no_forward(trial, TAYLOR, result, f"where {operand} is moved along a line")
    if not rates:
        return not_applicable(TAYLOR, result, "the remainder never rises above rounding")
    if not rates_show_an_error(rates):
        return _acquitted(trial, TAYLOR, result)
    if _falls_slowly_anyway(trial, operand, len(rates)):
        return not_applicable(TAYLOR, result, _SHARP)
    spelt = ", ".join(f"{rate:.2f}" for rate in rates)
    message = (
        f"the Taylor remainder of f along {operand} falls as h ** {rates[-1]:.2f}, and h ** 2 is "
        f"what a right {result} gives (rates while h shrinks: {spelt})"
    )
    return failed(trial, TAYLOR, result, Kind.VALUE, message)


def _is_too_sharp(trial: Trial, operand: str, off: float) -> bool:
    """Whether the reference itself, in float64, is off by as much along that line."""
    phi, slope = _reference_line(trial, operand)
    found = central_slope(phi, trial.format, 0.0)
    return bool(2 * abs(found.value - slope) >= off) or np.isnan(found.value)


def _falls_slowly_anyway(trial: Trial, operand: str, steps: int) -> bool:
    """Whether the reference's own remainder falls as slowly over those steps."""
    phi, slope = _reference_line(trial, operand)
    return rates_show_an_error(taylor_rates(phi, slope, 0.0)[:steps])


def _reference_line(trial: Trial, operand: str) -> tuple[Phi, float]:
    """The same line for torch in float64: where it bends within a step, no difference tells."""
    import torch

    case, arrays = trial.case, trial.arrays
    direction = _direction(trial, operand)
    weights = arrays.y_bar.astype(np.float64)
    wide = {name: array.astype(np.float64) for name, array in arrays.operands.items()}

    def phi(t: float) -> float:
        moved = {**wide, operand: wide[operand] + t * direction}
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in moved.items()}
        with torch.no_grad():
            y = case.operation.torch_forward(tensors, case.params).numpy()
        return float(np.vdot(weights, y))

    return phi, float(np.vdot(trial.autograd[f"{operand}_bar"], direction))


def _acquitted(trial: Trial, check: str, result: str) -> Outcome:
    """Passed, unless the far sharper rounding bound says otherwise: that is not to be outvoted."""
    proven = proven_bounds(trial)[result]
    if difference(trial.got[result], trial.autograd[result], proven) is not None:
        return not_applicable(check, result, "the step is too coarse for an error this small")
    return passed(check, result)


def _line(trial: Trial, operand: str) -> tuple[Phi, float] | None:
    """``phi`` along a random direction of `operand`, and the slope that the vjp claims."""
    got = trial.got.get(f"{operand}_bar")
    if got is None:
        return None
    primal, direction = trial.arrays.operands[operand], _direction(trial, operand)

    def phi(t: float) -> float:
        if t == 0.0:
            return trial.once(_start)
        moved = (primal.astype(np.float64) + t * direction).astype(primal.dtype)
        return _along_y_bar(trial, {**trial.arrays.operands, operand: moved})

    return phi, float(np.vdot(got, direction))


def _direction(trial: Trial, operand: str) -> Array:
    """The direction, rounded to the dtype: a slope belongs to the one that is really taken."""
    rng = np.random.default_rng((trial.case.seed, *operand.encode()))
    primal = trial.arrays.operands[operand]
    return direction_like(primal, rng).astype(primal.dtype).astype(np.float64)


def _start(trial: Trial) -> float:
    """``phi(0)``: all lines of a case begin there."""
    return _along_y_bar(trial, trial.arrays.operands)


def _along_y_bar(trial: Trial, operands: Mapping[str, Array]) -> float:
    y = trial.evaluate(operands)
    return float("nan") if y is None else float(np.vdot(trial.arrays.y_bar.astype(np.float64), y))


def rounding_of_phi(trial: Trial) -> float:
    """Bound on the rounding error of ``phi``: of ``y``, and of moving the operand in its dtype."""
    y_bar = np.abs(trial.arrays.y_bar.astype(np.float64))
    # A bound may be infinite where the cotangent is 0: nothing comes of that.
    y_error = float(np.sum(proven_bounds(trial)["y"] * y_bar, where=y_bar > 0))
    moved = max(
        float(np.vdot(np.abs(trial.autograd[f"{name}_bar"]), _sizes(array)))
        for name, array in trial.arrays.operands.items()
    )
    return y_error + 2 * trial.format.unit_roundoff * moved


def _sizes(array: Array) -> Array:
    """What moving each number is rounded in proportion to: an infinity stays where it is."""
    wide = np.abs(array.astype(np.float64))
    return np.where(np.isinf(wide), 0.0, wide)


def _own_rounding(trial: Trial, result: str) -> float:
    """Rounding that a right gradient may carry along a direction of length 1."""
    return float(np.linalg.norm(proven_bounds(trial)[result]))
