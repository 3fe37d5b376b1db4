"""One step of how a result is computed: a sentence, and the arrays that stand after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bpcheck.arithmetic import Array

#: Cells of an array, each by its index.
Cells = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Step:
    """What is done, in a sentence, and what comes of it, each array with its name.

    The last array of the last step is the plane of the result that the steps are about. `marks` are
    the cells, by the name of their array, that the element has to do with that is told of: those
    that a window reads, say, and the one that comes of them.
    """

    text: str
    grids: tuple[tuple[str, Array], ...] = ()
    marks: Mapping[str, Cells] = field(default_factory=dict)


def cells(found: Iterable[Sequence[int]]) -> Cells:
    """Indices as they are marked.

    >>> import numpy as np
    >>> cells(np.array([[0, 1], [2, 3]]))
    ((0, 1), (2, 3))
    """
    return tuple(tuple(int(i) for i in each) for each in found)
