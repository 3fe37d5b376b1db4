"""What rounding can do to each element of a result: bounds derived from the operation."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, gamma, probable_growth
from bpcheck.cases import Case
from bpcheck.cases.layouts import OUTPUT
from bpcheck.cases.repeats import REPEATING
from bpcheck.filling import Arrays
from bpcheck.subject import Subject


def absolute_sums(case: Case, arrays: Arrays) -> dict[str, Array]:
    """``sum |a_i b_i|`` of every element of every result, in float64."""
    return case.operation.absolute_sums(_widened(arrays), case.params)


def quotient_bound(case: Case, result: str, sums: Array) -> Array:
    """Error of a sum of quotients, each rounded twice: ``gamma_(n + 2) sum |a_i / d_i|``.

    `sums` are those of the absolute values; the float64 oracle's own error is part of it.
    """
    form, terms = FORMATS[case.dtype], case.operation.terms(case.geometry)[result] + 2
    bound: Array = (gamma(terms, form.unit_roundoff) + gamma(terms, 2.0**-53)) * sums
    return bound + terms * form.tiniest


def error_bounds(
    subject: Subject, case: Case, arrays: Arrays, results: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]] | None:
    """What rounding explains of every result: surely (``gamma_n``), and almost surely.

    Both hold the float64 oracle's own error, and one smallest number for each term that may have
    underflowed; ``None`` where a kink lies within rounding error. `results` are the oracle's.
    """
    form, unit, wide = FORMATS[case.dtype], _accumulator(subject, case), _widened(arrays)
    found = case.operation.error_bounds(
        case.geometry,
        wide,
        case.params,
        (
            lambda terms: gamma(terms, unit),
            lambda terms: probable_growth(terms, unit),
            lambda terms: gamma(terms, 2.0**-53),
        ),
    )
    if found is None:
        return None
    terms = case.operation.terms(case.geometry)
    surely, almost, oracle = found
    # Rounding a wider sum to the dtype: twice, since a quotient may be taken afterwards.
    own = 2 * form.unit_roundoff if unit < form.unit_roundoff else 0.0
    rounded = case.operation.rounded_magnitudes(results, wide)
    floor = {
        name: oracle[name] + terms[name] * form.tiniest + own * rounded[name] for name in oracle
    }
    almost = {**almost, **{name: surely[name] for name in _of_equal_terms(case)}}
    if not subject.claims.exact:
        surely, almost = (_of_a_transform(subject, each) for each in (surely, almost))
    return (
        {name: surely[name] + floor[name] for name in surely},
        {name: almost[name] + floor[name] for name in almost},
    )


def _of_equal_terms(case: Case) -> Collection[str]:
    """The results that add up equal numbers: the rounding errors are alike too, and do not cancel.

    ``sqrt(n)`` is the growth of errors that are independent.
    """
    repeated = {name for name, layout in case.layouts.items() if layout in REPEATING}
    lattice = case.operation.lattice(case.geometry)
    if lattice is None:
        return case.operation.results(case.geometry) if repeated else ()
    if case.layouts.get("y_bar") == OUTPUT and any(
        set(each.factors) <= repeated for each in lattice.products if each.result == "y"
    ):
        repeated.add("y_bar")
    return {each.result for each in lattice.products if set(each.factors) <= repeated}


def _widened(arrays: Arrays) -> dict[str, Array]:
    every = {**arrays.operands, "y_bar": arrays.y_bar}
    return {name: np.asarray(array, np.float64) for name, array in every.items()}


def _accumulator(subject: Subject, case: Case) -> float:
    """Unit roundoff of the sums: that of the dtype, or of a wider one that is claimed."""
    claimed, own = subject.claims.accumulates, FORMATS[case.dtype].unit_roundoff
    if claimed is None or case.operation.lattice(case.geometry) is None:
        # Where layers are chained, what lies between them is rounded to the dtype.
        return own
    return min(own, FORMATS[claimed].unit_roundoff)


def _of_a_transform(subject: Subject, bounds: Mapping[str, Array]) -> dict[str, Array]:
    """Bounds of a fast transform: its rounding spreads over the array, times its constant."""
    return {
        name: np.full_like(values, subject.claims.constant * values.max(initial=0))
        for name, values in bounds.items()
    }
