"""What came of a case as plain tuples: they travel in a fifth of the time of the values."""

from __future__ import annotations

from typing import Any

from bpcheck.cases import Case
from bpcheck.finding import Outcome, Status
from bpcheck.verdict.judged import Judged

#: An outcome with neither finding nor measurement nor remark, as most are.
_Plain = tuple[str, str, str, str]


def plain_judged(judged: Judged) -> tuple[Any, ...]:
    """Without the case and its classes, which whoever asked has."""
    outcomes = [
        each
        if each.finding is not None or each.measured is not None or each.remark
        else (each.check, each.result, each.status.value, each.note)
        for each in judged.outcomes
    ]
    return outcomes, judged.rulings, judged.survival, judged.unsupported, judged.is_compared


class Remembered:
    """Makes the values again; equal outcomes are one object, as they are where they were made."""

    def __init__(self) -> None:
        self._known: dict[_Plain, Outcome] = {}

    def judged(self, plain: tuple[Any, ...], case: Case, classes: frozenset[str]) -> Judged:
        """What came of this case."""
        outcomes, rulings, survival, unsupported, is_compared = plain
        return Judged(
            case=case,
            classes=classes,
            outcomes=tuple(map(self._outcome, outcomes)),
            rulings=rulings,
            survival=survival,
            unsupported=unsupported,
            is_compared=is_compared,
        )

    def _outcome(self, given: Outcome | _Plain) -> Outcome:
        if isinstance(given, Outcome):
            return given
        known = self._known.get(given)
        if known is None:
            check, result, status, note = given
            known = self._known[given] = Outcome(check, result, Status(status), note=note)
        return known
