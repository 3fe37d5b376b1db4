"""Families and residues in every dress: the pairs that are met beside those of the edge classes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.planning.covering import mesh


class Beside:
    """Which classes of `rows` have been met with which of `columns`.

    Examples
    --------
    >>> pairs = Beside(("family 1x1", "width 1 mod 2"), ("x fortran", "dtype float32"))
    >>> pairs.gains({"family 1x1", "bias yes"}).tolist()
    [1, 1]
    >>> pairs.add({"family 1x1", "x fortran"})
    >>> pairs.wants("family 1x1"), pairs.wants("width 1 mod 2")
    (1, 2)
    """

    def __init__(self, rows: Sequence[str], columns: Sequence[str]):
        self._row = {name: number for number, name in enumerate(rows)}
        self._column = {name: number for number, name in enumerate(columns)}
        self._unmet = np.ones((len(rows), len(columns)), dtype=bool)

    def gains(self, classes: Collection[str]) -> Array:
        """How many pairs each column would add to a case of these classes."""
        found: Array = self._unmet[_numbers(self._row, classes)].sum(axis=0)
        return found

    def add(self, classes: Collection[str]) -> None:
        """Count a case of these classes; those that are neither row nor column do not count."""
        where = mesh(_numbers(self._row, classes), _numbers(self._column, classes))
        self._unmet[where] = False

    def wants(self, row: str) -> int:
        """How many columns a row has not been met with."""
        return int(self._unmet[self._row[row]].sum())


def _numbers(known: dict[str, int], names: Collection[str]) -> list[int]:
    return [known[name] for name in names if name in known]
