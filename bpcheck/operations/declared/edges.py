"""Edge classes of a declared operation: where the sizes of its axes and its params can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bpcheck.operations.declared.declaration import Declaration
from bpcheck.operations.declared.levels import Alternatives, Levels, Param, Whole
from bpcheck.operations.declared.sizes import MOST_LEADING
from bpcheck.operations.promises import EdgeClass

#: Kinds of sizes by name: 1 and 2 apart, then what lies at, before and behind a power of two.
KINDS: dict[str, Callable[[int], bool]] = {
    "0": lambda size: size == 0,
    "1": lambda size: size == 1,
    "2": lambda size: size == 2,
    "odd > 2": lambda size: size > 2 and size % 2 == 1,
    "2^k > 2": lambda size: size > 2 and size & (size - 1) == 0,
    "2^k - 1": lambda size: size > 2 and size & (size + 1) == 0,
    "2^k + 1": lambda size: size > 2 and (size - 1) & (size - 2) == 0,
    "> 32": lambda size: size > 32,
}

#: An axis that long is a class of its own, and all else in it is tiny.
LONG = 256

#: Values of a param that each are a class, if they are so many or fewer; else only the ends are.
FEW = 6


def of_declaration(declared: Declaration) -> tuple[EdgeClass, ...]:
    """All edge classes of an operation."""
    return (
        *(each for axis in declared.axes for each in of_axis(axis, declared.size(axis))),
        *(each for group in declared.leading for each in of_leading(group)),
        *of_equal(declared.axes),
        *(each for param in declared.params for each in of_param(param)),
        *(
            each
            for operand in declared.operands
            if operand.is_optional
            for each in of_optional(operand.name)
        ),
    )


def of_axis(name: str, levels: Whole) -> Iterator[EdgeClass]:
    """The kinds of sizes that an axis can have."""
    for kind, holds in KINDS.items():
        if any(map(holds, levels.drawn)):
            yield EdgeClass(name, kind, _has_size(name, holds))


def of_leading(group: str) -> Iterator[EdgeClass]:
    """How many leading axes there are."""
    for count in range(MOST_LEADING + 1):
        yield EdgeClass(group, f"of {count} axes", _is(group, count))


def of_equal(axes: Sequence[str]) -> Iterator[EdgeClass]:
    """Whether two axes have one length, so that their exchange shows by no shape."""

    def are_equal(geometry: Any) -> bool:
        numbers = geometry.numbers()
        long = [numbers[each] for each in axes if numbers[each] > 1]
        return len(long) > 1 and len(set(long)) == 1

    if len(axes) > 1:
        yield EdgeClass("axes", "all equal", are_equal)
        yield EdgeClass("axes", "not all equal", lambda geometry: not are_equal(geometry))


def of_optional(name: str) -> Iterator[EdgeClass]:
    """Whether an optional operand is there."""
    yield EdgeClass(name, "given", _has_size(f"has_{name}", bool))
    yield EdgeClass(name, "none", _has_size(f"has_{name}", lambda there: not there))


def of_param(param: Param) -> Iterator[EdgeClass]:
    """Each of few values of a param, or the ends of many."""
    for key, levels in zip(param.keys, param.levels, strict=True):
        yield from _of_levels(key, levels)


def _of_levels(key: str, levels: Levels) -> Iterator[EdgeClass]:
    if isinstance(levels, Alternatives):
        numbers: Any = range(levels.count)
        if levels.count == 1:
            return
        ends = numbers if levels.count <= FEW else (numbers[0], numbers[-1])
        for number in ends:
            yield EdgeClass(key, levels.written(number), _is(key, number))
        return
    drawn = levels.drawn
    if len(drawn) == 1:
        return
    for number in drawn if len(drawn) <= FEW else drawn[:2]:
        yield EdgeClass(key, str(number), _is(key, number))
    if len(drawn) > FEW:
        yield EdgeClass(key, f"> {drawn[1]}", _has_size(key, lambda n: n > drawn[1]))


def _has_size(key: str, holds: Callable[[int], bool]) -> Callable[[Any], bool]:
    return lambda geometry: holds(geometry.numbers()[key])


def _is(key: str, number: int) -> Callable[[Any], bool]:
    return lambda geometry: geometry.numbers()[key] == number
