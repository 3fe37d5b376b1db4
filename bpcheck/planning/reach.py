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
from bpcheck.operations import Operation
from bpcheck.planning.beyond import (
    KINDS,
    reasons_beyond,
    unclaimed_kind,
    unclaimed_layout,
    within,
    without_place,
)
from bpcheck.planning.classes import (
    ALL,
    array_layouts,
    edge_class,
    geometry_classes,
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
        The edge classes that it cannot be asked for, each with the reason. Classes of dresses are
        surely so. Of a class of geometry at least `ENOUGH` members were drawn, and each left the
        class when it was brought within: a class that is met less often, or whose members cannot
        be brought within, is not called beyond.
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
        beyond={**_geometry_beyond(subject), **_dress_beyond(operation, claims)},
    )


def fixed_params(subject: Subject) -> tuple[str, ...]:
    """The params that the subject's code has no place for."""
    operation = subject.operation
    return without_place(subject, operation, operation.params(next(_drawn(operation))))


def _dress_beyond(operation: Operation, claims: Claims) -> dict[str, str]:
    found = {edge_class("values", kind): unclaimed_kind(claims, kind) for kind in KINDS}
    worn = {**array_layouts(operation), ALL: shared_layouts(operation)}
    found |= {
        edge_class(array, layout): unclaimed_layout(claims, layout)
        for array, layouts in worn.items()
        for layout in layouts
    }
    return {name: why for name, why in found.items() if why}


def _geometry_beyond(subject: Subject) -> dict[str, str]:
    """Classes of geometry whose members all leave them when they are brought within."""
    operation = subject.operation
    unmet = [str(each) for each in operation.edge_classes]
    tried: Counter[str] = Counter()
    shared: dict[str, list[str]] = {}
    for geometry in _drawn(operation):
        whys = list(reasons_beyond(subject, operation, geometry))
        narrowed = within(subject, geometry) if whys else geometry
        met = frozenset() if narrowed is None else geometry_classes(operation, narrowed)
        unmet = [name for name in unmet if name not in met]
        if narrowed is None and NOUNS["empty"] not in whys:
            # Another way to bring it within may be there.
            continue
        for name in geometry_classes(operation, geometry).intersection(unmet):
            tried[name] += 1
            # What all members of a class have in common is why it is beyond.
            before = shared.get(name, whys)
            shared[name] = [why for why in before if why in whys] or before
        if all(tried[name] >= ENOUGH for name in unmet):
            break
    return {name: shared[name][0] for name in unmet if tried[name] >= ENOUGH}


def _drawn(operation: Operation) -> Iterator[Any]:
    """Landmarks, then geometries drawn with a seed of its own."""
    for numbers in operation.landmarks:
        yield operation.geometry(numbers)
    integers = integers_from(np.random.default_rng((0, *b"reach")))
    for _ in range(DRAWS):
        yield operation.draw(integers)
