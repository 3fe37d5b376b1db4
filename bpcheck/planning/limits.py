"""How much one run may cost: the largest case of slow code, few geometries of what compiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bpcheck.operations import Operation


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan leaves out because it would take too long.

    Parameters
    ----------
    largest
        Multiplications of the forward that a case may have; ``None`` for any number.
    geometries
        Geometries that the cases of a run may have, those of further runs of a check included;
        each is compiled once in each dtype. ``None`` for any number.
    by_layout
        Whether each memory layout of the operands is compiled too.
    """

    largest: int | None = None
    geometries: int | None = None
    by_layout: bool = False

    def allows(self, operation: Operation, geometry: Any) -> bool:
        """Whether a geometry is small enough."""
        return self.largest is None or operation.multiplications(geometry) <= self.largest
