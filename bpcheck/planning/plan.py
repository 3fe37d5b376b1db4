"""Plans: which cases a run judges, in which order, the same for the same seed.

Three questions are asked by turns from the first case on: what do people ship (families and
residues), what is rare (edge classes and extremes), and what did nobody think of (random draws)?
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from bpcheck.cases.case import Case
from bpcheck.cases.numbers import SEEDS_APART
from bpcheck.errors import CaseError
from bpcheck.operations import Operation
from bpcheck.planning.acceptance import UNSHAPED, Acceptance
from bpcheck.planning.classes import beside_classes
from bpcheck.planning.covering import covering
from bpcheck.planning.draws import integers_from
from bpcheck.planning.dress import Wardrobe
from bpcheck.planning.limits import Limits
from bpcheck.planning.profiles import Profile
from bpcheck.planning.shipped import Layer, Shipped

#: After so many geometries comes one of the same shapes and other params.
TWIN_EVERY = 10

#: And before one in so many comes one whose input fills what is padded in it.
FILLED_EVERY = 2 * TWIN_EVERY

#: One rare or random case in so many wears a geometry again, in another dress, as long as that
#: adds something.
AGAIN_EVERY = 5


#: Of so many geometries in a row none was within the limits, or near what is taken: none will be.
_MISSES = 5_000


class Plan:
    """An endless stream of cases, which learns from what the subject refuses.

    Parameters
    ----------
    operation
        The operation.
    profile
        How thorough; `count`, if given, replaces its number of cases.
    dtypes
        NumPy names; the cases take them in turn.
    seed
        Everything random follows from it.
    limits
        What is left out since it would take too long.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> from bpcheck.planning.profiles import PROFILES
    >>> cases = Plan(operation_named("conv2d"), profile=PROFILES["quick"], dtypes=["float32"])
    >>> str(next(cases)).split()[:3]
    ['conv2d', 'n1ic64ih13iw13oc96kh2kw2sh2sw2', 'f32']
    """

    def __init__(
        self,
        operation: Operation,
        *,
        profile: Profile,
        dtypes: Sequence[str],
        seed: int = 0,
        count: int | None = None,
        limits: Limits | None = None,
    ):
        self.operation, self._profile, self._seed = operation, profile, seed
        self.limits, self.dtypes = limits or Limits(), tuple(dtypes)
        self.total = profile.total(operation) if count is None else count
        own = (seed, *operation.name.encode())
        self._acceptance = Acceptance(operation, np.random.default_rng((*own, 1)))
        self.wardrobe = Wardrobe(operation, dtypes, strength=profile.strength)
        self.shipped = Shipped(
            operation,
            dtypes,
            rng=np.random.default_rng((*own, 2)),
            limits=self.limits,
            wants=self.wardrobe.wants_beside if profile.strength > 1 else None,
        )
        self._layers = iter(self.shipped)
        self._others = _with_twins(operation, self._rare(np.random.default_rng(own)), seed)
        self._made, self._turn = 0, 0
        self._unseen = {str(each.edge) for each in operation.extremes}
        # Landmarks that are to be plain when they come first; later they wear anything.
        plain = operation.landmarks if operation.landmarks_are_plain else ()
        self._plain = {operation.geometry(numbers) for numbers in plain}
        # One set, which grows and shrinks with what is learned.
        self.shipped.refused = self.wardrobe.refused = self._acceptance.refused

    def __iter__(self) -> Iterator[Case]:
        return self

    def __next__(self) -> Case:
        for _ in range(_MISSES):
            case = self._shipped_case() if self._is_layers_turn() else None
            case = case or self._other_case()
            self._made += 1
            if case is not None:
                return case
        raise StopIteration

    def learn(self, case: Case, *, taken: bool) -> None:
        """Tell whether the subject took a case or refused it; later cases are drawn accordingly."""
        self._acceptance.learn(case, taken=taken)

    @property
    def refused(self) -> frozenset[str]:
        """Names of classes that the subject is believed to refuse."""
        return frozenset(self._acceptance.refused)

    def near(self, geometry: Any, *, keep: Collection[str] = ()) -> Any | None:
        """The geometry, or one like it that is believed to be taken."""
        return self._acceptance.shaped(geometry, keep=keep)

    def allows(self, geometry: Any) -> bool:
        """Whether a geometry is within the limits."""
        return self.limits.allows(self.operation, geometry)

    def beside(self, geometry: Any) -> tuple[Any, ...] | None:
        """The geometries that further runs beside this one may have; ``None`` for any."""
        return None

    def is_brief(self, case: Case) -> bool:
        """Whether the case is one of the further layers, which are asked what one run shows."""
        place = case.seed - self._seed * SEEDS_APART
        return self._profile.is_further(self.operation, place)

    def plain(self, case: Case, turn: int) -> Case:
        """The case on exact values in C order, in one of the dtypes by turns."""
        return self.wardrobe.plain(case, self.dtypes[turn % len(self.dtypes)])

    def _is_layers_turn(self) -> bool:
        is_further = self._profile.is_further(self.operation, self._made)
        return is_further or bool(self._made % self._profile.shipped)

    def _shipped_case(self) -> Case | None:
        for layer in self._layers:
            geometry = self._acceptance.shaped(layer.geometry, keep=layer.keys)
            if geometry is not None and self.allows(geometry):
                return self._dressed_layer(layer, geometry)
        return None

    def _dressed_layer(self, layer: Layer, geometry: Any) -> Case:
        self.shipped.count(geometry)
        case = self._case(geometry)
        if layer.is_plain and layer.dtype is not None:
            return self.wardrobe.plain(case, layer.dtype, layer.layout)
        return self._dressed(case, layer.dtype)

    def _other_case(self) -> Case | None:
        again = None
        if self._turn % AGAIN_EVERY == AGAIN_EVERY - 1:
            again = self.wardrobe.most_wanting()
        geometry = next(self._others) if again is None else again
        is_plain = geometry in self._plain
        self._plain.discard(geometry)
        if self._made % UNSHAPED:
            geometry = self._acceptance.shaped(geometry)
        if geometry is None or not self.allows(geometry):
            return None
        case = self._case(geometry)
        first = self._unseen & beside_classes(self.operation, geometry)
        if first or is_plain:
            # On values of which none hides what it multiplies, and in a layout that all take.
            self._unseen -= first
            self._turn += 1
            return self.plain(case, self._turn)
        return self._dressed(case)

    def _dressed(self, case: Case, dtype: str | None = None) -> Case:
        dressed = self.wardrobe.dressed(case, self._turn, dtype)
        self._turn += 1
        return dressed

    def _case(self, geometry: Any) -> Case:
        return Case(self.operation, geometry, seed=self._seed * SEEDS_APART + self._made)

    def _rare(self, rng: np.random.Generator) -> Iterator[Any]:
        """Landmarks, extremes, what covers the edge classes, then random draws for ever."""
        operation, integers = self.operation, integers_from(rng)
        reach = self._profile.reach
        extremes = [each.make(integers, 1) for each in operation.extremes]
        # A profile that widens ranges has the usual extremes too.
        farther = [each.make(integers, reach) for each in operation.extremes if reach > 1]
        draws = min(self._profile.draws, 40 * self.total)
        return chain(
            (operation.geometry(numbers) for numbers in operation.landmarks),
            extremes,
            farther,
            covering(operation, strength=self._profile.strength, rng=rng, draws=draws),
            _random(operation, rng),
        )


def plan(
    operation: Operation,
    *,
    profile: Profile,
    dtypes: Sequence[str],
    seed: int = 0,
    count: int | None = None,
) -> Iterator[Case]:
    """The cases of a plan for a subject that takes everything; see `Plan`."""
    return Plan(operation, profile=profile, dtypes=dtypes, seed=seed, count=count)


def _with_twins(operation: Operation, geometries: Iterator[Any], seed: int) -> Iterator[Any]:
    """The geometries, some followed by one of the same shapes and other params.

    A plan that is kept for the shapes alone, as a library keeps those of its convolutions, is then
    used for other params than it was made for. And some follow one without padding whose input is
    as large as theirs when it is padded: a border that is zeroed once is then found full.
    """
    integers = integers_from(np.random.default_rng((seed, *b"twins")))
    is_due = False
    for index, geometry in enumerate(geometries):
        is_due |= index % FILLED_EVERY == TWIN_EVERY // 2
        filled = _filled(operation, geometry) if is_due else None
        if filled is not None:
            is_due = False
            yield filled
        yield geometry
        if index % TWIN_EVERY == TWIN_EVERY - 1:
            twin = operation.twin(geometry, integers)
            if twin is not None:
                yield twin


def _filled(operation: Operation, geometry: Any) -> Any | None:
    """The geometry with cells of the input in the place of all padding; ``None`` without any."""
    numbers = geometry.numbers()
    known = {key: numbers[key] for key in operation.keys}
    for plain in operation.plainer(known):
        with contextlib.suppress(CaseError):
            return operation.geometry(plain)
    return None


def _random(operation: Operation, rng: np.random.Generator) -> Iterator[Any]:
    integers = integers_from(rng)
    while True:
        yield operation.draw(integers)
