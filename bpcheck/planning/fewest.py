"""Few geometries that meet most: for subjects that compile each shape anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import combinations, zip_longest
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.errors import CaseError
from bpcheck.operations import Operation
from bpcheck.planning.classes import beside, beside_classes, geometry_classes

#: What meeting a class counts: those of geometry most, and the families of most models as much; an
#: extreme number less, and a residue little, as others are met beside it anyway.
EDGE, EXTREME, RESIDUE = 3.0, 0.5, 0.03

#: What families count, those of most models first, and all others.
FAMILIES, OTHERS = (3.0,) * 5 + (1.5,) * 15, 1.0

#: How much more a class counts that only empty arrays can be in.
ALONE = 1.5

#: And a pair of classes of geometry: it decides among those that meet as many.
PAIR = 0.01

#: A class counts less for each time that it has been met, and not at all after so many times: a
#: mistake need not show in the only geometry of its class.
_WORTH = (1.0, 0.05, 0.02)


class Fewest:
    """Geometries chosen one after the other, each for what it adds to those before.

    That is the greedy covering, as in "The AETG system: an approach to testing based on
    combinatorial design" (Cohen, Dalal, Fredman and Patton 1997).

    Parameters
    ----------
    operation
        The operation.
    candidates
        What may be chosen.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> conv1d = operation_named("conv1d")
    >>> numbers = {"n": 1, "ic": 1, "iw": 5, "oc": 1, "kw": 3}
    >>> plain, strided = (conv1d.geometry({**numbers, "sw": s}) for s in (1, 2))
    >>> fewest = Fewest(conv1d, [plain, plain, strided])
    >>> first, second = fewest.next(), fewest.next()
    >>> {first.numbers()["sw"], second.numbers()["sw"]}
    {1, 2}
    """

    def __init__(self, operation: Operation, candidates: Iterable[Any]):
        self._candidates = list(dict.fromkeys(candidates))
        edges = [str(each) for each in operation.edge_classes]
        names = [*edges, *beside(operation)]
        column = {name: number for number, name in enumerate(names)}
        self._meets = np.zeros((len(self._candidates), len(names)), dtype=bool)
        for row, geometry in enumerate(self._candidates):
            own = geometry_classes(operation, geometry) | beside_classes(operation, geometry)
            self._meets[row, [column[name] for name in own if name in column]] = True
        self._weights = _weights(operation)
        self._leave_to_others(operation)
        pairs = np.array(list(combinations(range(len(edges)), 2)), np.intp).reshape(-1, 2)
        self._pairs = self._meets[:, pairs[:, 0]] & self._meets[:, pairs[:, 1]]
        self._met = np.zeros(len(names), dtype=int)
        self._pairs_met = np.zeros(len(pairs), dtype=bool)
        self._free = np.ones(len(self._candidates), dtype=bool)

    def _leave_to_others(self, operation: Operation) -> None:
        """Let geometries without a number in them meet only what no other one can.

        In arrays that are empty nothing shows of the params beside; so that they are chosen all the
        same, what is left to them counts more.
        """
        empty = np.array(
            [
                any(0 in shape for shape in operation.operand_shapes(each).values())
                for each in self._candidates
            ],
            dtype=bool,
        )
        others = self._meets[~empty].any(axis=0)
        self._meets[empty] &= ~others
        self._weights[~others] *= ALONE

    def next(self) -> Any | None:
        """The candidate that adds most; ``None`` if there is none left."""
        if not self._free.any():
            return None
        worth = np.array([*_WORTH, 0.0])[np.minimum(self._met, len(_WORTH))]
        gains = self._meets @ (worth * self._weights)
        gains += PAIR * (self._pairs & ~self._pairs_met).sum(axis=1)
        row = int(np.where(self._free, gains, -1.0).argmax())
        self._free[row] = False
        self._met += self._meets[row]
        self._pairs_met |= self._pairs[row]
        return self._candidates[row]


def _weights(operation: Operation) -> Array:
    residues = set(operation.residues)
    families = (str(each) for each in operation.families)
    of_families = dict(zip_longest(families, FAMILIES, fillvalue=OTHERS))
    others = (
        RESIDUE if name in residues else of_families.get(name, EXTREME)
        for name in beside(operation)
    )
    return np.array([*(EDGE for _ in operation.edge_classes), *others])


def near(operation: Operation, geometry: Any, chosen: Collection[Any]) -> tuple[Any, ...]:
    """Those of the `chosen` geometries that a further run beside this one may have.

    They have the same operands and other params, or another number of samples and all else alike.
    """
    shapes, numbers = operation.operand_shapes(geometry), _but_samples(geometry)
    return tuple(
        each
        for each in chosen
        if each != geometry
        and (operation.operand_shapes(each) == shapes or _but_samples(each) == numbers)
    )


def companions(operation: Operation, chosen: Sequence[Any]) -> Iterator[Any]:
    """One sample alone of those that have several, and one more of the others."""
    for geometry in chosen:
        numbers = geometry.numbers()
        if "n" not in operation.keys or not numbers["n"]:
            continue
        known = {key: numbers[key] for key in operation.keys}
        samples = 1 if known["n"] > 1 else 2
        try:
            yield operation.geometry({**known, "n": samples})
        except CaseError:
            continue


def _but_samples(geometry: Any) -> dict[str, int]:
    return {key: number for key, number in geometry.numbers().items() if key != "n"}
