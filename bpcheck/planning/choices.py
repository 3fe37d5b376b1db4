"""The layers of one family: which sizes they may have, and which of them meet what is not met."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from math import prod

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array
from bpcheck.operations import Operation
from bpcheck.operations.families import Family, Size
from bpcheck.planning.mixing import Mix
from bpcheck.planning.tables import Tables

#: Multiplications of a family's case, and those of one whose window needs more: a kernel of 128,
#: a dilation of 36.
USUAL, MOST = 16_384, 65_536

#: So many layers of a mix are made, in the dtypes by turns, and the best is taken.
_CANDIDATES = 3

#: What it counts in a mix to meet a residue for the first time: less than any pair.
_FIRST = 1e-3

#: A family whose smallest layer costs more may have the larger budget.
_SMALL = 8_192

#: What a rest that a family has had counts beside one that it has not.
_AGAIN = 0.2


class Choices:
    """The sizes of one family as tables: what each choice costs, and which classes it meets.

    Parameters
    ----------
    operation, family
        The family, and the operation that it is of.
    tables
        Where those of its choices are, with the classes that are to be met, residues above all.
    largest
        Multiplications that a case may have at most; ``None`` for the family's own budget.
    """

    def __init__(self, operation: Operation, family: Family, tables: Tables, largest: int | None):
        self.family = family
        self._tables = [tables.of(choice) for choice in operation.sizes(family)]
        self._sizes = [table.sizes for table in self._tables]
        self._costs = [table.costs for table in self._tables]
        self._meets = [table.meets for table in self._tables]
        self._counts = [table.counts for table in self._tables]
        #: By choice: what each of its rests counts, less with each layer of the family that had it.
        self._left = [np.ones(table.rests.shape[1]) for table in self._tables]
        #: By classes that are wanted: for each choice, which of its sizes may be chosen.
        self._allowing: dict[frozenset[str], list[NDArray[np.bool_]]] = {}
        least = family.taps * prod(int(costs[0]) for costs in self._costs)
        own = USUAL if least <= _SMALL else MOST
        self._budget = own if largest is None else min(own, largest)
        self.is_too_large = least > self._budget
        #: Columns of the classes that some layer of the family meets within the budget, and that
        #: none has met yet.
        self.unmet = self._reachable(len(tables.classes))

    def mix(self, dtypes: Sequence[str]) -> Mix:
        """Nothing of the family met yet, in any of these dtypes."""
        return Mix(self._tables, dtypes)

    def _reachable(self, columns: int) -> NDArray[np.bool_]:
        found = np.zeros(columns, dtype=bool)
        for choice, meets in enumerate(self._meets):
            found |= meets[self._costs[choice] <= self._room(choice)].any(axis=0)
        return found

    def _room(self, choice: int, *, spent: int = 1, left: Collection[int] | None = None) -> int:
        """What one choice may cost, when those that are `left` beside it cost their least."""
        others = [each for each in range(len(self._costs)) if each != choice]
        rest = prod(int(self._costs[each][0]) for each in others if left is None or each in left)
        return self._budget // (self.family.taps * spent * rest)

    def layer(
        self, wanted: frozenset[str], weights: Array, rng: np.random.Generator
    ) -> dict[str, int] | None:
        """The numbers of a layer in all `wanted` classes that meets the most by `weights`.

        ``None`` where no layer within the budget is in all of these classes. What meets nothing
        more is as small as it can be, or nearly.
        """
        gains = [np.einsum("ij,j->i", counts, weights) for counts in self._counts]
        allowed = self._allowed(wanted)
        order = _gaining_first(gains, rng)
        places = self._places(allowed, self._least(allowed), order, rng, lambda n, _: gains[n])
        return None if places is None else self._numbers(places)

    def unlike(self, wanted: frozenset[str], rng: np.random.Generator) -> dict[str, int] | None:
        """The numbers of a layer with as many rests as can be that none before had.

        It is in all `wanted` classes, if any can be.
        """
        allowed, anything = self._allowed(wanted), self._allowed(frozenset())
        least = self._least(allowed)
        if not self.family.taps * prod(least) <= self._budget or not all(map(any, allowed)):
            allowed, least = anything, self._least(anything)
        gains = [
            np.einsum("ij,j->i", table.rests, left)
            for table, left in zip(self._tables, self._left, strict=True)
        ]
        # Whatever is chosen first leaves room for rests that no layer has had.
        news = [
            (table.rests[:, left == 1] == 1).any(axis=1)
            for table, left in zip(self._tables, self._left, strict=True)
        ]
        least = self._roomy(least, [each & new for each, new in zip(allowed, news, strict=True)])
        found = (
            self._places(allowed, least, _in_any_order(gains, rng), rng, lambda n, _: gains[n])
            for _ in range(_CANDIDATES)
        )
        places = max(
            (each for each in found if each is not None),
            key=lambda each: sum(gains[choice][place] for choice, place in each.items()),
            default=None,
        )
        return None if places is None else self._numbers(places)

    def mixed_layer(
        self,
        wanted: frozenset[str],
        weights: Array,
        rng: np.random.Generator,
        *,
        mix: Mix,
        dtypes: Sequence[str],
    ) -> tuple[dict[str, int], str] | None:
        """The same, for the layer in one of the dtypes that adds most pairs to `mix`.

        It is counted there. Of some layers whose sizes are chosen one after the other in random
        orders, the one that adds most is taken, as in "The AETG system: an approach to testing
        based on combinatorial design" (Cohen, Dalal, Fredman and Patton 1997).
        """
        allowed = self._allowed(wanted)
        # Whatever is chosen first leaves room for what the others have not had at all.
        least = self._least(allowed)
        least = self._roomy(least, [each & mix.news(n) for n, each in enumerate(allowed)])
        # A residue that is met for the first time counts too.
        firsts = [_FIRST * np.einsum("ij,j->i", counts, weights) for counts in self._counts]
        best: tuple[float, Array, dict[int, int], str] | None = None
        for dtype in islice(cycle(dtypes), max(_CANDIDATES, len(dtypes))):
            gains = partial(_pairs, mix, mix.of_dtype(dtype), firsts)
            order = _in_any_order(self._sizes, rng)
            places = self._places(allowed, least, order, rng, gains)
            if places is None:
                return None
            traits = _traits(mix, places, mix.of_dtype(dtype))
            total = mix.total(traits)
            if best is None or total > best[0]:
                best = total, traits, places, dtype
        if best is None:
            return None
        mix.add(best[1])
        return self._numbers(best[2]), best[3]

    def _numbers(self, places: Mapping[int, int]) -> dict[str, int]:
        numbers: dict[str, int] = dict(self.family.numbers)
        for choice, place in places.items():
            numbers |= self._sizes[choice][place].numbers
            self._left[choice][self._tables[choice].rests[place] > 0] *= _AGAIN
        return numbers

    def _places(
        self,
        allowed: Sequence[NDArray[np.bool_]],
        least: Sequence[int],
        order: Iterable[int],
        rng: np.random.Generator,
        gains_of: Callable[[int, Mapping[int, int]], Array],
    ) -> dict[int, int] | None:
        """One allowed size of each choice, chosen in this order for what it adds.

        Each leaves the others what they cost at `least`.
        """
        if not all(each.any() for each in allowed):
            return None
        places: dict[int, int] = {}
        spent, left = self.family.taps, set(range(len(self._sizes)))
        for choice in order:
            left.remove(choice)
            rest = spent * prod(least[each] for each in left)
            # Sizes begin with the smallest.
            fitting = int(self._costs[choice].searchsorted(self._budget // rest, "right"))
            if not fitting:
                return None
            gains = gains_of(choice, places)[:fitting]
            gains = np.where(allowed[choice][:fitting], gains, -1.0)
            # The first of the best ones.
            place = int(gains.argmax())
            if gains[place] < 0:
                return None
            if gains[place] == 0:
                # Small numbers by turns where nothing is gained, the smallest where it is.
                among = np.flatnonzero(gains == 0)
                place = int(among[rng.integers(min(3, among.size))])
            places[choice] = place
            spent *= int(self._costs[choice][place])
        return places

    def _least(
        self, masks: Sequence[NDArray[np.bool_]], otherwise: Sequence[int] = ()
    ) -> list[int]:
        """What the cheapest size of each choice costs, among these; `otherwise` where none is."""
        found = [costs[mask] for costs, mask in zip(self._costs, masks, strict=True)]
        return [
            int(costs[0]) if costs.size else (otherwise[n] if otherwise else 1)
            for n, costs in enumerate(found)
        ]

    def _roomy(self, least: Sequence[int], wanted: Sequence[NDArray[np.bool_]]) -> list[int]:
        """What is left to each choice: enough for its cheapest wanted size, as far as that goes."""
        costs, room = self._least(wanted, least), list(least)
        for choice in sorted(range(len(room)), key=lambda each: costs[each] / room[each]):
            more = [*room[:choice], costs[choice], *room[choice + 1 :]]
            if self.family.taps * prod(more) <= self._budget:
                room = more
        return room

    def _allowed(self, wanted: frozenset[str]) -> list[NDArray[np.bool_]]:
        """For each choice, which of its sizes a layer in all `wanted` classes may have."""
        if wanted not in self._allowing:
            self._allowing[wanted] = [_in(sizes, wanted) for sizes in self._sizes]
        return self._allowing[wanted]


def _in(sizes: Sequence[Size], wanted: frozenset[str]) -> NDArray[np.bool_]:
    """Which sizes of a choice are in those of the `wanted` classes that it decides."""
    decided = wanted & frozenset().union(*(size.classes for size in sizes))
    return np.array([decided <= size.classes for size in sizes])


def _pairs(
    mix: Mix, worn: Array, firsts: Sequence[Array], choice: int, before: Mapping[int, int]
) -> Array:
    """What each size of a choice adds to those that were chosen before, and to a dtype."""
    gains: Array = mix.gains(choice, _traits(mix, before, worn)) + firsts[choice]
    return gains


def _gaining_first(gains: Sequence[Array], rng: np.random.Generator) -> list[int]:
    """The choices in random order, those last of which no size adds anything: they leave room."""
    return sorted(_in_any_order(gains, rng), key=lambda choice: not gains[choice].any())


def _in_any_order(choices: Sequence[object], rng: np.random.Generator) -> list[int]:
    order: list[int] = rng.permutation(len(choices)).tolist()
    return order


def _traits(mix: Mix, places: Mapping[int, int], worn: Array) -> Array:
    traits = worn.copy()
    for choice, place in places.items():
        traits |= mix.of_size(choice, place)
    return traits
