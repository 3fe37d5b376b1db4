"""Results that were right once and are wrong now: what a case gives depends on those before it."""

from __future__ import annotations

from collections.abc import Sequence

from bpcheck.cases import Case
from bpcheck.explain.right import right_kernel
from bpcheck.explain.scene import scenes_of
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN, condition_of


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
    wrong = sum(result in scene.wrong for scene in scenes)
    if not wrong:
        return ""
    return (
        f"state that is kept from one case to the next: {result} is wrong now in {wrong} of "
        f"{len(scenes)} cases in which it was right before; run a single case with bpcheck replay"
    )
