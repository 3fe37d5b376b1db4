"""One step of how a result is computed: a sentence, and the arrays that stand after it."""

from __future__ import annotations

from dataclasses import dataclass

from bpcheck.arithmetic import Array


@dataclass(frozen=True, eq=False)
class Step:
    """What is done, in a sentence, and what comes of it, each array with its name.

    The last array of the last step is the plane of the result that the steps are about.
    """

    text: str
    grids: tuple[tuple[str, Array], ...] = ()
