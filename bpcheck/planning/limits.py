"""How much one run may cost: the largest case, for subjects that are slow."""

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
    """

    largest: int | None = None

    def allows(self, operation: Operation, geometry: Any) -> bool:
        """Whether a geometry is small enough."""
        return self.largest is None or operation.multiplications(geometry) <= self.largest
