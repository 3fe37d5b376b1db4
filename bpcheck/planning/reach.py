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

from bpcheck.cases.case import Case
from bpcheck.cases.layouts import C_ORDER, LAYOUTS
from bpcheck.claims import Claims
from bpcheck.errors import CaseError
from bpcheck.operations import Operation
from bpcheck.planning.classes import (
    ALL,
    array_layouts,
    edge_class,
    geometry_classes,
    shared_layouts,
)
from bpcheck.planning.draws import integers_from
from bpcheck.subject import Subject

#: For value kinds that a subject may leave out: the claim, and what it is about.
KINDS: Mapping[str, tuple[str, str]] = {
    "special": ("nan", "NaN"),
    "tiny": ("subnormals", "subnormals"),
}

EMPTY = "empty batches"

#: How a reason begins that the signature gives.
NO_PLACE = "forward takes no "

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
        class when it was brought within: a class that is met less often is left out.
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
        restricted=restricted_words(claims, operation),
        dtypes=tuple(name for name in claims.dtypes if name in operation.dtypes),
        values=tuple(kind for kind in operation.value_kinds if not unclaimed_kind(claims, kind)),
        layouts=tuple(each for each in LAYOUTS if not unclaimed_layout(claims, each)),
        beyond={**_geometry_beyond(subject), **_dress_beyond(operation, claims)},
    )


def fixed_params(subject: Subject) -> tuple[str, ...]:
    """The params that the subject's code has no place for."""
    operation = subject.operation
    return _without_place(subject, operation, operation.params(next(_drawn(operation))))


def _without_place(
    subject: Subject, operation: Operation, params: Mapping[str, Any]
) -> tuple[str, ...]:
    lacking = subject.lacking(operation.operands, tuple(params))
    return tuple(name for name in params if name in lacking)


def restricted_words(claims: Claims, operation: Operation) -> tuple[str, ...]:
    """The claims that restrict the geometries of an operation: those that are not as usual."""
    usual = Claims()
    return tuple(
        word for word in operation.restrictions if getattr(claims, word) != getattr(usual, word)
    )


def within(subject: Subject, geometry: Any) -> Any | None:
    """`geometry`, or one like it that the subject can be asked for; ``None`` if there is none.

    Params without a place get their neutral value, and what is restricted is narrowed; operand
    shapes may change by that.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> case = parse_case("conv1d n1ic1iw5oc1kw3sw2pw1")
    >>> conv = Subject(lambda x, w, b, *, stride: ..., print, operation="conv1d")
    >>> case.operation.params(within(conv, case.geometry))["padding"]
    (0,)
    """
    if not geometry_beyond(subject, subject.operation, geometry):
        return geometry
    operation = subject.operation
    numbers = {k: v for k, v in geometry.numbers().items() if k in operation.keys}
    for name in _without_place(subject, operation, operation.params(geometry)):
        if name in operation.neutral_numbers:
            numbers = operation.neutral_numbers[name](numbers)
    for word in restricted_words(subject.claims, operation):
        numbers = operation.restrictions[word].narrow(numbers)
    try:
        narrowed = operation.geometry(numbers)
    except CaseError:
        return None
    return None if geometry_beyond(subject, operation, narrowed) else narrowed


def geometry_beyond(subject: Subject, operation: Operation, geometry: Any) -> str:
    """Why a geometry is beyond the signature or the claims, or ``""`` if it is not."""
    return next(_reasons(subject, operation, geometry), "")


def _reasons(subject: Subject, operation: Operation, geometry: Any) -> Iterator[str]:
    params, operands = operation.params(geometry), operation.operand_shapes(geometry)
    for name in subject.lacking(operation.operands, tuple(params)):
        is_neutral = operation.neutral.get(name)
        if name in operands or (
            name in params and not (is_neutral is not None and is_neutral(params))
        ):
            yield f"{NO_PLACE}{name}{_instead(subject, params)}"
    if not subject.claims.empty and any(0 in shape for shape in operands.values()):
        yield EMPTY
    for word in restricted_words(subject.claims, operation):
        if not operation.restrictions[word].holds(geometry):
            yield operation.restrictions[word].outside


def dress_beyond(claims: Claims, case: Case) -> str:
    """Why dtype, values or layouts of a case are beyond the claims, or ``""``."""
    if case.dtype not in claims.dtypes:
        return f"{case.dtype} is not among the dtypes claimed"
    layouts = (unclaimed_layout(claims, each) for each in case.layouts.values())
    return unclaimed_kind(claims, case.values) or next(filter(None, layouts), "")


def unclaimed_kind(claims: Claims, kind: str) -> str:
    """What of a value kind is not claimed, or ``""``."""
    if kind not in KINDS:
        return ""
    word, what = KINDS[kind]
    return "" if getattr(claims, word) else what


def unclaimed_layout(claims: Claims, layout: str) -> str:
    """How a layout is called that is not claimed, or ``""``."""
    taken = claims.layouts is None or layout in (C_ORDER, *claims.layouts)
    return "" if taken else f"{layout} arrays"


def _instead(subject: Subject, params: Mapping[str, Any]) -> str:
    """The keywords that the forward does take, if it takes none of those that it is given."""
    names = subject.keywords - set(params) - set(subject.operation.operands)
    return f" (it takes {', '.join(sorted(names))})" if names else ""


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
        whys = list(_reasons(subject, operation, geometry))
        narrowed = within(subject, geometry) if whys else geometry
        met = frozenset() if narrowed is None else geometry_classes(operation, narrowed)
        unmet = [name for name in unmet if name not in met]
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
