"""What a subject can be asked for, as far as its signature and its claims tell, before any call.

A plan is shaped by it: params that the code has no place for stay where they make no difference,
and what is not claimed is not drawn. What only a call could tell (``supports``, a refusal) is not
part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcheck.cases.layouts import LAYOUTS
from bpcheck.claims import Claims
from bpcheck.claims.told import NOUNS, restricted
from bpcheck.operations import EdgeClass, Operation
from bpcheck.planning.beyond import (
    KINDS,
    NO_PLACE,
    all_within,
    geometry_beyond,
    reasons_beyond,
    unclaimed_kind,
    unclaimed_layout,
    without_place,
)
from bpcheck.planning.classes import (
    ALL,
    array_layouts,
    edge_class,
    shared_layouts,
)
from bpcheck.planning.draws import integers_from
from bpcheck.subject import Subject

#: A class is out of reach when so many geometries of it were brought within, and none stayed in it.
ENOUGH = 20

#: How many geometries are drawn for that at most.
DRAWS = 4_000


@dataclass(frozen=True, slots=True)
class Reach:
    """What a subject can be asked for.

    Parameters
    ----------
    fixed
        The params that its code has no place for: they stay at their neutral value.
    restricted
        The words of the claims that restrict its geometries, such as ``"dilation"``.
    dtypes, values, layouts
        The levels of a dress that it claims.
    beyond
        The classes that it cannot be asked for, each with the reason. Those of dresses are surely
        so, and so are families. Of any other class, at least `ENOUGH` members were drawn, and each
        left the class when it was brought within: a class that is met less often, or whose
        members cannot be brought within, is not called beyond.
    """

    fixed: tuple[str, ...]
    restricted: tuple[str, ...]
    dtypes: tuple[str, ...]
    values: tuple[str, ...]
    layouts: tuple[str, ...]
    beyond: Mapping[str, str]


def reach_of(subject: Subject) -> Reach:
    """What `subject` can be asked for; the same for the same signature and claims.

    Examples
    --------
    >>> conv = Subject(lambda x, w, b, *, stride: ..., print, operation="conv2d", empty=False)
    >>> reach = reach_of(conv)
    >>> reach.fixed
    ('padding', 'dilation', 'groups')
    >>> reach.beyond["batch 0"], reach.beyond["padding > 0"], "stride > 1" in reach.beyond
    ('empty batches', 'forward takes no padding', False)
    """
    operation, claims = subject.operation, subject.claims
    return Reach(
        fixed=fixed_params(subject),
        restricted=restricted(claims, operation),
        dtypes=tuple(name for name in claims.dtypes if name in operation.dtypes),
        values=tuple(kind for kind in operation.value_kinds if not unclaimed_kind(claims, kind)),
        layouts=tuple(each for each in LAYOUTS if not unclaimed_layout(claims, each)),
        beyond={
            **_geometry_beyond(subject),
            **_families_beyond(subject),
            **_dress_beyond(operation, claims),
        },
    )


def fixed_params(subject: Subject) -> tuple[str, ...]:
    """The params that the subject's code has no place for."""
    operation = subject.operation
    return without_place(subject, operation, operation.params(next(_drawn(operation))))


def _dress_beyond(operation: Operation, claims: Claims) -> dict[str, str]:
    kinds = [kind for kind in KINDS if kind in operation.value_kinds]
    found = {edge_class("values", kind): unclaimed_kind(claims, kind) for kind in kinds}
    worn = {**array_layouts(operation), ALL: shared_layouts(operation)}
    found |= {
        edge_class(array, layout): unclaimed_layout(claims, layout)
        for array, layouts in worn.items()
        for layout in layouts
    }
    return {name: why for name, why in found.items() if why}


def _families_beyond(subject: Subject) -> dict[str, str]:
    """Families whose layers are beyond: what they have in common are the params."""
    operation, found = subject.operation, {}
    for family in operation.families:
        numbers = dict(family.numbers)
        for choice in operation.sizes(family):
            numbers |= min(choice, key=lambda size: size.cost).numbers
        why = geometry_beyond(subject, operation, operation.geometry(numbers))
        if why:
            found[str(family)] = why
    return found


def _geometry_beyond(subject: Subject) -> dict[str, str]:
    """Classes of geometry whose members all leave them when they are brought within."""
    operation = subject.operation
    fixed = fixed_params(subject)
    if not (fixed or restricted(subject.claims, operation)) and subject.claims.empty:
        return {}
    needed = next((name for name in fixed if name not in operation.neutral), "")
    if needed:
        return {str(each): f"{NO_PLACE}{needed}" for each in _classes(operation)}
    predicates = {str(each): each.holds for each in _classes(operation)}
    unmet = list(predicates)
    tried: Counter[str] = Counter()
    shared: dict[str, list[str]] = {}
    for geometry in _drawn(operation):
        whys = list(reasons_beyond(subject, operation, geometry))
        narrowed = list(all_within(subject, geometry))
        unmet = [name for name in unmet if not any(map(predicates[name], narrowed))]
        if not narrowed and NOUNS["empty"] not in whys:
            # Another way to bring it within may be there.
            continue
        for name in (each for each in unmet if predicates[each](geometry)):
            tried[name] += 1
            # What all members of a class have in common is why it is beyond.
            before = shared.get(name, whys)
            shared[name] = [why for why in before if why in whys] or before
        if all(tried[name] >= ENOUGH for name in unmet):
            break
    return {name: shared[name][0] for name in unmet if tried[name] >= ENOUGH}


def _classes(operation: Operation) -> tuple[EdgeClass, ...]:
    return (*operation.edge_classes, *(each.edge for each in operation.extremes))


def _drawn(operation: Operation) -> Iterator[Any]:
    """Landmarks, some of each extreme, then geometries drawn with a seed of its own."""
    for numbers in operation.landmarks:
        yield operation.geometry(numbers)
    integers = integers_from(np.random.default_rng((0, *b"reach")))
    for each in operation.extremes:
        for _ in range(ENOUGH):
            yield each.make(integers, 1)
    for _ in range(DRAWS):
        yield operation.draw(integers)
