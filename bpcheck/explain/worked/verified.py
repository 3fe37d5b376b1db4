"""What the wrong number in an element is, if one guess holds in every case that is tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpcheck.cases import Case
from bpcheck.checks import Trial
from bpcheck.explain.worked.guesses import guesses
from bpcheck.explain.worked.look import Look, look_at
from bpcheck.subject import Subject

#: Other values of the same shapes on which a guess must hold, at least and at most, and on how many
#: of them the element must be wrong: a coincidence does not repeat.
LEAST, MOST, WRONG = 6, 24, 3


def what_it_is(subject: Subject, look: Look) -> str:
    """``the share of window 1 alone``; empty where no guess holds, or it cannot be asked."""
    with np.errstate(all="ignore"):
        held = [told for told, value in guesses(look) if look.gives(value)]
        wrong = 0
        for tried in range(1, MOST + 1):
            if not held or (tried > LEAST and wrong >= WRONG):
                break
            other = replace(look.case, seed=look.case.seed + tried, one_hot=None)
            again = _looked(subject, other, look)
            if again is None:
                return ""
            wrong += not again.gives(again.expected)
            predicted = dict(reversed(list(guesses(again))))
            held = [told for told in held if told in predicted and again.gives(predicted[told])]
    return held[0] if held and wrong >= WRONG else ""


def _looked(subject: Subject, case: Case, look: Look) -> Look | None:
    """The same element in another case; ``None`` where the subject gives nothing to compare."""
    trial = Trial(subject, case)
    if look.result not in trial.got:
        return None
    return look_at(
        case,
        look.result,
        look.index,
        arrays={**trial.arrays.operands, "y_bar": trial.arrays.y_bar},
        right=trial.autograd,
        got=trial.got[look.result],
    )
