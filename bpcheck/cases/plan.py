"""Plans: which cases a run judges, in which order, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import numpy as np

from bpcheck.cases.case import Case
from bpcheck.cases.classes import (
    WEIGHTS,
    array_layouts,
    dress_classes,
    edge_classes,
    geometry_classes,
)
from bpcheck.cases.covering import Covered, covering
from bpcheck.cases.draws import integers_from
from bpcheck.cases.layouts import C_ORDER, join_layouts
from bpcheck.errors import UsageError
from bpcheck.operations import Operation, operation_named


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

#: How many random choices of dtype, values and layouts a case is picked from.
OPTIONS, RARE_OPTIONS = 8, 40

#: After so many cases in a row that add nothing, only those have the choice whose geometry belongs
#: to a class that fewer than `RARE` cases have met.
PATIENCE, RARE = 100, 100


def profile_named(name: str) -> Profile:
    """The profile of that name; `UsageError` lists those there are."""
    if name not in PROFILES:
        raise UsageError(f"profile={name!r}: must be one of {', '.join(PROFILES)}")
    return PROFILES[name]


def plan(
    operation_name: str,
    *,
    profile: Profile,
    dtypes: Sequence[str],
    seed: int = 0,
    count: int | None = None,
) -> Iterator[Case]:
    """An endless stream of cases: landmarks, what covers the edge classes, then random ones.

    Parameters
    ----------
    operation_name
        The operation.
    profile
        How thorough; `count`, if given, replaces its number of cases.
    dtypes
        NumPy names; the cases take them in turn.
    seed
        Everything random follows from it.

    Examples
    --------
    >>> cases = plan("conv2d", profile=PROFILES["quick"], dtypes=["float32"])
    >>> str(next(cases))
    'conv2d n1ic64ih13iw13oc96kh2kw2sh2sw2 f32 exact c-order seed=0'
    """
    operation = operation_named(operation_name)
    total = profile.cases if count is None else count
    rng = np.random.default_rng((seed, *operation_name.encode()))
    geometries = chain(
        (operation.geometry(numbers) for numbers in operation.landmarks),
        covering(
            operation, strength=profile.strength, rng=rng, draws=min(profile.draws, 40 * total)
        ),
        _random(operation, rng),
    )
    covered = Covered(edge_classes(operation, dtypes), strength=profile.strength)
    kinds, barren, seen = _kinds(operation), 0, Counter[str]()
    for index, geometry in enumerate(_with_twins(operation, geometries, seed)):
        case = Case(operation.name, geometry, seed=seed * 1_000_003 + index)
        own = geometry_classes(operation, geometry)
        dressed = _dressed(case, dtypes, kinds, index)
        seen.update(own)
        # Choosing costs time: where it added nothing for long, only rare geometries have a choice.
        is_rare = min(seen[name] for name in own) < RARE
        options = RARE_OPTIONS if is_rare else OPTIONS if barren < PATIENCE else 0
        some = islice(dressed, 1 + options)
        gains = [(covered.gain(own | dress_classes(each)), each) for each in some]
        # The first of those that add most: that whose turn it is, once all is covered.
        gain, chosen = max(gains, key=itemgetter(0))
        barren = 0 if gain else barren + 1
        covered.add(own | dress_classes(chosen))
        yield chosen


def cases_of_class(
    operation: Operation,
    edge_class: str,
    *,
    known: Sequence[Case],
    dtypes: Sequence[str],
    seed: int,
    draws: int,
) -> Iterator[Case]:
    """Cases of an edge class: random geometries of it among `draws`, or `known` ones dressed so."""
    kinds = _kinds(operation)
    if edge_class in {str(each) for each in operation.edge_classes}:
        rng = np.random.default_rng((seed, *edge_class.encode()))
        for index, geometry in enumerate(islice(_random(operation, rng), draws)):
            if edge_class in geometry_classes(operation, geometry):
                case = Case(operation.name, geometry, seed=index)
                yield next(_dressed(case, dtypes, kinds, index))
        return
    for index, case in enumerate(known):
        dressed = islice(_dressed(case, dtypes, kinds, index), draws)
        found = next((each for each in dressed if edge_class in dress_classes(each)), None)
        if found is not None:
            yield found


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


def _dressed(case: Case, dtypes: Sequence[str], kinds: Sequence[str], index: int) -> Iterator[Case]:
    """The case with its turn of dtype and value kind, and then with others drawn at random."""
    arrays = [*case.promise.operand_shapes(case.geometry), "y_bar"]
    layouts = array_layouts(case.operation)
    # Drawn, not counted: layouts must meet every dtype and every value kind.
    rng = np.random.default_rng(case.seed)
    # Kinds change with every case and dtypes once a round of kinds, so that all pairs occur.
    dtype = dtypes[(index + index // len(kinds)) % len(dtypes)]
    plain = replace(case, dtype=dtype, values=kinds[index % len(kinds)])
    if rng.integers(3):
        yield plain
    else:
        yield replace(plain, layout=_layout(layouts, arrays, rng))
    while True:
        yield replace(
            case,
            dtype=str(rng.choice(list(dtypes))),
            values=str(rng.choice(list(kinds))),
            layout=_layout(layouts, arrays, rng),
        )


def _layout(
    layouts: Mapping[str, Sequence[str]], arrays: Sequence[str], rng: np.random.Generator
) -> str:
    """A layout for about half of the operands, and one for the cotangent."""
    drawn = {
        name: str(rng.choice(layouts[name])) if name == "y_bar" or rng.integers(2) else C_ORDER
        for name in arrays
    }
    return join_layouts(drawn)


def _kinds(operation: Operation) -> list[str]:
    """The operation's value kinds, each as often as its weight, spread evenly."""
    slots = [
        ((position + 0.5) / WEIGHTS[kind], order, kind)
        for order, kind in enumerate(operation.value_kinds)
        if kind in WEIGHTS
        for position in range(WEIGHTS[kind])
    ]
    return [kind for _, _, kind in sorted(slots)]
