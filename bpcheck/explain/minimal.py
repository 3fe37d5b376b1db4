"""The smallest case: fewer and smaller numbers as long as the same thing is still wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from bpcheck.cases import Case
from bpcheck.cases.layouts import OUTPUT, join_layouts
from bpcheck.errors import CaseError

#: Trials that one search may spend.
BUDGET = 400

#: Value kinds, the plainest first.
PLAINEST = (
    *("small", "exact", "ties", "negative", "sparse", "wide", "special", "tiny", "huge"),
    *("real", "rows", "far", "masked", "pruned", "scaled", "jacobian"),
)

#: Seeds tried before a plainer kind of values is given up: a defect need not show on every one.
SEEDS = 4

#: Outputs up to which a one-hot cotangent is searched for.
MAX_OUTPUTS = 64


def smallest(case: Case, still_fails: Callable[[Case], bool]) -> Case:
    """A case near `case` that still fails and from which no single step leads to a smaller one.

    Every number of the descriptor is tried at its simplest value, at half the way, a part of it
    less where it is large, and 1 to 5 less, and the dimensions in the one order that is shown;
    then the plainest dtype and value kind, and a cotangent with a single 1, which a linear vjp that
    is wrong anywhere must also fail.
    """
    spent = 0

    def fails(candidate: Case) -> bool:
        nonlocal spent
        spent += 1
        return still_fails(candidate)

    def reduce(current: Case, candidates: Callable[[Case], Iterator[Case]]) -> Case:
        progress = True
        while progress and spent < BUDGET:
            progress = False
            for candidate in candidates(current):
                if spent >= BUDGET:
                    break
                if fails(candidate):
                    current, progress = candidate, True
                    break
        return current

    current = reduce(case, _plainer)
    current = reduce(current, _smaller)
    current = reduce(current, _plainer)
    return _with_one_hot(current, fails) or current


def _with_one_hot(case: Case, fails: Callable[[Case], bool]) -> Case | None:
    """The case with a cotangent that is 1 in one place, if some such place still fails."""
    if not case.is_exact or prod(case.shapes["y"]) > MAX_OUTPUTS:
        return None
    if case.layouts.get("y_bar") == OUTPUT:
        # It holds what the forward returned.
        return None
    for index in np.ndindex(*case.shapes["y"]):
        candidate = replace(case, one_hot=tuple(int(i) for i in index))
        if fails(candidate):
            return candidate
    return None


def _plainer(case: Case) -> Iterator[Case]:
    """Cases with a plainer layout, dtype or kind of values; small integers are the plainest."""
    for name in case.layouts:
        others = {other: layout for other, layout in case.layouts.items() if other != name}
        yield replace(case, layout=join_layouts(others))
    if case.dtype != "float64":
        yield replace(case, dtype="float64")
    kinds = [kind for kind in PLAINEST if kind in case.operation.value_kinds]
    for kind in kinds[: kinds.index(case.values)] if case.values in kinds else kinds:
        for seed in range(SEEDS):
            yield replace(case, values=kind, seed=seed)
    if case.seed:
        yield replace(case, seed=0)


def _smaller(case: Case) -> Iterator[Case]:
    """Cases with one number nearer to its simplest value, the boldest step first."""
    operation = case.operation
    numbers = case.geometry.numbers()
    for changed in operation.plainer(numbers):
        candidate = _with_numbers(case, changed)
        if candidate is not None:
            yield candidate
    for step in (_simplest, _halfway, *_PARTS, *_LESS):
        for group in _groups(operation.keys):
            changed = {key: step(numbers[key], operation.keys[key]) for key in group}
            if all(changed[key] == numbers[key] for key in group):
                continue
            candidate = _with_numbers(case, {**numbers, **changed})
            if candidate is not None:
                yield candidate
    # Where axes must have some lengths, several numbers have to change at once. Of a case and the
    # same one turned, the one that is shown does not hang on where the search began.
    for changed in (*operation.of_the_same_output(numbers), *operation.turned(numbers)):
        candidate = _with_numbers(case, changed)
        if candidate is not None:
            yield candidate


def _groups(keys: Mapping[str, int | None]) -> Iterator[tuple[str, ...]]:
    """Keys that change together: params first, so that a plain case is preferred to a tiny one.

    Groups change with channels, and a spatial number in all dimensions before it changes in one.
    """
    present = [key for key in ("g", "ic", "oc") if key in keys]
    if len(present) == 3:
        yield tuple(present)
        yield ("ic", "oc")
    ordered = sorted(keys, key=lambda key: keys[key] is None)
    families: dict[str, list[str]] = {}
    for key in ordered:
        families.setdefault(key[:-1] or key, []).append(key)
    yield from (tuple(family) for family in families.values() if len(family) > 1)
    yield from ((key,) for key in ordered)


def _simplest(number: int, default: int | None) -> int:
    return 1 if default is None else default


def _halfway(number: int, default: int | None) -> int:
    return (number + _simplest(number, default)) // 2


def _less(by: int) -> Callable[[int, int | None], int]:
    return lambda number, default: max(number - by, min(number, _simplest(number, default)))


def _less_a_part(of: int) -> Callable[[int, int | None], int]:
    """A step by one part of so many, where that is more than the steps below."""

    def step(number: int, default: int | None) -> int:
        part = (number - _simplest(number, default)) // of
        return number - part if part > len(_LESS) else number

    return step


#: What is wrong beyond some size alone is not half as large.
_PARTS = tuple(map(_less_a_part, (4, 8, 16)))

#: A remainder that a stride leaves is kept by steps of that stride.
_LESS = tuple(_less(by) for by in range(1, 6))


def _with_numbers(case: Case, numbers: dict[str, int]) -> Case | None:
    """The case with another geometry, or ``None`` if its operation does not allow that one."""
    known = {key: numbers[key] for key in case.operation.keys}
    try:
        return replace(case, geometry=case.operation.geometry(known))
    except CaseError:
        return None
