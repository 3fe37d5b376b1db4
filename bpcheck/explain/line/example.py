"""An example: one case as the search for a line sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Grade(IntEnum):
    """How right a case is: the result in question is wrong, it is right, or all results are."""

    WRONG, RIGHT, ALL_RIGHT = range(3)


@dataclass(frozen=True, slots=True)
class Example:
    """One case, as the search sees it: `run` it, and tell how right it comes out, by `grade`."""

    run: Callable[[], object]
    grade: Callable[[], Grade]
