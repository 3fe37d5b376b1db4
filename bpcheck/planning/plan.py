"""Plans: which cases a run judges, in which order, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from itertools import count as count_up
from types import MappingProxyType
from typing import Any

import numpy as np

from bpcheck.cases.case import Case
from bpcheck.errors import UsageError
from bpcheck.operations import Operation
from bpcheck.planning.classes import geometry_classes
from bpcheck.planning.covering import covering
from bpcheck.planning.draws import integers_from
from bpcheck.planning.dress import Wardrobe


@dataclass(frozen=True, slots=True)
class Profile:
    """How thorough a run is: how many cases, and which combinations of edge classes they cover."""

    name: str
    cases: int
    strength: int
    draws: int


PROFILES: MappingProxyType[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile("quick", cases=300, strength=1, draws=2_000),
            Profile("default", cases=3_000, strength=2, draws=6_000),
            Profile("thorough", cases=30_000, strength=3, draws=60_000),
        )
    }
)

#: After so many geometries comes one of the same shapes and other params.
TWIN_EVERY = 10

#: One case in so many wears a geometry again, in another dress, as long as that adds something.
AGAIN_EVERY = 5


def profile_named(name: str) -> Profile:
    """The profile of that name; `UsageError` lists those there are."""
    if name not in PROFILES:
        raise UsageError(f"profile={name!r}: must be one of {', '.join(PROFILES)}")
    return PROFILES[name]


def plan(
    operation: Operation,
    *,
    profile: Profile,
    dtypes: Sequence[str],
    seed: int = 0,
    count: int | None = None,
) -> Iterator[Case]:
    """An endless stream of cases: landmarks, what covers the edge classes, then random ones.

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

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> cases = plan(operation_named("conv2d"), profile=PROFILES["quick"], dtypes=["float32"])
    >>> str(next(cases)).split()[:4]
    ['conv2d', 'n1ic64ih13iw13oc96kh2kw2sh2sw2', 'f32', 'exact']
    """
    total = profile.cases if count is None else count
    rng = np.random.default_rng((seed, *operation.name.encode()))
    geometries = chain(
        (operation.geometry(numbers) for numbers in operation.landmarks),
        covering(
            operation, strength=profile.strength, rng=rng, draws=min(profile.draws, 40 * total)
        ),
        _random(operation, rng),
    )
    wardrobe = Wardrobe(operation, dtypes, strength=profile.strength)
    own = _with_twins(operation, geometries, seed)
    for index in count_up():
        again = wardrobe.most_wanting() if index % AGAIN_EVERY == AGAIN_EVERY - 1 else None
        geometry = next(own) if again is None else again
        yield wardrobe.dressed(Case(operation, geometry, seed=seed * 1_000_003 + index), index)


def cases_of_class(
    operation: Operation,
    name: str,
    *,
    known: Sequence[Case],
    dtypes: Sequence[str],
    seed: int,
    draws: int,
) -> Iterator[Case]:
    """Cases of that edge class: random geometries of it among `draws`, or `known` ones in dress."""
    wardrobe = Wardrobe(operation, dtypes, strength=1)
    if name not in {str(each) for each in operation.edge_classes}:
        yield from wardrobe.in_class(known, name)
        return
    rng = np.random.default_rng((seed, *name.encode()))
    for index, geometry in enumerate(islice(_random(operation, rng), draws)):
        if name in geometry_classes(operation, geometry):
            yield wardrobe.dressed(Case(operation, geometry, seed=index), index)


def _with_twins(operation: Operation, geometries: Iterator[Any], seed: int) -> Iterator[Any]:
    """The geometries, some followed by one of the same shapes and other params.

    A plan that is kept for the shapes alone, as a library keeps those of its convolutions, is then
    used for other params than it was made for.
    """
    integers = integers_from(np.random.default_rng((seed, *b"twins")))
    for index, geometry in enumerate(geometries):
        yield geometry
        if index % TWIN_EVERY == TWIN_EVERY - 1:
            twin = operation.twin(geometry, integers)
            if twin is not None:
                yield twin


def _random(operation: Operation, rng: np.random.Generator) -> Iterator[Any]:
    integers = integers_from(rng)
    while True:
        yield operation.draw(integers)
