"""From errors to numbers without dimension: ratios to ``u sum |a_i b_i|``, ULP distances, bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array, Format
from bpcheck.precision.doubled import Floats
from bpcheck.precision.reference import Reference

#: The metrics of single cases, which the rank test compares.
TESTED = ("rms", "max", "misrounded")

#: Digits that a metric is kept with: beyond them lies no information, only longer lines.
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class CaseErrors:
    """The elements of one case: signed ratios ``error / (u sum |a_i b_i|)`` and ULP distances.

    The sign is that of ``|got| - |expected|``: below 0, numbers are too small.
    """

    ratios: Floats
    ulps: Floats


@dataclass(frozen=True, slots=True)
class CellMetrics:
    """What was measured in one cell.

    Parameters
    ----------
    rms, max, misrounded
        One number a case: root mean square and largest of ``|error| / (u sum |a_i b_i|)``, and the
        share of elements that are not the exact result rounded once (half of one more element, so
        that no share is 0 or 1).
    p99, bias
        Of all elements of all cases: 99th percentile of ``|error| / (u sum |a_i b_i|)``, and its
        signed mean (below 0: numbers are too small).
    ulp
        Median, 99th percentile and maximum of the distance to the exact result rounded once, in
        numbers of the dtype.
    deterministic
        Whether a second call with the same arrays gave the same bits.
    elements
        Number of elements of one case.
    """

    rms: tuple[float, ...]
    max: tuple[float, ...]
    misrounded: tuple[float, ...]
    p99: float
    bias: float
    ulp: tuple[float, float, float]
    deterministic: bool
    elements: int


def case_errors(got: Array, expected: Reference, form: Format, kept: Array) -> CaseErrors:
    """Ratios and ULP distances of the elements that are `kept` and are sums of anything at all."""
    kept = kept & (expected.sums > 0)
    error = expected.error_of(got)[kept]
    sums, nearest = expected.sums[kept], expected.nearest[kept]
    ratios = np.where(nearest < 0, -error, error) / (form.unit_roundoff * sums)
    return CaseErrors(ratios, ulp_distance(np.asarray(got)[kept], nearest.astype(form.dtype)))


def ulp_distance(got: Array, nearest: Array) -> Floats:
    """How many numbers of their dtype `got` is away from `nearest`; infinite if it is not finite.

    Examples
    --------
    >>> ulp_distance(np.float32([1.0, -0.0]), np.nextafter(np.float32([1.0, 0.0]), np.float32(2)))
    array([1., 1.])
    """
    apart = np.abs(_position(got) - _position(nearest)).astype(np.float64)
    return np.where(np.isfinite(got.astype(np.float64)), apart, np.inf)


def _position(array: Array) -> NDArray[np.int64]:
    """Which number it is, counted from 0: neighbours differ by 1, and both zeros are 0."""
    width = array.dtype.itemsize
    bits = np.ascontiguousarray(array).view(f"i{width}").astype(np.int64)
    return np.where(bits < 0, -(2 ** (8 * width - 1)) - bits, bits)


def summary(cases: Sequence[CaseErrors], *, deterministic: bool) -> CellMetrics:
    """The metrics of a cell, in the digits that are kept."""
    ratios = np.concatenate([case.ratios for case in cases])
    ulps = np.concatenate([case.ulps for case in cases])
    with np.errstate(invalid="ignore", over="ignore"):
        return CellMetrics(
            rms=tuple(_short(np.sqrt(np.mean(case.ratios**2))) for case in cases),
            max=tuple(_short(np.abs(case.ratios).max()) for case in cases),
            misrounded=tuple(
                _short((np.count_nonzero(case.ulps) + 0.5) / (case.ulps.size + 1)) for case in cases
            ),
            p99=_short(np.quantile(np.abs(ratios), 0.99)),
            bias=_short(np.mean(ratios)),
            ulp=(_short(np.median(ulps)), _short(np.quantile(ulps, 0.99)), _short(ulps.max())),
            deterministic=deterministic,
            elements=cases[0].ulps.size,
        )


def _short(value: Any) -> float:
    """`value` in the digits that are kept; what is not a number counts as infinitely wrong."""
    value = float(value)
    return float("inf") if np.isnan(value) else float(f"{value:.{_DIGITS}g}")
