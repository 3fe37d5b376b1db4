"""How far a test looks: sweeps that take minutes belong to the thorough profile alone."""

from __future__ import annotations

from typing import TypeVar

import pytest
from hypothesis import settings

T = TypeVar("T")

#: The thorough profile of Hypothesis is told by its number of examples.
THOROUGH = settings.default is not None and settings.default.max_examples >= 2_000

#: Of a test that has a cheap sibling in every run.
in_thorough_runs = pytest.mark.skipif(
    not THOROUGH, reason="a long sweep: HYPOTHESIS_PROFILE=thorough"
)


def deep(few: T, many: T) -> T:
    """`many` in the thorough profile, `few` in the others."""
    return many if THOROUGH else few
