"""Which element of a wrong result is worked by hand: the one that is furthest off."""

from __future__ import annotations

from bpcheck.checks import Trial
from bpcheck.checks.compare import difference
from bpcheck.explain.worked.element import worked_by_hand
from bpcheck.verdict import Verdict
from bpcheck.verdict.judgement import ON_VALUES
from bpcheck.verdict.jury import Ruling

#: Terms of an element up to which it is worked; a person follows far fewer.
MOST_TERMS = 200_000


def worked(trial: Trial, ruling: Ruling) -> tuple[str, ...]:
    """The lines for what a ruling says, where the first run shows a wrong value; else none."""
    if ruling.verdict not in (*ON_VALUES, Verdict.NOT_FINITE):
        return ()
    got, right = trial.got.get(ruling.result), trial.autograd[ruling.result]
    if got is None or trial.case.terms.get(ruling.result, 0) > MOST_TERMS:
        return ()
    index = next((each.index for each in ruling.findings if each.index is not None), None)
    if index is None or got[index] == right[index]:
        furthest = difference(got, right)
        index = furthest.index if furthest else None
    return () if index is None else worked_by_hand(trial, ruling.result, index)
