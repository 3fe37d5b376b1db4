"""Scopes: sets of small geometries of which every single one can be judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scope:
    """All geometries of an operation whose numbers are small.

    Parameters
    ----------
    name
        As it is asked for: ``"small"``.
    says
        Which numbers it has, in words: ``"sides to 4, kernels to 3"``.
    count
        How many geometries there are.
    geometries
        What gives them, each once and in the same order every time.
    """

    name: str
    says: str
    count: int
    geometries: Callable[[], Iterator[Any]]
