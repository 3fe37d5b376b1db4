"""The cells of one result in one case: what was got, what is right, and where they differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bpcheck.arithmetic import Array
from bpcheck.cases import Case


@dataclass(frozen=True, slots=True)
class Cells:
    """What the subject gave, what is right, and where they differ, of one shape and not empty."""

    got: Array
    right: Array
    wrong: Array
    case: Case
    result: str

    def axis(self, letters: str) -> int | None:
        """The axis that is called by one of these letters, if it has two entries at least."""
        named = self.case.operation.axes(self.result)
        found = next((place for place, each in enumerate(named) if each in letters), None)
        if found is None or found >= self.wrong.ndim or self.wrong.shape[found] < 2:
            return None
        return found


#: Whether the wrong cells of one case are of some kind; ``None`` where the case cannot tell.
Holds = Callable[[Cells], bool | None]
