"""Results that were right once and are wrong now: what a case gives depends on those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case
from bpcheck.checks import Trial
from bpcheck.explain.diagnosis import ENOUGH
from bpcheck.explain.right import right_kernel
from bpcheck.explain.scene import Scene, few_of, scenes_of, undressed
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN, condition_of

#: Runs of one case that are compared with each other.
RUNS = 3

#: How a result goes on from run to run.
GROWS, VARIES = "added to that of earlier calls", "another one every time"


def state_between_cases(subject: Subject, passing: Sequence[Case], *, result: str) -> str:
    """How often a result is wrong in cases in which it was right; ``""`` if it never is.

    Wrong numbers that depend on what was called before are no sign of any formula: what uses up
    something in its first call may give zeros ever after.
    """
    if not subject.claims.exact:
        # Held to a bound, which is not what scenes are compared by.
        return ""
    plain = [
        case
        for case in passing
        if case.is_exact and condition_of(case) == PLAIN and not case.layouts
    ]
    scenes = scenes_of(subject, plain, right_kernel(subject.operation))
    wrong = sum(_is_wrong(scene, result) for scene in scenes)
    if not wrong:
        return ""
    return (
        f"state that is kept from one case to the next: {result} is wrong now in {wrong} of "
        f"{len(scenes)} cases in which it was right before; run a single case with bpcheck replay"
    )


def _is_wrong(scene: Scene, result: str) -> bool:
    """Whether a result is; of ``y`` that says nothing how the vjp has ended."""
    if result != "y" or result not in scene.wrong:
        return result in scene.wrong
    right = scene.witness.right
    said = replace(scene.said, manner=(*scene.said.manner[:1], *right.manner[1:]))
    return not scene.witness.alike(said, right, result)


def between_runs(subject: Subject, failing: Sequence[Case], *, result: str) -> str:
    """How a result goes on from run to run on the same numbers: it grows, or is never the same.

    Told if that is so in three failing cases at least, and in 80 % of those that are tried; each
    run has arrays of its own, so that nothing kept for an array shows. ``""`` if nothing is.
    """
    if not subject.claims.exact:
        return ""
    grows = varies = tried = 0
    for case in dict.fromkeys(undressed(case, subject) for case in few_of(failing)):
        goes_on = _goes_on(subject, case, result) if case.is_exact else None
        if goes_on is None:
            continue
        tried += 1
        grows += goes_on is GROWS
        varies += goes_on is VARIES
        if tried >= ENOUGH and not grows + varies:
            return ""
    for times, how in ((grows, GROWS), (varies, VARIES)):
        if times >= ENOUGH and 5 * times >= 4 * tried:
            return f"{result} is {how} (explains {times} of {tried} failing cases tried)"
    return ""


def _goes_on(subject: Subject, case: Case, result: str) -> str | None:
    """`GROWS`, `VARIES`, or ``""`` if it stays as it is; ``None`` where numbers do not tell."""
    trials = [Trial(subject, case) for _ in range(RUNS)]
    runs = [trial.got[result] for trial in trials if result in trial.got]
    if len(runs) < RUNS:
        return None
    # What an earlier case has left may be NaN, or so large that nothing is seen to be added.
    finite = np.isfinite(runs).all(axis=0)
    runs = [each[finite] for each in runs]
    slack = RUNS * FORMATS[case.dtype].unit_roundoff * np.abs(runs).max(axis=0)
    right = trials[0].autograd[result][finite]
    if not (np.abs(right) > slack).any():
        return None
    steps = runs[1] - runs[0], runs[2] - runs[1], runs[2] - runs[0]
    if not all((np.abs(step) > slack).any() for step in steps):
        return ""
    return GROWS if all((np.abs(step - right) <= slack).all() for step in steps[:2]) else VARIES
