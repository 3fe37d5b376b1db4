"""What people ship, as geometries: every family, and each of them in every residue class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcheck.operations import Operation
from bpcheck.operations.families import Family
from bpcheck.planning.choices import Choices
from bpcheck.planning.limits import Limits

#: So many families of an operation are met in each dtype and all variants before anything else.
COMMON = 20

#: How much more a class counts that no family has met yet than one that this family has not.
_ANYWHERE = 8.0


#: So many layers in a row that add nothing end the search for more of a family.
_PATIENCE = 6


@dataclass(frozen=True, slots=True)
class Layer:
    """A geometry of a family, and the dtype that it is to be plain in: exact values in C order.

    A `dtype` of ``None`` leaves that open. `keys` are those of the numbers that make the family.
    """

    family: str
    geometry: Any
    dtype: str | None
    keys: frozenset[str]


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
        common, others = families[:COMMON], families[COMMON:]
        turns = max([len(self._dtypes), *(len(self._operation.variants(f)) for f in common)])
        for turn in range(turns if common else 0):
            for family in common:
                variants = self._operation.variants(family)
                if turn < max(len(variants), len(self._dtypes)):
                    yield from self._layer(family, turn, variants[turn % len(variants)])
        for place, family in enumerate(others):
            variants = self._operation.variants(family)
            yield from self._layer(family, 0, variants[place % len(variants)])
        for geometry in self._operation.shrunken_layers:
            yield Layer("", geometry, None, frozenset())
        yield from self._pairs(families)

    def _pairs(self, families: Sequence[Family]) -> Iterator[Layer]:
        """Each family in every residue class that it can be in, and in every dress."""
        left, turn = list(families), 1
        patience = {str(family): _PATIENCE for family in families}
        least = {str(family): self._needs(family) for family in families}
        while left := [each for each in left if self._is_wanted(each) and patience[str(each)]]:
            for family in left:
                yield from self._layer(family, turn, frozenset())
                needs = self._needs(family)
                if needs < least[str(family)]:
                    least[str(family)], patience[str(family)] = needs, _PATIENCE
                else:
                    patience[str(family)] -= 1
            turn += 1

    def _is_wanted(self, family: Family) -> bool:
        return self._needs(family) > 0 and str(family) not in self.refused

    def _needs(self, family: Family) -> int:
        """How many residue classes and dresses the family has not been met in."""
        dresses = self._wants(str(family)) if self._wants else 0
        return int(self._of(family).unmet.sum()) + dresses

    def _layer(self, family: Family, turn: int, wanted: frozenset[str]) -> Iterator[Layer]:
        name, choices = str(family), self._of(family)
        if name in self.refused or choices.is_too_large:
            return
        geometry = self.layer_of(family, wanted)
        if geometry is None:
            geometry = self.layer_of(family, frozenset())
        if geometry is None:
            return
        drawn = self._drawn.get(name, 0)
        self._drawn[name] = drawn + 1
        # By turns, so that families met once are spread over the dtypes.
        offset = self._operation.families.index(family)
        dtype = (
            self._dtypes[(drawn + offset) % len(self._dtypes)]
            if drawn < len(self._dtypes)
            else None
        )
        yield Layer(name, geometry, dtype, frozenset(family.numbers))

    def layer_of(self, family: Family, wanted: frozenset[str]) -> Any | None:
        """A layer of the family in all `wanted` classes, and in what else has not been met.

        ``None`` if the family has none that is small enough.
        """
        choices = self._of(family)
        weights = choices.unmet + _ANYWHERE * (self._unmet & choices.unmet)
        numbers = None if choices.is_too_large else choices.layer(wanted, weights, self._rng)
        return None if numbers is None else self._operation.geometry(self._with_bias(numbers))

    def count(self, geometry: Any) -> None:
        """Count a geometry that is in the plan."""
        classes = self._operation.shipped_classes(geometry)
        met = [self._column[each] for each in classes if each in self._column]
        self._unmet[met] = False
        for name in classes & self._choices.keys():
            self._choices[name].unmet[met] = False

    def _with_bias(self, numbers: dict[str, int]) -> dict[str, int]:
        if "bias" not in self._operation.keys:
            return numbers
        return {**numbers, "bias": int(self._rng.integers(4) > 0)}

    def _of(self, family: Family) -> Choices:
        name = str(family)
        if name not in self._choices:
            self._choices[name] = Choices(
                self._operation, family, tuple(self._column), self._limits.largest
            )
        return self._choices[name]
