"""Choices of sizes as tables: what each size costs, and which classes it meets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array
from bpcheck.operations.families import Size
from bpcheck.operations.residues import modulus_of

#: What a trait counts by its modulus: vectors of few lanes are more common than wide tiles. What
#: is no residue, such as a bias or doubled channels, counts as a parity does.
WEIGHTS = {None: 8.0, 2: 8.0, 4: 4.0, 8: 2.0, 16: 1.0}

#: Layers of a family differ in all rests of these: of what most vectors and unrolled loops take at
#: once, and of three, which is no power of two. Beside one of those a residue of wider tiles counts
#: so little, for large sizes leave no room for others.
_DIVISORS, _WIDE = (3, 8), 0.2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table:
    """One choice, its sizes by their cost.

    Parameters
    ----------
    sizes
        The sizes.
    costs
        What each costs.
    meets, counts
        A row for each size, and a column for each class that is to be met; as numbers, too.
    rests
        A row for each size, and a column for each rest that it may have: what it counts to have it.
    told, traits
        The traits that tell layers of one family from one another, and which sizes have them.
    """

    sizes: tuple[Size, ...]
    costs: Array
    meets: NDArray[np.bool_]
    counts: Array
    rests: Array
    told: tuple[str, ...]
    traits: NDArray[np.bool_]


class Tables:
    """The tables of all families of an operation, which have many choices in common.

    Examples
    --------
    >>> width = (Size({"iw": 2}, 2, frozenset({"width 0 mod 2"})), Size({"iw": 3}, 3, frozenset()))
    >>> tables = Tables(("width 0 mod 2",))
    >>> tables.of(width).meets.tolist(), tables.of(width) is tables.of(width)
    ([[True], [False]], True)

    Parameters
    ----------
    classes
        Those that are to be met, in the order of the columns.
    """

    def __init__(self, classes: Sequence[str]):
        self.classes = tuple(classes)
        self._column = {name: column for column, name in enumerate(classes)}
        self._wide = [
            column
            for name, column in self._column.items()
            if (modulus_of(name) or 0) > max(_DIVISORS)
        ]
        #: By the identity of a choice, which is kept with its table.
        self._made: dict[int, tuple[Sequence[Size], Table]] = {}

    def of(self, choice: Sequence[Size]) -> Table:
        """The table of a choice."""
        kept, table = self._made.get(id(choice), (None, None))
        if table is None or kept is not choice:
            table = self._table(choice)
            self._made[id(choice)] = choice, table
        return table

    def _table(self, choice: Sequence[Size]) -> Table:
        sizes = tuple(sorted(choice, key=lambda size: size.cost))
        told = tuple(
            name
            for name in dict.fromkeys(name for size in sizes for name in sorted(size.classes))
            if modulus_of(name) in WEIGHTS
        )
        meets = _incidence([size.classes for size in sizes], self._column)
        rests = [_rests(size) for size in sizes]
        number = {rest: place for place, rest in enumerate(dict.fromkeys(chain(*rests)))}
        return Table(
            sizes,
            np.array([size.cost for size in sizes]),
            meets,
            meets.astype(float),
            np.hstack([np.unique(_incidence(rests, number), axis=1), _WIDE * meets[:, self._wide]]),
            told,
            _incidence(
                [size.classes for size in sizes], {name: column for column, name in enumerate(told)}
            ),
        )


def _rests(size: Size) -> tuple[tuple[str, int, int], ...]:
    """What its numbers leave when they are divided; of an axis what it costs is its outputs."""
    cost = {"": size.cost} if len(size.numbers) == 1 else {}
    numbers = {**size.numbers, **cost}
    return tuple((key, by, number % by) for key, number in numbers.items() for by in _DIVISORS)


def _incidence(members: Sequence[Collection[T]], number: Mapping[T, int]) -> NDArray[np.bool_]:
    meets = np.zeros((len(members), len(number)), dtype=bool)
    for row, own in enumerate(members):
        meets[row, [number[each] for each in own if each in number]] = True
    return meets
