"""Drawing geometries of a declared operation: edges of sizes, within what a case may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from math import prod

import numpy as np

from bpcheck.errors import CaseError, OperationError
from bpcheck.operations.declared import edges, lengths
from bpcheck.operations.declared.declaration import Declaration
from bpcheck.operations.declared.sizes import (
    MOST_CELLS,
    MOST_LEADING,
    Sizes,
    draw_size,
    largest_first,
    leading_keys,
    leading_numbers,
    leading_shape,
    smaller,
)
from bpcheck.operations.promises import EdgeClass, Extreme, Integers

#: Draws in a row after which nothing is expected to be allowed any more.
TRIES = 400

#: Draws after which a long axis is taken not to be allowed.
FEW_TRIES = 20

#: So many draws show how many of them are refused.
ENOUGH = 60

#: Seeds of the operands that have no gradient.
MOST_DRAWS = 1 << 16

#: One more than that many draws, one has axes of one length.
EQUAL_EVERY = 7

#: What is long is so many times as long as that begins at most, and longer than a block of threads
#: on a GPU if it may be.
_LONGEST, _BLOCK = 8, 1_024

#: Of a second group of leading axes, one in so many has nothing to do with the first.
ALONE_EVERY = 3

#: Sizes of leading axes.
LEADING = (1, 2, 3, 5, 4, 7)


class Drawer:
    """Draws the geometries of one declared operation.

    Parameters
    ----------
    declaration
        What was declared.
    geometry
        The geometry of numbers; it raises `CaseError` for one that is not allowed.
    """

    def __init__(self, declaration: Declaration, geometry: Callable[[Mapping[str, int]], Sizes]):
        self._declared, self._geometry = declaration, geometry
        self._drawn = self._refused = 0

    def draw(self, integers: Integers) -> Sizes:
        """A geometry that is allowed.

        Raises
        ------
        OperationError
            If most are refused, or all: the declaration lacks a ``where``.
        """
        said = ""
        for _ in range(TRIES):
            self._drawn += 1
            try:
                return self._geometry(self._cheap(self._numbers(integers)))
            except CaseError as error:
                if "where(...)" not in str(error):
                    self._refused += 1
                    said = str(error)
            if self._drawn >= ENOUGH and 2 * self._refused > self._drawn:
                break
        if not said:
            raise OperationError(f"where(...) was false for {TRIES} draws in a row: widen it")
        raise OperationError(
            f"{self._refused} of {self._drawn} draws were refused ({said}): say in the declaration "
            "what is allowed, by sizes=, params= or where=lambda ..., which names sizes and params"
        )

    @property
    def extremes(self) -> tuple[Extreme, ...]:
        """Each axis that can be long, long alone; and many leading ones together."""
        axes = [
            each
            for each in self._declared.axes
            if max(self._declared.size(each).drawn) > edges.LONG
        ]
        named = f"> {edges.LONG}"
        return (
            *(Extreme(EdgeClass(a, named, self._is_long(a)), self._make_long(a)) for a in axes),
            *(
                Extreme(EdgeClass(f"{each}_0", named, self._is_long(f"{each}_0")), self._many(each))
                for each in self._declared.leading
            ),
        )

    def _is_long(self, axis: str) -> Callable[[Sizes], bool]:
        return lambda geometry: geometry.numbers()[axis] > edges.LONG

    def _make_long(self, axis: str) -> Callable[[Integers, int], Sizes]:
        def make(integers: Integers, reach: int) -> Sizes:
            levels = self._declared.size(axis)
            longest = _LONGEST * reach * edges.LONG
            long = [each for each in levels.drawn if edges.LONG < each <= longest]
            long = [each for each in long if each > _BLOCK] or long
            size = long[integers(0, len(long) - 1)] if long else max(levels.drawn)
            return self._tiny_but(integers, {axis: size})

        return make

    def _many(self, group: str) -> Callable[[Integers, int], Sizes]:
        def make(integers: Integers, reach: int) -> Sizes:
            size = integers(edges.LONG + 1, 4 * reach * edges.LONG)
            return self._tiny_but(integers, {group: 1, f"{group}_0": size})

        return make

    def landmarks(self, *, together: bool) -> tuple[Mapping[str, int], ...]:
        """Axes as long as those of models, and past the blocks of kernels; see `lengths`."""
        rng = np.random.default_rng(0)

        def integers(low: int, high: int) -> int:
            return int(rng.integers(low, high + 1))

        def tiny(given: Mapping[str, int]) -> Mapping[str, int] | None:
            found = self._tiny(integers, given, FEW_TRIES)
            return None if found is None else found.numbers()

        ways = (lengths.alone, *(lengths.TOGETHER_WAYS if together else ()))
        given = chain.from_iterable(way(self._declared) for way in ways)
        return lengths.landmarks(given, self._declared, tiny)

    def _tiny_but(self, integers: Integers, given: Mapping[str, int]) -> Sizes:
        """A geometry with these numbers and all else tiny, or any."""
        return self._tiny(integers, given, TRIES) or self.draw(integers)

    def _tiny(self, integers: Integers, given: Mapping[str, int], tries: int) -> Sizes | None:
        """A geometry with these numbers, and all else tiny."""
        for turn in range(tries):
            numbers = self._numbers(integers)
            for other in self._declared.axes:
                others = self._declared.size(other).drawn
                numbers[other] = min(numbers[other], max(3, others[0]), key=abs)
            for group in self._declared.leading:
                numbers[group] = min(1, numbers[group])
            # What is added up over the long axis is to be there, if it may.
            if turn % 2 == 0:
                numbers |= {key: 1 for key in numbers if key.startswith("has_")}
            try:
                return self._geometry({**numbers, **given})
            except CaseError:
                continue
        return None

    def _numbers(self, integers: Integers) -> dict[str, int]:
        numbers = {
            axis: draw_size(self._declared.size(axis), integers) for axis in self._declared.axes
        }
        if integers(0, EQUAL_EVERY) == EQUAL_EVERY:
            # Axes that are exchanged show by no shape.
            same = next(iter(numbers.values()), 1)
            numbers = {
                axis: same if same in self._declared.size(axis).drawn else size
                for axis, size in numbers.items()
            }
        for place, group in enumerate(self._declared.leading):
            count, *sizes = leading_keys(group)
            numbers[count] = integers(0, MOST_LEADING)
            numbers |= {key: LEADING[integers(0, len(LEADING) - 1)] for key in sizes}
            if place and integers(0, ALONE_EVERY):
                numbers |= self._broadcast(group, numbers, integers)
        for param in self._declared.params:
            pairs = zip(param.keys, param.levels, strict=True)
            numbers |= {key: levels.draw(integers) for key, levels in pairs}
        for each in self._declared.operands:
            if each.is_optional:
                numbers[f"has_{each.name}"] = integers(0, 1)
        if self._declared.constants:
            numbers["draws"] = integers(0, MOST_DRAWS)
        return numbers

    def _broadcast(
        self, group: str, numbers: Mapping[str, int], integers: Integers
    ) -> dict[str, int]:
        """The numbers of a group of leading axes that go with the first group's.

        It has as many axes, or fewer of the last ones, of the same sizes or of 1.
        """
        shape = leading_shape(self._declared.leading[0], numbers)
        kept = shape[integers(0, len(shape)) :] if integers(0, 1) else shape
        sizes = [1 if integers(0, 2) == 0 else size for size in kept]
        return leading_numbers(group, sizes)

    def _cheap(self, numbers: dict[str, int]) -> dict[str, int]:
        """The same with the longest axes halved until a case is cheap enough."""
        numbers = dict(numbers)
        while self._cells(numbers) > MOST_CELLS:
            for axis in largest_first(self._declared.axes, numbers):
                less = smaller(self._declared.size(axis), numbers[axis])
                if less < numbers[axis]:
                    numbers[axis] = less
                    break
            else:
                return self._with_fewer_leading(numbers)
        return numbers

    def _with_fewer_leading(self, numbers: dict[str, int]) -> dict[str, int]:
        return numbers | dict.fromkeys(self._declared.leading, 0)

    def _cells(self, numbers: Mapping[str, int]) -> int:
        leading = {group: leading_shape(group, numbers) for group in self._declared.leading}
        return sum(prod(each.shape(numbers, leading)) for each in self._declared.operands)
