"""Parting defects of one result: those of plain values, and those that need a tie, a zero, a NaN.

What a case with ties shows may be what every case shows. Whether it is, an experiment tells: the
same case, filled with plainer values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bpcheck.cases import Case
from bpcheck.checks import CHECKS, Juror, Trial
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN, condition_of, plainer
from bpcheck.verdict.judgement import ON_VALUES
from bpcheck.verdict.jury import Ruling, rule

#: Seeds on which plainer values are tried: a defect need not show on every one.
SEEDS = 3

#: The checks that compare values.
JURORS = tuple(name for name, check in CHECKS.items() if check.juror is not Juror.NOBODY)


def parted(subject: Subject, case: Case, rulings: Sequence[Ruling]) -> tuple[Ruling, ...]:
    """The rulings, each with the condition that its values must meet for the result to be wrong."""
    wrong = {ruling.result for ruling in rulings if ruling.verdict in ON_VALUES}
    if not wrong or condition_of(case) == PLAIN:
        return tuple(rulings)
    needed: dict[str, str] = {}
    for plain in plainer(case):
        left = frozenset(wrong - needed.keys())
        found = wrong_in(subject, plain, seeds=range(SEEDS), asked=left)
        needed |= dict.fromkeys(found & left, condition_of(plain))
    needed = dict.fromkeys(wrong, condition_of(case)) | needed
    return tuple(
        replace(ruling, condition=needed[ruling.result]) if ruling.verdict in ON_VALUES else ruling
        for ruling in rulings
    )


def wrong_in(
    subject: Subject, case: Case, *, seeds: Sequence[int], asked: frozenset[str]
) -> frozenset[str]:
    """The results that have wrong values in a case, on any of the seeds that come after its own.

    Once those that are asked for are all among them, no more seeds are tried: a wrong case costs
    many times a right one.
    """
    found: set[str] = set()
    for seed in seeds:
        if asked <= found:
            break
        trial = Trial(subject, replace(case, seed=case.seed + seed))
        outcomes = [outcome for name in JURORS for outcome in CHECKS[name].run(trial)]
        found |= {r.result for r in rule(outcomes) if r.verdict in ON_VALUES}
    return frozenset(found)
