"""An example: one case as the search for a line sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One case, as the search sees it: run it, and tell whether it comes out as it must."""

    run: Callable[[], object]
    is_right: Callable[[], bool]
