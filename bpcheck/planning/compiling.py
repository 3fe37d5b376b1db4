"""A plan for subjects that compile: few geometries, and many values, dtypes and layouts of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from typing import Any

from bpcheck.cases.case import Case
from bpcheck.cases.layouts import join_layouts
from bpcheck.operations import Operation
from bpcheck.planning.fewest import Fewest, companions, near
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import Profile

#: Layers that people ship, and other geometries, among which the few are chosen.
SHIPPED, OTHERS = 400, 400

#: One geometry in so many is one sample alone of another, for what is judged of two shapes.
_COMPANION_EVERY = 8

#: A geometry that was refused so often, and never taken, gives its place to another one.
_REFUSALS = 2


class CompilingPlan(Plan):
    """The cases of few geometries, by turns; the greedy covering chooses these.

    Parameters
    ----------
    like
        The claimed geometries that are like a drawn one, the nearest first; mostly itself.
    """

    def __init__(
        self,
        operation: Operation,
        *,
        profile: Profile,
        dtypes: Sequence[str],
        limits: Limits,
        like: Callable[[Any], Iterable[Any]],
        seed: int = 0,
        count: int | None = None,
    ):
        super().__init__(
            operation, profile=profile, dtypes=dtypes, seed=seed, count=count, limits=limits
        )
        # Further layers would be further geometries.
        self.total = profile.cases if count is None else count
        assert limits.geometries is not None  # noqa: S101 - else any plan will do
        self._number, self._like = limits.geometries, like
        self._taken: set[Any] = set()
        self._refusals: Counter[Any] = Counter()
        self._layouts: dict[Any, dict[str, str]] = {}

    @cached_property
    def _fewest(self) -> Fewest:
        return Fewest(self.operation, self._candidates())

    @cached_property
    def chosen(self) -> list[Any]:
        """The geometries, those first that add most."""
        samples = "n" in self.operation.keys and self._number > 2
        beside = max(1, self._number // _COMPANION_EVERY) if samples else 0
        found = [each for _ in range(self._number - beside) if (each := self._fewest.next())]
        others = (each for each in companions(self.operation, found) if each not in found)
        taken = (each for each in dict.fromkeys(others) if each in self._like(each))
        alone = list(islice(taken, beside))
        rest = (each for _ in range(beside - len(alone)) if (each := self._fewest.next()))
        return [*found, *alone, *rest]

    def __next__(self) -> Case:
        if not self.chosen:
            raise StopIteration
        rounds, place = divmod(self._made, len(self.chosen))
        case = self._case(self.chosen[place])
        self._made += 1
        if rounds < len(self.dtypes):
            # First on values of which none hides what it multiplies, in each dtype.
            return self.plain(case, rounds + place)
        return self._in_few_layouts(self._dressed(case))

    def learn(self, case: Case, *, taken: bool) -> None:
        super().learn(case, taken=taken)
        geometry = case.geometry
        if taken:
            self._taken.add(geometry)
            return
        self._refusals[geometry] += 1
        if geometry in self._taken or self._refusals[geometry] < _REFUSALS:
            return
        if geometry in self.chosen:
            self._exchange(geometry)

    def is_brief(self, case: Case) -> bool:
        # Its later cases are others of the same few geometries, and no further layers.
        return False

    def beside(self, geometry: Any) -> tuple[Any, ...] | None:
        return near(self.operation, geometry, self.chosen)

    def allows(self, geometry: Any) -> bool:
        return geometry in self.chosen

    def _in_few_layouts(self, case: Case) -> Case:
        """The case, with the layouts that its operands have had in this geometry before.

        Beside C order these are the first others; the cotangent may have any.
        """
        if not self.limits.by_layout:
            return case
        own = {name: each for name, each in case.layouts.items() if name != "y_bar"}
        known = self._layouts.setdefault(case.geometry, own) if own else {}
        rest = {name: each for name, each in case.layouts.items() if name == "y_bar"}
        return replace(case, layout=join_layouts({**known, **rest}))

    def _exchange(self, geometry: Any) -> None:
        """Put another geometry, one like those that are taken, in the place of a refused one."""
        place = self.chosen.index(geometry)
        while (other := self._fewest.next()) is not None:
            if other not in self.chosen and self.near(other) == other:
                self.chosen[place] = other
                return
        if len(self.chosen) > 1:
            del self.chosen[place]

    def _candidates(self) -> Iterator[Any]:
        drawn = chain(
            (layer.geometry for layer in islice(self._layers, SHIPPED)),
            islice(self._others, OTHERS),
        )
        for geometry in drawn:
            nearest = next(iter(self._like(geometry)), None)
            if nearest is not None and self.limits.allows(self.operation, nearest):
                yield nearest
