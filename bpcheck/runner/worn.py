"""What failing cases wear by chance: they fail as well in another layout, or in another dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, join_layouts
from bpcheck.explain.atoms import dress_atoms
from bpcheck.planning.classes import array_layouts

#: Failing cases that are tried in another dress, and the layout of what is in C order.
UNDRESSED, ANOTHER_ORDER = 3, "fortran"

#: Whether a defect shows in a case; ``None`` where it could not be seen.
Shows = Callable[[Case], bool | None]


def worn_by_chance(failing: Sequence[Case], shows: Shows) -> frozenset[str]:
    """What failing cases wear, and fail without as well: it is no cause, whoever shares it."""
    found: set[str] = set()
    for case in failing[:UNDRESSED]:
        for other in _redressed(case):
            taken_off = dress_atoms(case) - dress_atoms(other)
            if not taken_off <= found and shows(other):
                found |= taken_off
    return frozenset(found)


def _redressed(case: Case) -> Iterator[Case]:
    """The case with one array in another layout, or in another dtype; its values stay."""
    for name in array_layouts(case.operation):
        layouts = dict(case.layouts)
        if layouts.pop(name, C_ORDER) == C_ORDER:
            layouts[name] = ANOTHER_ORDER
        yield replace(case, layout=join_layouts(layouts))
    for dtype in case.operation.dtypes[:2]:
        if dtype != case.dtype:
            yield replace(case, dtype=dtype)
