"""What is beyond a subject's signature or claims, and the geometry nearby that is not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bpcheck.cases.case import Case
from bpcheck.claims import Claims
from bpcheck.claims.told import NOUNS, layouts_left_out, restricted
from bpcheck.errors import CaseError
from bpcheck.operations import Operation
from bpcheck.operations.promises import Narrowing, Numbers
from bpcheck.subject import Subject

#: For value kinds that a subject may leave out: the word of the claim.
KINDS: Mapping[str, str] = MappingProxyType(
    {"special": "nan", "masked": "nan", "tiny": "subnormals"}
)

#: How a reason begins that the signature gives.
NO_PLACE = "forward takes no "


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
    return next(all_within(subject, geometry), None)


def all_within(subject: Subject, geometry: Any) -> Iterator[Any]:
    """`geometry`, or those like it that the subject can be asked for, the nearest first."""
    operation = subject.operation
    if not geometry_beyond(subject, operation, geometry):
        yield geometry
        return
    numbers = {k: v for k, v in geometry.numbers().items() if k in operation.keys}
    lacking = without_place(subject, operation, operation.params(geometry))
    # Params last: what leaving one out means may depend on what is narrowed.
    steps = [
        *(operation.restrictions[word].narrow for word in restricted(subject.claims, operation)),
        *(operation.neutral_numbers[n] for n in lacking if n in operation.neutral_numbers),
    ]
    for way in _ways(numbers, steps):
        with contextlib.suppress(CaseError):
            narrowed = operation.geometry(way)
            if not geometry_beyond(subject, operation, narrowed):
                yield narrowed


def _ways(numbers: Numbers, steps: Sequence[Narrowing]) -> Iterator[Numbers]:
    """What all `steps` make of the numbers, one after the other, in each way there is."""
    if not steps:
        yield numbers
        return
    for way in steps[0](numbers):
        yield from _ways(way, steps[1:])


def geometry_beyond(subject: Subject, operation: Operation, geometry: Any) -> str:
    """Why a geometry is beyond the signature or the claims, or ``""`` if it is not."""
    return next(reasons_beyond(subject, operation, geometry), "")


def reasons_beyond(subject: Subject, operation: Operation, geometry: Any) -> Iterator[str]:
    """Every reason why a geometry is beyond the signature or the claims."""
    params, operands = operation.params(geometry), operation.operand_shapes(geometry)
    for name in subject.lacking(operation.operands, tuple(params)):
        is_neutral = operation.neutral.get(name)
        if name in operands or (
            name in params and not (is_neutral is not None and is_neutral(params))
        ):
            yield f"{NO_PLACE}{name}{_instead(subject, params)}"
    if not subject.claims.empty and any(0 in shape for shape in operands.values()):
        yield NOUNS["empty"]
    for word in restricted(subject.claims, operation):
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
    word = KINDS.get(kind)
    return "" if word is None or getattr(claims, word) is not False else NOUNS[word]


def unclaimed_layout(claims: Claims, layout: str) -> str:
    """What a layout belongs to that is not claimed, or ``""``."""
    return "" if claims.layouts is None or layout in claims.layouts else layouts_left_out(claims)


def _instead(subject: Subject, params: Mapping[str, Any]) -> str:
    """The keywords that the forward does take, if it takes none of those that it is given."""
    names = subject.keywords - set(params) - set(subject.operation.operands)
    return f" (it takes {', '.join(sorted(names))})" if names else ""


def without_place(
    subject: Subject, operation: Operation, params: Mapping[str, Any]
) -> tuple[str, ...]:
    """Those of an operation's params that the subject's code has no place for."""
    lacking = subject.lacking(operation.operands, tuple(params))
    return tuple(name for name in params if name in lacking)
