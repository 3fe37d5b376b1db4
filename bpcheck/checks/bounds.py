"""What rounding can do to each element of a result: bounds derived from the operation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, gamma, probable_growth
from bpcheck.cases import Case
from bpcheck.cases.layouts import OUTPUT
from bpcheck.cases.repeats import REPEATING
from bpcheck.checks.transforms import transform_bound
from bpcheck.filling import Arrays
from bpcheck.subject import Subject


def absolute_sums(case: Case, arrays: Arrays) -> dict[str, Array]:
    """``sum |a_i b_i|`` of every element of every result, in float64."""
    return case.operation.absolute_sums(_widened(arrays), case.params)


def quotient_bound(case: Case, result: str, sums: Array) -> Array:
    """Error of a sum of quotients, each rounded twice: ``gamma_(n + 2) sum |a_i / d_i|``.

    `sums` are those of the absolute values; the float64 oracle's own error is part of it.
    """
    form, terms = FORMATS[case.dtype], case.terms[result] + 2
    bound: Array = (gamma(terms, form.unit_roundoff) + gamma(terms, 2.0**-53)) * sums
    return bound + terms * form.tiniest


def error_bounds(
    subject: Subject, case: Case, arrays: Arrays, results: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]] | None:
    """What rounding explains of every result: surely (``gamma_n``), and almost surely.

    Both hold the float64 oracle's own error, and one smallest number for each term that may have
    underflowed; ``None`` where a kink lies within rounding error. `results` are the oracle's.
    """
    # Near the ends of the range a bound is infinite, or none.
    with np.errstate(over="ignore", invalid="ignore"):
        return _error_bounds(subject, case, _widened(arrays), results)


def _error_bounds(
    subject: Subject, case: Case, wide: dict[str, Array], results: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]] | None:
    form = FORMATS[case.dtype]
    units = {name: accumulator(subject, case, name) for name in results}
    by_unit = {unit: _of_sums(case, wide, unit) for unit in set(units.values())}
    own = by_unit[next(iter(units.values()))]
    if own is None:
        return None
    terms = case.terms
    # A wider sum is rounded to the dtype once; where a quotient is taken, before it and after.
    once = form.unit_roundoff * (1 + form.unit_roundoff)
    roundings = 2 if case.operation.divides else 1
    rounded = case.operation.rounded_magnitudes(results, wide, case.params)
    found: list[dict[str, Array]] = [{}, {}]
    for name, unit in units.items():
        sums = by_unit[unit]
        assert sums is not None  # noqa: S101 - a kink is one for all accumulators
        floor = sums[2][name] + terms[name] * form.tiniest
        if unit < form.unit_roundoff and not case.operation.summed_apart:
            floor = floor + roundings * once * rounded[name]
        almost = sums[0 if name in _of_equal_terms(case) else 1][name]
        for bounds, each in zip(found, (sums[0][name], almost), strict=True):
            bounds[name] = each + floor
    if not subject.claims.exact:
        _widen(subject, case, wide, units, found)
    return found[0], found[1]


def _of_sums(case: Case, wide: dict[str, Array], unit: float) -> list[dict[str, Array]] | None:
    """The bounds of sums in which each addition is off by `unit`; the oracle's own are the last."""
    if case.operation.summed_apart:
        stored = FORMATS[case.dtype].unit_roundoff
        return case.operation.random_bounds(wide, case.params, stored=stored, summed=unit)
    return case.operation.error_bounds(
        case.geometry,
        wide,
        case.params,
        (
            lambda terms: gamma(terms, unit),
            lambda terms: probable_growth(terms, unit),
            lambda terms: gamma(terms, 2.0**-53),
        ),
    )


def _widen(
    subject: Subject,
    case: Case,
    wide: dict[str, Array],
    units: Mapping[str, float],
    found: list[dict[str, Array]],
) -> None:
    """Add the rounding of a fast transform, which spreads over the array."""
    for bounds, growth in zip(found, (gamma, probable_growth), strict=True):
        for name, unit in units.items():
            if case.lattice is None:
                largest = subject.claims.constant * bounds[name].max(initial=0)
                bounds[name] = np.full_like(bounds[name], largest)
                continue
            grows = partial(growth, unit_roundoff=unit)
            bounds[name] = bounds[name] + transform_bound(subject.claims, case, wide, name, grows)


def _of_equal_terms(case: Case) -> Collection[str]:
    """The results that add up equal numbers: the rounding errors are alike too, and do not cancel.

    ``sqrt(n)`` is the growth of errors that are independent.
    """
    repeated = {name for name, layout in case.layouts.items() if layout in REPEATING}
    lattice = case.lattice
    if lattice is None:
        return case.results if repeated else ()
    if case.layouts.get("y_bar") == OUTPUT and any(
        set(each.factors) <= repeated for each in lattice.products if each.result == "y"
    ):
        repeated.add("y_bar")
    return {each.result for each in lattice.products if set(each.factors) <= repeated}


def _widened(arrays: Arrays) -> dict[str, Array]:
    every = {**arrays.operands, "y_bar": arrays.y_bar}
    return {name: np.asarray(array, np.float64) for name, array in every.items()}


def accumulator(subject: Subject, case: Case, result: str) -> float:
    """Unit roundoff of the sums of a result: that of the dtype, or of a wider accumulator.

    A wider one is claimed, or asked of everybody by the operation.
    """
    own, operation = FORMATS[case.dtype].unit_roundoff, case.operation
    is_wide = result in operation.summed_wide or operation.summed_apart
    wider = subject.claims.accumulates or ("float32" if is_wide else None)
    if operation.summed_apart and wider is not None:
        return min(own, FORMATS[wider].unit_roundoff)
    if wider is None or operation.lattice(case.geometry) is None:
        # Where layers are chained, what lies between them is rounded to the dtype.
        return own
    return min(own, FORMATS[wider].unit_roundoff)
