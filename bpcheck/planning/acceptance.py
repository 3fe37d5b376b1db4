"""What a subject takes, learned from what it refuses: geometries are drawn there, not discarded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from bpcheck.cases.case import Case
from bpcheck.errors import CaseError
from bpcheck.operations import Operation
from bpcheck.planning.classes import beside_classes, classes_of, geometry_classes

#: So many refusals, and no case that was taken, make a class or a number one that is refused.
REFUSALS = 3

#: One geometry in so many is drawn as it is, so that a wrong belief is found out.
UNSHAPED = 8

#: Geometries that were taken and are kept, for giving others their numbers.
KEPT = 64

#: Multiplications that a geometry with numbers of another may have, if neither had more: the batch
#: of one on the image of the other may take minutes.
MOST = 65_536


class Acceptance:
    """Which classes, and which numbers of a descriptor, a subject has taken and refused so far.

    Parameters
    ----------
    operation
        The operation.
    rng
        Which number of a refused geometry is exchanged first is drawn from it.
    """

    def __init__(self, operation: Operation, rng: np.random.Generator):
        self._operation, self._rng = operation, rng
        self._taken: set[str] = set()
        self._refusals: Counter[str] = Counter()
        #: What is believed to be refused: names of classes, and numbers such as ``kw=5``.
        self.refused: set[str] = set()
        #: Numbers of geometries that were taken.
        self.known: list[dict[str, int]] = []
        self._seen = 0

    def learn(self, case: Case, *, taken: bool) -> None:
        """Count a case that the subject took, or refused."""
        numbers = case.geometry.numbers()
        marks = classes_of(case) | _marks(numbers)
        if taken:
            self._taken |= marks
            self.refused.difference_update(marks)
            if len(self.known) < KEPT:
                self.known.append(numbers)
            else:
                # The last ones; which slot does not matter.
                self.known[self._seen % KEPT] = numbers
            self._seen += 1
            return
        # One reason is enough: what stands beside it may be taken.
        if marks & self.refused:
            return
        suspects = marks - self._taken
        self._refusals.update(suspects)
        self.refused.update(each for each in suspects if self._refusals[each] >= REFUSALS)

    def shaped(self, geometry: Any, *, keep: Collection[str] = ()) -> Any | None:
        """The geometry, with numbers of one that was taken in the place of those that are refused.

        Numbers are exchanged in random order, and no more of them than need be; those of the keys
        to `keep` stay. ``None`` if that leads to nothing, or to what is much larger than both.
        """
        if not self.refused or not self.known or not self._refuses(geometry):
            return geometry
        base = self.known[int(self._rng.integers(len(self.known)))]
        numbers = dict(geometry.numbers())
        size = self._operation.multiplications
        like = self._made(base)
        most = max(MOST, size(geometry), 0 if like is None else size(like))
        groups = self._operation.key_groups
        for place in self._rng.permutation(len(groups)):
            changed = {key: base[key] for key in groups[place] if key not in keep}
            if all(numbers[key] == number for key, number in changed.items()):
                continue
            numbers |= changed
            found = self._made(numbers)
            if found is not None and not self._refuses(found) and size(found) <= most:
                return found
        return None

    def _made(self, numbers: Mapping[str, int]) -> Any | None:
        known = {key: numbers[key] for key in self._operation.keys}
        try:
            return self._operation.geometry(known)
        except CaseError:
            return None

    def _refuses(self, geometry: Any) -> bool:
        if self.refused & _marks(geometry.numbers()):
            return True
        return any(
            self.refused & classes(self._operation, geometry)
            for classes in (geometry_classes, beside_classes)
        )


def _marks(numbers: Mapping[str, int]) -> frozenset[str]:
    """Single numbers of a descriptor, as what can be refused: ``kw=5``."""
    return frozenset(f"{key}={number}" for key, number in numbers.items())
