"""Plans: which cases a run judges, in which order, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np

from bpcheck.cases.case import Case
from bpcheck.cases.covering import covering, integers_from
from bpcheck.cases.layouts import BROADCAST, C_ORDER, LAYOUTS, join_layouts
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

#: How often each value kind occurs: exact ones find most, real ones judge rounding. Kinds that are
#: left out occur in no plan.
_WEIGHTS = MappingProxyType(
    {"exact": 5, "wide": 2, "ties": 2, "special": 1, "tiny": 1, "huge": 1, "real": 3}
)


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
    kinds = _kinds(operation)
    geometries = chain(
        (operation.geometry(numbers) for numbers in operation.landmarks),
        covering(
            operation, strength=profile.strength, rng=rng, draws=min(profile.draws, 40 * total)
        ),
        _random(operation, rng),
    )
    for index, geometry in enumerate(geometries):
        yield _case(operation, geometry, dtypes, kinds, index, seed)


def _random(operation: Operation, rng: np.random.Generator) -> Iterator[Any]:
    integers = integers_from(rng)
    while True:
        yield operation.draw(integers)


def _case(
    operation: Operation,
    geometry: Any,
    dtypes: Sequence[str],
    kinds: Sequence[str],
    index: int,
    seed: int,
) -> Case:
    # Kinds change with every case and dtypes once a round of kinds, so that all pairs occur.
    case_seed = seed * 1_000_003 + index
    return Case(
        operation.name,
        geometry,
        dtype=dtypes[(index + index // len(kinds)) % len(dtypes)],
        values=kinds[index % len(kinds)],
        layout=_layout(operation, geometry, case_seed),
        seed=case_seed,
    )


def _layout(operation: Operation, geometry: Any, seed: int) -> str:
    """In every third case a layout for about half of the arrays, and one for the cotangent.

    A cotangent may be broadcast, as a mean leaves it.
    """
    # Drawn, not counted: layouts must meet every dtype and every value kind.
    rng = np.random.default_rng(seed)
    if rng.integers(3):
        return C_ORDER
    names = [name for name in LAYOUTS if name != BROADCAST]
    layouts = {
        name: str(rng.choice(names)) if rng.integers(2) else C_ORDER
        for name in operation.operand_shapes(geometry)
    }
    layouts["y_bar"] = str(rng.choice([*names[1:], BROADCAST, BROADCAST]))
    return join_layouts(layouts)


def _kinds(operation: Operation) -> list[str]:
    """The operation's value kinds, each as often as its weight, spread evenly."""
    slots = [
        ((position + 0.5) / _WEIGHTS[kind], order, kind)
        for order, kind in enumerate(operation.value_kinds)
        if kind in _WEIGHTS
        for position in range(_WEIGHTS[kind])
    ]
    return [kind for _, _, kind in sorted(slots)]
