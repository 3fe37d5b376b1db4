"""What people ship, as geometries: every family, and each of them in every residue class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases.layouts import C_ORDER, CHANNELS_LAST
from bpcheck.operations import Operation
from bpcheck.operations.families import Family
from bpcheck.planning.choices import Choices
from bpcheck.planning.draws import integers_from
from bpcheck.planning.limits import Limits
from bpcheck.planning.mixing import Mix
from bpcheck.planning.tables import Tables

#: How often the families of an operation are met before anything else, those of most models first:
#: in each dtype and all variants, and in as many pairs of traits as so many layers can have.
COMMON = (13,) * 5 + (6,) * 15

#: So many more layers of each family come then, each as unlike those before as can be.
_UNLIKE = 8

#: Of those the turn in which each family is on short sides, and another where there are few.
_SHORT, _SHORT_OF_FEW = 4, 2

#: How often a longer run has other relatives of the most common families.
_AGAIN = 3

#: How much more a class counts that no family has met yet than one that this family has not.
_ANYWHERE = 8.0


#: So many layers with room for tiles in a row are plain in one of these layouts, or not plain:
#: enough of each for every rest of their sides. Frameworks have a memory format beside C order.
_IN_A_ROW, _LAYOUTS_OF_TILES = 6, (C_ORDER, CHANNELS_LAST, C_ORDER, None)

#: So many layers in a row that add nothing end the search for more of a family.
_PATIENCE = 10


@dataclass(frozen=True, slots=True)
class Layer:
    """A geometry of a family, and the dtype that it is to be judged in.

    A layer `is_plain` where it has exact values, and its `layout` is then that of all arrays. A
    `dtype` of ``None`` leaves that open.
    `keys` are those of the numbers that make the family.
    """

    family: str
    geometry: Any
    dtype: str | None
    keys: frozenset[str]
    is_plain: bool = False
    layout: str = C_ORDER


class Shipped:
    """The layers of one plan that belong to families, the most common first.

    Parameters
    ----------
    operation
        The operation.
    dtypes
        NumPy names; a family comes in each of them.
    rng
        What is drawn, is drawn from it.
    limits
        Families above them are left out; `too_large` names them.
    wants
        How many dresses a family has not been met in, by its name; ``None`` if it need not be met
        in any.
    """

    def __init__(
        self,
        operation: Operation,
        dtypes: Sequence[str],
        *,
        rng: np.random.Generator,
        limits: Limits,
        wants: Callable[[str], int] | None = None,
    ):
        self._operation, self._dtypes, self._rng = operation, dtypes, rng
        self._limits, self._wants = limits, wants
        self._column = {name: column for column, name in enumerate(operation.residues)}
        self._unmet = np.ones(len(self._column), dtype=bool)
        self._choices: dict[str, Choices] = {}
        self._tables = Tables(tuple(self._column))
        self._mixes: dict[str, Mix] = {}
        self._drawn: dict[str, int] = {}
        #: Families that the subject turned out not to take.
        self.refused: set[str] = set()

    @property
    def too_large(self) -> tuple[str, ...]:
        """Names of the families of which every layer is above the limit."""
        return tuple(
            str(family) for family in self._operation.families if self._of(family).is_too_large
        )

    def __iter__(self) -> Iterator[Layer]:
        families = self._operation.families
        yield from self._common(families[: len(COMMON)])
        yield from self._uncommon(families[len(COMMON) :])
        tiled = self._operation.tiled_layers(integers_from(self._rng))
        for turn, geometry in enumerate(tiled):
            yield self._tiled_layer(turn, geometry)
        yield from self._relatives()
        for geometry in self._operation.shrunken_layers:
            yield Layer("", geometry, None, frozenset())
        for turn, geometry in enumerate(self._operation.blocked_layers()):
            yield self._tiled_layer(turn, geometry)
        yield from self._further(families)
        for _ in range(_AGAIN):
            yield from self._relatives()
        yield from self._pairs(families)

    def _common(self, families: Sequence[Family]) -> Iterator[Layer]:
        """The most common families, by turns."""
        for turn in range(max(COMMON) if families else 0):
            for family, times in zip(families, COMMON, strict=False):
                variants = self._operation.variants(family)
                if turn < max(times, len(variants), len(self._dtypes)):
                    yield from self._mixed_layer(family, variants[turn % len(variants)])

    def _uncommon(self, families: Sequence[Family]) -> Iterator[Layer]:
        """Each other family once, and once more, as unlike the first as can be."""
        for place, family in enumerate(families):
            variants = self._operation.variants(family)
            yield from self._mixed_layer(family, variants[place % len(variants)])
        for family in families:
            yield from self._unlike(family)

    def _further(self, families: Sequence[Family]) -> Iterator[Layer]:
        """Layers of each family by turns, every other one of a common family channels-last."""
        for turn in range(_UNLIKE):
            for place, family in enumerate(families):
                every = 2 if place < len(COMMON) else 4
                rounds, rest = divmod(turn, every)
                if rest == every - 1:
                    yield from self._formatted(family, rounds)
                elif turn == _SHORT or (turn == _SHORT_OF_FEW and len(families) <= len(COMMON)):
                    yield from self._short(family, place + turn - _SHORT)
                else:
                    yield from self._unlike(family)

    def _formatted(self, family: Family, turn: int) -> Iterator[Layer]:
        """A layer on exact values in the memory format that frameworks have beside C order."""
        variants = self._operation.variants(family)
        # From both ends by turns: they begin with one parity and end with the other.
        place = turn // 2 if turn % 2 == 0 else -1 - turn // 2
        for layer in self._unlike(family, variants[place % len(variants)]):
            dtype = self._dtype(family, turn)
            first = layer if layer.is_plain else None
            yield first or replace(layer, dtype=dtype, is_plain=True, layout=CHANNELS_LAST)

    def _short(self, family: Family, turn: int) -> Iterator[Layer]:
        """A layer on sides of which a tap reads padding alone, where the family has any."""
        for layer in self._unlike(family):
            short = self._operation.shortened(layer.geometry, turn)
            yield layer if short is None else replace(layer, geometry=short)

    def _unlike(self, family: Family, wanted: frozenset[str] = frozenset()) -> Iterator[Layer]:
        """A layer whose sizes leave other rests than those of the family before it."""
        if self._is_left_out(family):
            return
        numbers = self._of(family).unlike(wanted, self._rng)
        if numbers is None:
            return
        drawn = self._count_drawn(family)
        is_plain = drawn < len(self._dtypes)
        dtype = self._dtype(family, drawn) if is_plain else None
        geometry, keys = self._operation.geometry(numbers), frozenset(family.numbers)
        yield Layer(str(family), geometry, dtype, keys, is_plain=is_plain)

    def _tiled_layer(self, turn: int, geometry: Any) -> Layer:
        """Plain or not, by turns: a fast path may be for arrays of one memory format alone."""
        layout = _LAYOUTS_OF_TILES[turn // _IN_A_ROW % len(_LAYOUTS_OF_TILES)]
        if layout is None:
            return Layer("", geometry, None, frozenset())
        dtype = self._dtypes[turn % len(self._dtypes)]
        return Layer("", geometry, dtype, frozenset(), is_plain=True, layout=layout)

    def _relatives(self) -> Iterator[Layer]:
        """Relatives of the most common families, drawn anew."""
        for geometry in self._operation.relatives(integers_from(self._rng)):
            yield Layer("", geometry, None, frozenset())

    def _pairs(self, families: Sequence[Family]) -> Iterator[Layer]:
        """Each family in every residue class that it can be in, and in every dress."""
        left = list(families)
        patience = {str(family): _PATIENCE for family in families}
        least = {str(family): self._needs(family) for family in families}
        while left := [each for each in left if self._is_wanted(each) and patience[str(each)]]:
            for family in left:
                yield from self._layer(family)
                needs = self._needs(family)
                if needs < least[str(family)]:
                    least[str(family)], patience[str(family)] = needs, _PATIENCE
                else:
                    patience[str(family)] -= 1

    def _is_wanted(self, family: Family) -> bool:
        return self._needs(family) > 0 and str(family) not in self.refused

    def _needs(self, family: Family) -> int:
        """How many residue classes and dresses the family has not been met in."""
        dresses = self._wants(str(family)) if self._wants else 0
        return int(self._of(family).unmet.sum()) + dresses

    def _layer(self, family: Family) -> Iterator[Layer]:
        """A layer with residues that none has had, and in a dress that the plan chooses."""
        geometry = None if self._is_left_out(family) else self.layer_of(family, frozenset())
        if geometry is not None:
            self._count_drawn(family)
            yield Layer(str(family), geometry, None, frozenset(family.numbers))

    def _mixed_layer(self, family: Family, wanted: frozenset[str]) -> Iterator[Layer]:
        """A layer with pairs of traits that no layer of the family has had."""
        if self._is_left_out(family):
            return
        drawn, choices = self._count_drawn(family), self._of(family)
        mix = self._mixes.get(str(family))
        if mix is None:
            mix = self._mixes[str(family)] = choices.mix(self._dtypes)
        is_plain = drawn < len(self._dtypes)
        dtypes = (self._dtype(family, drawn),) if is_plain else self._dtypes
        for each in (wanted, frozenset[str]()):
            found = choices.mixed_layer(
                each, self._weights(choices), self._rng, mix=mix, dtypes=dtypes
            )
            if found is not None:
                numbers, dtype = found
                geometry, keys = self._operation.geometry(numbers), frozenset(family.numbers)
                yield Layer(str(family), geometry, dtype, keys, is_plain=is_plain)
                return

    def _is_left_out(self, family: Family) -> bool:
        return str(family) in self.refused or self._of(family).is_too_large

    def _count_drawn(self, family: Family) -> int:
        """How many layers of the family there were, this one not among them."""
        drawn = self._drawn.get(str(family), 0)
        self._drawn[str(family)] = drawn + 1
        return drawn

    def _dtype(self, family: Family, drawn: int) -> str:
        """By turns, so that families met once are spread over the dtypes."""
        return self._dtypes[(drawn + self._operation.families.index(family)) % len(self._dtypes)]

    def layer_of(self, family: Family, wanted: frozenset[str]) -> Any | None:
        """A layer of the family in all `wanted` classes, and in what else has not been met.

        ``None`` if the family has none that is small enough.
        """
        choices = self._of(family)
        if choices.is_too_large:
            return None
        numbers = choices.layer(wanted, self._weights(choices), self._rng)
        return None if numbers is None else self._operation.geometry(numbers)

    def _weights(self, choices: Choices) -> Array:
        """What each residue counts for a family."""
        weights: Array = choices.unmet + _ANYWHERE * (self._unmet & choices.unmet)
        return weights

    def count(self, geometry: Any) -> None:
        """Count a geometry that is in the plan."""
        classes = self._operation.shipped_classes(geometry)
        met = [self._column[each] for each in classes if each in self._column]
        self._unmet[met] = False
        for name in classes & self._choices.keys():
            self._choices[name].unmet[met] = False

    def _of(self, family: Family) -> Choices:
        name = str(family)
        if name not in self._choices:
            self._choices[name] = Choices(
                self._operation, family, self._tables, self._limits.largest
            )
        return self._choices[name]
