"""Every column of the Jacobian, on the operands of the case: proved, and not sampled.

A cotangent that holds a power of a base for each output brings many columns at once; what comes
back is held to torch, and to exact finite differences of the subject's own forward. Where the
operation compares, that is done for as many orders of the values as let every cell of every window
win. For other cotangents the vjp is right if it is linear, which the case's own, a random
combination of all columns, does not contradict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from bpcheck.arithmetic import Array, gamma
from bpcheck.cases.case import JACOBIAN
from bpcheck.checks import bounds
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.further import broken_off, no_forward
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed, unjudged
from bpcheck.checks.trial import Trial
from bpcheck.filling import Arrays
from bpcheck.filling.lattice import lattice_is_kinked
from bpcheck.finding import Kind, Outcome
from bpcheck.oracles.autograd import autograd
from bpcheck.oracles.columns import apart, arrangements, in_digits, reading
from bpcheck.oracles.differences import Slopes, slopes

AUTOGRAD = "every column, autograd"
DIFFERENCES = "every column, differences"


@dataclass(slots=True)
class Columns:
    """What the columns of a trial showed: the first thing wrong with each result, by check."""

    found: dict[str, dict[str, Outcome]] = field(
        default_factory=lambda: {AUTOGRAD: {}, DIFFERENCES: {}}
    )
    #: What ended it early: a run that gave not all results.
    broken: dict[str, tuple[Outcome, ...]] = field(default_factory=dict)

    def note(self, outcome: Outcome) -> None:
        """Keep it, if nothing is known of its result."""
        self.found[outcome.check].setdefault(outcome.result, outcome)


def check_columns(trial: Trial, *, name: str) -> tuple[Outcome, ...]:
    """Every gradient for cotangents that show each column, against one of the two oracles."""
    why = _why_not(trial)
    if why:
        return unjudged(trial, name, why)
    columns = trial.once(_columns)
    if name in columns.broken:
        return columns.broken[name]
    found = columns.found[name]
    results = trial.case.results
    told = {each: found.get(each) or passed(name, each) for each in results}
    if name == DIFFERENCES:
        told["y"] = not_applicable(name, "y", "they are differences of y")
    return tuple(told.values())


def _why_not(trial: Trial) -> str:
    if trial.case.values != JACOBIAN:
        return "other values"
    if not trial.first.is_whole:
        return "the contract is broken"
    if not trial.subject.claims.exact:
        return "not a direct sum"
    return "" if trial.arrays.is_exact else "the values tolerate no integer step"


def _columns(trial: Trial) -> Columns:
    columns = Columns()
    rng = np.random.default_rng((trial.case.seed, *b"columns"))
    for arrays, is_first in _operands(trial, rng):
        y = trial.got["y"] if is_first else trial.evaluate(arrays.operands)
        if y is None:
            outcome = no_forward(trial, AUTOGRAD, "y", "on other numbers")
            columns.broken = {each: _instead(trial, each, outcome) for each in columns.found}
            return columns
        by_operand = _slopes(trial, arrays, y, columns)
        if is_first:
            _compare_differences(trial, columns, arrays, trial.got, by_operand)
        for y_bar in _cotangents(trial, by_operand, rng):
            given = replace(arrays, y_bar=y_bar.astype(trial.format.dtype))
            run = trial.again(given)
            if not run.is_whole:
                columns.broken = {
                    each: broken_off(trial, each, run, "for a column of the Jacobian")
                    for each in columns.found
                }
                return columns
            _compare_autograd(trial, columns, given, run.got)
            _compare_differences(trial, columns, given, run.got, by_operand)
    return columns


def _instead(trial: Trial, check: str, outcome: Outcome) -> tuple[Outcome, ...]:
    others = unjudged(trial, check, "the run failed on other numbers")
    told = replace(outcome, check=check)
    if told.finding is not None:
        told = replace(told, finding=replace(told.finding, check=check))
    return tuple(told if each.result == told.result else each for each in others)


def _operands(trial: Trial, rng: np.random.Generator) -> Iterator[tuple[Arrays, bool]]:
    """The operands on which columns are asked for, and whether they are those of the case."""
    if not lattice_is_kinked(trial.case):
        yield trial.arrays, True
        return
    operation, geometry = trial.case.operation, trial.case.geometry
    x = operation.operands[0]
    shape = operation.operand_shapes(geometry)[x]
    reads = reading(operation.owners(geometry, x), int(np.prod(shape)))
    for values in arrangements(reads, shape, rng):
        operands = {**trial.arrays.operands, x: values.astype(trial.format.dtype)}
        yield replace(trial.arrays, operands=operands, units={}), False


def _slopes(trial: Trial, arrays: Arrays, y: Array, columns: Columns) -> dict[str, Slopes]:
    """The Jacobian in each operand by differences; none of one for which a forward failed."""
    found = {}
    for operand in arrays.operands:
        each = slopes(trial.case, arrays, operand, evaluate=trial.evaluate, y=y)
        if each is None:
            when = f"where {operand} is moved by integers"
            columns.note(no_forward(trial, DIFFERENCES, f"{operand}_bar", when))
        else:
            found[operand] = each
    return found


def _cotangents(
    trial: Trial, by_operand: Mapping[str, Slopes], rng: np.random.Generator
) -> Iterator[Array]:
    """Cotangents that have each output once."""
    shape = trial.case.shapes["y"]
    if trial.case.operation.divides:
        lattice = trial.case.lattice
        assert lattice is not None  # noqa: S101 - the case is exact
        operation, geometry = trial.case.operation, trial.case.geometry
        reads = [
            reading(operation.owners(geometry, name), int(np.prod(array.shape)))
            for name, array in trial.arrays.operands.items()
        ]
        return apart(reads, shape, lattice.multiples.get("y_bar", 1), rng)
    # What a wrong forward may give is told where it is held to torch's.
    entries = [np.abs(each.changes / each.step).max(initial=1) for each in by_operand.values()]
    largest = min(max([1.0, *(each for each in entries if np.isfinite(each))]), 2.0**10)
    return in_digits(shape, int(np.ceil(largest)), trial.format.bits, rng)


def _compare_autograd(
    trial: Trial, columns: Columns, arrays: Arrays, got: Mapping[str, Array]
) -> None:
    expected = autograd(trial.case, arrays)
    for result, values in got.items():
        if result in columns.found[AUTOGRAD]:
            continue
        where = difference(values, expected[result])
        if where is not None and trial.case.operation.divides:
            sums = bounds.absolute_sums(trial.case, arrays)[result]
            bound = bounds.quotient_bound(trial.case, result, sums)
            where = difference(values, expected[result], bound)
        if where is not None:
            columns.note(_wrong(trial, AUTOGRAD, result, where, arrays.y_bar, "autograd has"))


def _compare_differences(
    trial: Trial,
    columns: Columns,
    arrays: Arrays,
    got: Mapping[str, Array],
    by_operand: Mapping[str, Slopes],
) -> None:
    for operand, each in by_operand.items():
        result = f"{operand}_bar"
        if result in columns.found[DIFFERENCES]:
            continue
        expected = each.pulled(arrays.y_bar)
        where = difference(got[result], expected)
        if where is not None and trial.case.operation.divides:
            where = difference(got[result], expected, _quotient_slack(trial, arrays, each, result))
        if where is not None:
            said = "differences of the forward give"
            columns.note(_wrong(trial, DIFFERENCES, result, where, arrays.y_bar, said))


def _quotient_slack(trial: Trial, arrays: Arrays, slope: Slopes, result: str) -> Array:
    """What rounded quotients explain between a gradient and differences of a forward."""
    sums = bounds.absolute_sums(trial.case, arrays)
    own = bounds.quotient_bound(trial.case, result, sums[result])
    terms = trial.case.terms["y"] + 2
    of_y = 2 * gamma(terms, trial.format.unit_roundoff) * (sums["y"] + slope.step)
    changes = np.broadcast_to(of_y, slope.owners.shape)
    slack = replace(slope, changes=changes).pulled(np.abs(arrays.y_bar.astype(np.float64)))
    bound: Array = own + slack
    return bound


def _wrong(
    trial: Trial, check: str, result: str, where: Difference, y_bar: Array, said: str
) -> Outcome:
    outputs = np.count_nonzero(y_bar)
    of = "one output" if outputs == 1 else f"{outputs} outputs, each another digit"
    message = (
        f"{element(result, where)} is {number(where.got)} for a cotangent of {of}, and {said} "
        f"{number(where.expected)} ({where.wrong} of {where.total} elements wrong)"
    )
    return failed(trial, check, result, Kind.VALUE, message, where)


check_by_autograd = partial(check_columns, name=AUTOGRAD)
check_by_differences = partial(check_columns, name=DIFFERENCES)
