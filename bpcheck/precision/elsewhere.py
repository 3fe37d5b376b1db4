"""The wider rule: what another order of summation explains, in another environment.

On another processor, BLAS or number of threads, the same kernel may sum pairwise, in blocks or one
term after the other. Measured on one machine with the kernels that OpenBLAS has for five
generations of processors, the rms error of one matrix product differs by a factor of up to 17. So
there, a larger error is a loss only if it exceeds what the worst order gives: one term after the
other, in the dtype itself. Where the baseline shows partial sums in a wider type than the dtype, no
order costs anything that is seen, and the ratio of medians alone decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from bpcheck.precision.ladder import Cell
from bpcheck.precision.measure import Measurement

#: More elements than this, of the shortest sums, are misrounded if partial sums are kept in the
#: dtype: 0.2 to 0.6 of them are then, and below 0.001 if the partial sums are wider.
_MISROUNDED = 0.05


def worst_order(metric: str, terms: int) -> float:
    """Largest ``error / (u sum|ab|)`` of `terms` terms that are added one after the other.

    For the rms of an array ``1 + sqrt(n) / 4``: partial sums of ``n`` positive terms of one size
    round ``k`` times ``u / sqrt(6)`` or less at the ``k``-th, ``sqrt(n / 18)`` in all, and measured
    rms errors are up to ``0.23 sqrt(n)``. For the largest of an array ``5 + 1.3 sqrt(n)``, from
    measurements of torch and NumPy on 16 to 65,536 terms (``docs/precision.md``).

    Source: N. Higham and T. Mary, SIAM J. Sci. Comput. 41 (2019), section 2: errors of sums grow
    with ``sqrt(n)``.

    Examples
    --------
    >>> worst_order("rms", 16), worst_order("max", 10_000)
    (2.0, 135.0)
    """
    return 1 + sqrt(terms) / 4 if metric == "rms" else 5 + 1.3 * sqrt(terms)


def is_explained(
    baseline: Measurement, current: Measurement, group: Sequence[Cell], metric: str
) -> bool:
    """Whether another order of summation alone can have led to what was measured.

    The share of misrounded elements follows the order closely, and is not judged.
    """
    if metric == "misrounded":
        return True
    if not _sums_in_its_dtype(baseline, group[0]):
        return False
    shares = [
        np.array(getattr(current.cells[cell], metric)) / worst_order(metric, cell.terms)
        for cell in group
    ]
    return bool(np.median(np.concatenate(shares)) <= 1)


def _sums_in_its_dtype(measurement: Measurement, like: Cell) -> bool:
    own = [
        cell for cell in measurement.cells if (cell.result, cell.dtype) == (like.result, like.dtype)
    ]
    shortest = min(cell.terms for cell in own)
    shares = (
        float(np.median(measurement.cells[cell].misrounded))
        for cell in own
        if cell.terms == shortest
    )
    return max(shares) > _MISROUNDED
