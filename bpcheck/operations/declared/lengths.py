"""Long axes on purpose: as models have them, past the blocks of kernels, alone and together.

A kernel has paths of its own for a row that is longer than its block, for one that fills it, and
for two axes that are both cut into tiles. What is drawn is small for the most part, and meets few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, count

from bpcheck.operations.declared.declaration import Declaration
from bpcheck.operations.declared.levels import Alternatives
from bpcheck.operations.declared.sizes import leading_numbers

#: Lengths of one axis: past a tile of 64, a block of threads, hidden sizes of models.
ALONE = (72, 128, 256, 512, 768, 1_024, 1_536, 2_048)

#: How many rows, where leading axes are as many as there are: past blocks of 256 and of 1,024.
ROWS = (512, 2_049)

#: Rows in two leading axes, and how long each is: many usual ones, more short ones, and a few whose
#: last block of four, of 512 and of 1,024 is not full.
FOLDED = ((3, 43, 72), (2, 130, 16), (1, 9, 519), (1, 5, 1_030))

#: What comes without each of the operands that may be left out: long rows, and many of them.
WITHOUT = ((1, 5, 516), (1, 5, 1_030), (1, 1_030, 3))

#: Lengths of two axes together: past a tile each, one tile, and three.
TOGETHER = ((72, 96), (64, 64), (192, 192))

#: Lengths of three axes together, where there are just three: past a tile of 32 each.
OF_THREE = (40, 33, 36)

#: Leading axes of the first of those, where there may be some: models have samples and heads.
LEADING = (2, 2)

#: An axis that may be no longer than this is short.
SHORT = 47

#: Params with more values than this are left to chance.
FEW = 4


def alone(declaration: Declaration) -> Iterator[dict[str, int]]:
    """Numbers of one long axis and of params; by turns each param has each of its few values."""
    turns = count()
    for axis, longest in _long(declaration).items():
        for size in dict.fromkeys(min(each, longest) for each in ALONE):
            if size in ALONE or longest < ALONE[0]:
                yield {axis: size, **_params(declaration, next(turns))}
    for group in declaration.leading:
        for size in ROWS:
            yield {group: 1, f"{group}_0": size, **_params(declaration, next(turns))}


def together(declaration: Declaration) -> Iterator[dict[str, int]]:
    """The same of two long axes: past a tile each with each of the few values of any param.

    Those have two leading axes, as a batch of heads has: who writes a path for that has no other.
    """
    turns, long = count(), _long(declaration)
    for axes in combinations(long, 2):
        for sizes in TOGETHER:
            given = {axis: min(size, long[axis]) for axis, size in zip(axes, sizes, strict=True)}
            if sizes == TOGETHER[-1] and tuple(given.values()) != sizes:
                continue
            is_first = sizes == TOGETHER[0]
            leading = _leading(declaration) if is_first else {}
            for _ in range(_values(declaration) if is_first else 1):
                yield {**given, **leading, **_params(declaration, next(turns))}


def rows_of(declaration: Declaration) -> Iterator[dict[str, int]]:
    """The same of leading axes and one long axis beside them: many rows, and each of them long."""
    turns = count()
    optional = [f"has_{each.name}" for each in declaration.operands if each.is_optional]
    for group in declaration.leading:
        for axis, longest in _long(declaration).items():
            for one, other, size in FOLDED:
                if size <= longest:
                    folded = _folded(group, one, other)
                    yield {axis: size, **folded, **_params(declaration, next(turns))}
            for key in optional:
                present = {each: int(each != key) for each in optional}
                for one, other, size in WITHOUT:
                    if size <= longest:
                        yield {axis: size, **_folded(group, one, other), **present}


def all_together(declaration: Declaration) -> Iterator[dict[str, int]]:
    """The same of three axes, where there are just three; of one of them that is 1, too."""
    axes = list(_long(declaration))
    if len(axes) == len(OF_THREE) == len(declaration.axes):
        long = dict(zip(axes, OF_THREE, strict=True))
        yield {**long, **_leading(declaration)}
        yield long
        yield from ({**long, axis: 1} for axis in axes)


def landmarks(
    given: Iterable[dict[str, int]],
    declaration: Declaration,
    tiny: Callable[[Mapping[str, int]], Mapping[str, int] | None],
) -> tuple[Mapping[str, int], ...]:
    """Those of which `tiny` knows a geometry with all else tiny."""
    found = (tiny(each) for each in given if _are_declared(declaration, each))
    return tuple(each for each in found if each is not None)


def _are_declared(declaration: Declaration, given: Mapping[str, int]) -> bool:
    axes = [each for each in declaration.axes if each in given]
    return all(given[axis] in declaration.size(axis).drawn for axis in axes)


def _long(declaration: Declaration) -> dict[str, int]:
    """The axes that may be long, with the longest that each may be."""
    longest = {axis: max(declaration.size(axis).drawn) for axis in declaration.axes}
    return {axis: size for axis, size in longest.items() if size > SHORT}


def _folded(group: str, one: int, other: int) -> dict[str, int]:
    """One leading axis, or two where the first is longer than 1."""
    return leading_numbers(group, (other,) if one == 1 else (one, other))


def _leading(declaration: Declaration) -> dict[str, int]:
    """The numbers of `LEADING` axes in each group of leading ones."""
    numbers: dict[str, int] = {}
    for group in declaration.leading:
        numbers |= leading_numbers(group, LEADING)
    return numbers


def _few(declaration: Declaration) -> Iterator[tuple[str, int]]:
    """The keys of params that have a few values, and how many."""
    for param in declaration.params:
        for key, level in zip(param.keys, param.levels, strict=True):
            if isinstance(level, Alternatives) and level.count <= FEW:
                yield key, level.count


def _values(declaration: Declaration) -> int:
    return max((values for _, values in _few(declaration)), default=1)


def _params(declaration: Declaration, turn: int) -> dict[str, int]:
    return {key: turn % values for key, values in _few(declaration)}


#: The ways in which long axes meet.
TOGETHER_WAYS = (together, rows_of, all_together)
