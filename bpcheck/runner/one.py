"""Judging one case: claim, trial, checks, jury."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.checks import CHECK_NAMES, CHECKS, Trial
from bpcheck.checks.claims import refused, unclaimed
from bpcheck.checks.gradients import gradients_by_differences
from bpcheck.filling import Arrays
from bpcheck.finding import Outcome
from bpcheck.planning.classes import classes_of
from bpcheck.subject import Subject
from bpcheck.verdict.jury import Ruling, rule
from bpcheck.verdict.tally import Judged


@dataclass(frozen=True, slots=True)
class Replay:
    """Everything about one case: what the subject and the oracles gave, and what was made of it.

    `differences` holds ``None`` where no exact step exists; `unsupported` the reason, if the
    subject does not claim the case.
    """

    case: Case
    arrays: Arrays
    got: dict[str, Array]
    autograd: dict[str, Array]
    differences: dict[str, Array | None]
    outcomes: tuple[Outcome, ...]
    rulings: tuple[Ruling, ...]
    unsupported: str = ""


def judge(subject: Subject, case: Case, *, checks: Collection[str] = CHECK_NAMES) -> Judged:
    """What comes of one case; `checks` are the names of those that are run."""
    return judge_trial(Trial(subject, case), checks=checks)


def judge_trial(trial: Trial, *, checks: Collection[str] = CHECK_NAMES) -> Judged:
    """What comes of a trial."""
    case = trial.case
    classes = classes_of(case)
    why = unclaimed(trial.subject, case) or refused(trial)
    if why:
        return Judged(case, classes, (), (), 1.0, unsupported=why)
    outcomes = tuple(
        outcome for name, check in CHECKS.items() if name in checks for outcome in check.run(trial)
    )
    return Judged(
        case=case,
        classes=classes,
        outcomes=outcomes,
        rulings=rule(outcomes),
        survival=trial.arrays.survival if case.values == "exact" else 1.0,
    )


def replay(subject: Subject, case: Case) -> Replay:
    """Run one case and keep everything."""
    trial = Trial(subject, case)
    judged = judge_trial(trial)
    return Replay(
        case=case,
        arrays=trial.arrays,
        got={} if judged.unsupported else trial.got,
        autograd=trial.autograd,
        differences={} if judged.unsupported else gradients_by_differences(trial),
        outcomes=judged.outcomes,
        rulings=judged.rulings,
        unsupported=judged.unsupported,
    )
