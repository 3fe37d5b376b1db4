"""Agreement with finite differences of the subject's own forward: no torch oracle is involved."""

from __future__ import annotations

from math import ceil, log10

import numpy as np

from bpcheck.arithmetic import Array, as_float, distance, exact_dot, gamma, is_integral
from bpcheck.cases.case import JACOBIAN
from bpcheck.checks.allowed import absolute_sums, agrees_with_autograd, quotient_bound
from bpcheck.checks.compare import difference
from bpcheck.checks.elsewhere import forward_elsewhere
from bpcheck.checks.further import no_forward
from bpcheck.checks.gradients import gradient_by_differences
from bpcheck.checks.line import compare_central, why_no_line
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import turn_of
from bpcheck.finding import Kind, Outcome
from bpcheck.oracles.differences import Projection, credit, project, step_values

NAME = "finite differences"

_TOO_COARSE = "rounding hides the difference from autograd's"

#: A forward that is no maximum of the window alone has kinks that no step is chosen for.
_BENDS = "the forward is not that of the operation, and bends where the operands stand"

#: Up to so many forward multiplications the whole gradient is rebuilt, element by element, in every
#: case; up to so many it is rebuilt by turns. Otherwise one random direction for each operand is
#: probed, which tells as surely whether it is right, but not where it is wrong.
WHOLE_ALWAYS, WHOLE_BY_TURNS = 2_000, 20_000


def check_differences(trial: Trial) -> tuple[Outcome, ...]:
    """Every gradient against differences of the forward; ``y`` is what they are made from.

    Exact ones where the operation has a lattice; central ones, with a derived step and bound, where
    it is smooth.
    """
    first = not_applicable(NAME, "y", "they are differences of y")
    names = tuple(trial.arrays.operands)
    why = _why_not_exact(trial)
    if not why:
        settled = _agree_together(trial)
        found = [
            passed(NAME, f"{name}_bar") if name in settled else _compare(trial, name)
            for name in names
        ]
        if any(each.finding for each in found) and _is_spoilt(trial):
            why = "y is another one in this layout"
            found = [not_applicable(NAME, each.result, why) for each in found]
        return (first, *found)
    if trial.case.lattice is None:
        why = why_no_line(trial)
        if not why:
            return (first, *(compare_central(trial, NAME, name) for name in names))
    return (first, *(not_applicable(NAME, f"{name}_bar", why) for name in names))


def _why_not_exact(trial: Trial) -> str:
    if trial.case.values == JACOBIAN:
        return "every column has a row of its own"
    if not trial.arrays.is_exact:
        return "the values tolerate no integer step"
    if not trial.subject.claims.exact:
        return "not a direct sum"
    if "y" not in trial.got:
        return "the contract is broken"
    if trial.case.operation.has_own_gradient(trial.case.geometry):
        return "by agreement the gradient is not that of the forward"
    return ""


def _is_spoilt(trial: Trial) -> bool:
    """Whether ``y``, of which differences are taken, is wrong by the layouts of the case."""
    plain = trial.plain.got.get("y")
    if plain is None or not trial.case.layouts:
        return False
    bound = 2 * quotient_bound(trial, "y") if trial.case.operation.divides else None
    return difference(trial.got["y"], plain, bound) is not None


def _agree_together(trial: Trial) -> tuple[str, ...]:
    """Operands that one step along all of them at once has shown to be right; mostly none.

    Where it contradicts, each operand is asked alone.
    """
    promise = trial.case.operation
    names = tuple(
        name
        for name in promise.linear_together
        if trial.arrays.steps.get(name)
        and f"{name}_bar" in trial.got
        and agrees_with_autograd(trial, f"{name}_bar")
    )
    # One alone gains nothing, quotients round, and a whole gradient says which element is wrong.
    if len(names) < 2 or promise.divides or affords_whole_gradient(trial, names[0]):
        return ()
    found = _projection(trial, names)
    return names if found is not None and found.from_forward == found.from_vjp else ()


def _compare(trial: Trial, operand: str) -> Outcome:
    result = f"{operand}_bar"
    if result not in trial.got:
        return not_applicable(NAME, result, "the contract is broken")
    if not trial.arrays.steps.get(operand):
        return not_applicable(NAME, result, "the values tolerate no integer step")
    if affords_whole_gradient(trial, operand) and _is_promised(trial, result):
        return _compare_elements(trial, result)
    return _compare_projection(trial, operand)


def _is_promised(trial: Trial, result: str) -> bool:
    """Whether the forward is that of the operation.

    Only then the operation's colouring tells which output reads which element; a forward that is
    something else is still linear, and its vjp may fit it: that a projection shows.
    """
    if not agrees_with_autograd(trial, "y"):
        bound = quotient_bound(trial, "y") if trial.case.operation.divides else None
        if difference(trial.got["y"], trial.autograd["y"], bound) is not None:
            return False
    return agrees_with_autograd(trial, result) or forward_elsewhere(trial) is None


def affords_whole_gradient(trial: Trial, operand: str) -> bool:
    """Whether rebuilding the whole gradient costs little enough, in this case."""
    promise, geometry = trial.case.operation, trial.case.geometry
    probes = promise.probe_count(geometry, operand)
    work = promise.terms(geometry)["y"] * int(np.prod(trial.case.shapes["y"]))
    cost = probes * work
    return cost <= WHOLE_ALWAYS or (cost <= WHOLE_BY_TURNS and turn_of(trial.case) == 0)


def _compare_elements(trial: Trial, result: str) -> Outcome:
    expected = gradient_by_differences(trial, result.removesuffix("_bar"))
    if expected is None:
        return _no_forward(trial, result)
    got = trial.got[result]
    where = difference(got, expected)
    if where is None:
        return passed(NAME, result)
    where = difference(got, expected, _element_bound(trial, result))
    if where is None:
        return _within_rounding(trial, result)
    message = (
        f"{element(result, where)} is {number(where.got)}, differences of the forward give "
        f"{number(where.expected)} ({where.wrong} of {where.total} elements wrong)"
    )
    return failed(trial, NAME, result, Kind.VALUE, message, where)


def _compare_projection(trial: Trial, operand: str) -> Outcome:
    result = f"{operand}_bar"
    exactly = True
    for probe in range(_probes(trial, operand)):
        found = _projection(trial, (operand,), probe)
        if found is None:
            return _no_forward(trial, result)
        if not _holds(trial, operand, found):
            if _bends(trial, operand, found):
                return not_applicable(NAME, result, _BENDS)
            from_vjp, from_forward = (
                number(as_float(value)) for value in (found.from_vjp, found.from_forward)
            )
            message = (
                f"<{result}, u> is {from_vjp} along a random direction u of {operand}, and "
                f"<y_bar, f({operand} + u) - f({operand})> is {from_forward}"
            )
            return failed(trial, NAME, result, Kind.VALUE, message)
        exactly &= found.from_forward == found.from_vjp
    # What agrees with autograd is exact, and needs neither the look nor the bound; nor, of another
    # forward, what no bound had to be allowed for, quotients included.
    if agrees_with_autograd(trial, result) or (exactly and not _is_promised(trial, result)):
        return passed(NAME, result)
    unit = trial.arrays.units.get(operand, 1)
    if trial.case.operation.divides or is_integral(trial.got[result] * unit):
        return _within_rounding(trial, result)
    return not_applicable(NAME, result, _TOO_COARSE)


def _within_rounding(trial: Trial, result: str) -> Outcome:
    """Passed, unless autograd disagrees: a bound must be sharper than that to acquit."""
    got, expected = trial.got[result], trial.autograd[result]
    if not trial.case.operation.divides:
        return passed(NAME, result)
    if difference(got, expected, quotient_bound(trial, result)) is None:
        return passed(NAME, result)
    return not_applicable(NAME, result, _TOO_COARSE)


def _projection(trial: Trial, operands: tuple[str, ...], probe: int = 0) -> Projection | None:
    return project(
        trial.case,
        trial.arrays,
        operands,
        evaluate=trial.evaluate,
        y=trial.got["y"],
        gradients=trial.got,
        probe=probe,
    )


def _bends(trial: Trial, operand: str, found: Projection) -> bool:
    """Whether another forward than the operation's has a kink where a maximum has none.

    Zeros for padding win against what is below 0: a forward that has them bends at 0, and its
    change by a step ahead is not that by a step back.
    """
    if "ties" not in trial.case.operation.value_kinds or _is_promised(trial, f"{operand}_bar"):
        return False
    primal, y = trial.arrays.operands[operand], trial.got["y"]
    step = found.steps[operand] * float(trial.arrays.units.get(operand, 1))
    behind = trial.evaluate(
        {**trial.arrays.operands, operand: (primal - step).astype(primal.dtype)}
    )
    return behind is not None and exact_dot(trial.arrays.y_bar, y - behind) != found.from_forward


def _probes(trial: Trial, operand: str) -> int:
    """One direction, or as many as leave no doubt when autograd contradicts the subject.

    A wrong gradient survives a direction with probability 1 / (number of values that an entry
    may have) at most; against autograd the subject needs a billion to one.
    """
    result = f"{operand}_bar"
    if agrees_with_autograd(trial, result):
        return 1
    return ceil(9 / log10(step_values(trial.arrays.steps[operand])))


def _holds(trial: Trial, operand: str, found: Projection) -> bool:
    if found.from_forward == found.from_vjp:
        return True
    return bool(
        distance(found.from_forward, found.from_vjp) <= _projection_bound(trial, operand, found)
    )


def _no_forward(trial: Trial, result: str) -> Outcome:
    operand = result.removesuffix("_bar")
    return no_forward(trial, NAME, result, f"where {operand} is moved by integers")


def _difference_error(trial: Trial, operand: str, step: float, *outputs: Array) -> Array:
    """Bound on the rounding error of ``f(x + u) - f(x)`` for each output.

    It is 0 between integers, unless the operation divides: a forward that multiplies by a rounded
    reciprocal may give integers by luck, and none beside them. Each of its values is off by
    ``gamma_(n + 2) sum |a_i b_i|`` at most.
    """
    divides = trial.case.operation.divides
    if not divides and all(is_integral(output) for output in outputs):
        return np.zeros(trial.case.shapes["y"])
    operation = trial.case.operation
    arrays = {**trial.arrays.operands, "y_bar": trial.arrays.y_bar}
    largest = {name: np.abs(array.astype(np.float64)) for name, array in arrays.items()}
    largest[operand] = largest[operand] + step
    sums = operation.absolute_sums(largest, trial.case.params)["y"]
    terms = operation.terms(trial.case.geometry)["y"] + 2
    bound: Array = 2 * gamma(terms, trial.format.unit_roundoff) * sums
    return bound


def _own_error(trial: Trial, result: str) -> Array:
    """Rounding that a right vjp may have done."""
    if not trial.case.operation.divides:
        return np.zeros(trial.case.shapes[result])
    terms = trial.case.terms[result] + 2
    error: Array = gamma(terms, trial.format.unit_roundoff) * absolute_sums(trial)[result]
    return error


def _element_bound(trial: Trial, result: str) -> Array:
    operand = result.removesuffix("_bar")
    unit = trial.arrays.units.get(operand, 1)
    outputs = _difference_error(trial, operand, unit, trial.got["y"])
    outputs = _weighed(outputs, trial.arrays.y_bar)
    owners = trial.case.operation.owners(trial.case.geometry, operand)
    return _own_error(trial, result) + credit(owners, outputs, trial.case.shapes[result]) / unit


def _projection_bound(trial: Trial, operand: str, found: Projection) -> float:
    steps = np.abs(found.steps[operand].astype(np.float64)) * trial.arrays.units.get(operand, 1)
    outputs = _difference_error(
        trial, operand, float(steps.max(initial=0)), trial.got["y"], found.moved_y
    )
    forward = float(_weighed(outputs, trial.arrays.y_bar).sum())
    return forward + float(_weighed(_own_error(trial, f"{operand}_bar"), steps).sum())


def _weighed(bound: Array, weights: Array) -> Array:
    """``bound * |weights|``, and 0 where a weight is 0 even if the bound is infinite."""
    sizes = np.abs(weights.astype(np.float64))
    return np.multiply(bound, sizes, out=np.zeros(sizes.shape), where=sizes > 0)
