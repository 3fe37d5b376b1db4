"""One element of one result in one case: what is there, what should be, and of what terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases import Case
from bpcheck.explain.worked.slopes import formed_by_slopes
from bpcheck.operations.formed import Formed


@dataclass(frozen=True, eq=False)
class Look:
    """One element.

    Parameters
    ----------
    case, result, index
        Which.
    arrays
        The operands and ``y_bar``.
    right
        Every result as torch computes it in float64.
    got
        What the subject gave for this element; ``None`` where no subject is asked.
    formed
        Its terms; ``None`` where nobody can say them.
    """

    case: Case
    result: str
    index: tuple[int, ...]
    arrays: Mapping[str, Array]
    right: Mapping[str, Array]
    got: float | None
    formed: Formed | None

    @property
    def expected(self) -> float:
        """What should be there."""
        return float(self.right[self.result][self.index])

    @property
    def is_exact(self) -> bool:
        """Whether no sum of it rounds."""
        return self.case.is_exact and self.case.lattice is not None

    @property
    def magnitude(self) -> float:
        """The sum of the terms' magnitudes, by which rounding is measured."""
        if self.formed is None:
            return abs(self.expected)
        shares = [*self.formed.shares(self.arrays), *self.formed.added(self.arrays)]
        return float(np.abs(shares).sum())

    @property
    def slack(self) -> float:
        """How far two right numbers may be apart: not at all on a lattice that nothing divides."""
        if self.is_exact and not self.case.operation.divides:
            return 0.0
        terms = 4 + (len(self.formed) if self.formed is not None else 0)
        return terms * FORMATS[self.case.dtype].unit_roundoff * self.magnitude

    def element(self, name: str, index: Sequence[int]) -> str:
        """What an element of an array is called."""
        return self.case.element(name, index)

    def gives(self, value: float) -> bool:
        """Whether a number is what the subject gave."""
        if self.got is None:
            return False
        if np.isnan(value) or np.isnan(self.got):
            return bool(np.isnan(value) and np.isnan(self.got))
        return value == self.got or abs(value - self.got) <= self.slack


def look_at(
    case: Case,
    result: str,
    index: tuple[int, ...],
    *,
    arrays: Mapping[str, Array],
    right: Mapping[str, Array],
    got: Array | None,
) -> Look:
    """The look at one element of what was computed."""
    formed = case.operation.formed(case.geometry, result, index, arrays)
    if formed is None:
        formed = formed_by_slopes(case, result, index, arrays)
    return Look(
        case, result, index, arrays, right, None if got is None else float(got[index]), formed
    )
