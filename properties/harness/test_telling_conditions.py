"""A condition is told only if it says why something of what is right is right."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bpcheck.explain.condition import Condition
from bpcheck.runner.condition import _final
from bpcheck.verdict.conditions import PLAIN

ASKED: Any = SimpleNamespace(
    defect=SimpleNamespace(smallest=None, condition=PLAIN), is_unsteady=False
)

#: Answers of itself: a case is wrong where its atoms say so.
SEARCH: Any = SimpleNamespace(learn=lambda case, atoms: "wrong" in atoms)


def told(*, wrong: int, right: int, outside: int) -> Any:
    """What is told of a condition that so many fresh cases meet, wrong and right, or do not."""
    inside = [frozenset({"a", "wrong"})] * wrong + [frozenset({"a"})] * right
    drawn: Any = [*inside, *[frozenset[str]()] * outside]
    fresh: Any = ((None, atoms) for atoms in drawn)
    return _final(SEARCH, Condition(("a",)), ASKED, 100, fresh)


def test_what_hardly_any_right_case_lacks_is_no_condition() -> None:
    assert told(wrong=61, right=39, outside=8) is None


def test_what_most_right_cases_lack_is_one_though_values_hide_some() -> None:
    found = told(wrong=61, right=39, outside=100)
    assert (found.wrong_with, found.cases_with, found.cases_without) == (61, 100, 100)


def test_what_few_cases_lack_is_one_where_all_others_are_wrong() -> None:
    assert told(wrong=100, right=0, outside=8).cases_without == 8
