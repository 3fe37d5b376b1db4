"""How one element of a result is formed: its terms, and what each of them is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Formed:
    """The terms of one element of a result, all of them, as arrays.

    Parameters
    ----------
    head
        What reads or holds the element: ``"x[0,0,1] is read by"``.
    factors
        For each array that a term is a product of, in order, the index of its element in each
        term: ``(terms, axes)``.
    groups
        What tells terms apart, by name, each ``(terms, numbers)``: ``"window"``, ``"its cell"``.
    divisors
        What each term is divided by, infinite where it does not count; ``None`` for 1.
    slopes
        A factor of each term that is no element of an array; ``None`` for 1.
    plus
        Elements that are added beside the terms: the bias.
    picked
        For a maximum: the number of the term that is the result.
    notes
        What is worth a word beside a term, by its number.
    remarks
        What is worth a sentence.
    divisors_instead, factors_instead
        What it would be formed of by a usual mistake, by what is said of that.
    """

    head: str
    factors: Mapping[str, Indices]
    groups: Mapping[str, Indices]
    divisors: Array | None = None
    slopes: Array | None = None
    plus: tuple[tuple[str, tuple[int, ...]], ...] = ()
    picked: int | None = None
    notes: Mapping[int, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    divisors_instead: Mapping[str, Array] = field(default_factory=dict)
    factors_instead: Mapping[str, Mapping[str, Indices]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.factors.values())))

    def shares(
        self,
        arrays: Mapping[str, Array],
        *,
        factors: Mapping[str, Indices] | None = None,
        divisors: Array | None = None,
    ) -> Array:
        """What each term comes to; by other factors or divisors, if they are given."""
        product = np.ones(len(self)) if self.slopes is None else self.slopes.copy()
        for name, index in (factors or self.factors).items():
            product = product * np.asarray(arrays[name], np.float64)[tuple(index.T)]
        by = self.divisors if divisors is None else divisors
        # What does not count is 0, also where it would be NaN.
        return product if by is None else np.where(np.isinf(by), 0.0, product / by)

    def added(self, arrays: Mapping[str, Array]) -> Array:
        """What is added beside the terms."""
        return np.array([float(arrays[name][index]) for name, index in self.plus])

    @property
    def counts(self) -> NDArray[np.bool_]:
        """Which terms count."""
        return np.ones(len(self), bool) if self.divisors is None else np.isfinite(self.divisors)
