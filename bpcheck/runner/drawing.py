"""The numbers of the smallest case of a defect, as a picture needs them."""

from __future__ import annotations

import numpy as np

from bpcheck.cases import Case
from bpcheck.checks import Trial
from bpcheck.checks.run import is_real_array
from bpcheck.runner.one import judge_trial
from bpcheck.subject import Subject
from bpcheck.verdict.drawn import MOST, Drawn


def drawn(subject: Subject, case: Case, result: str) -> Drawn | None:
    """What the first run gives for a result, and autograd; ``None`` where nothing can be drawn.

    That is so of what is no array of the right shape, and of what is too large for a picture.
    """
    trial = Trial(subject, case)
    if np.prod(trial.case.shapes[result]) > MOST:
        return None
    judge_trial(trial)
    got, expected = trial.got.get(result), trial.autograd.get(result)
    if got is None or expected is None or not is_real_array(got) or got.shape != expected.shape:
        return None
    return Drawn(result, got.shape, _numbers(got), _numbers(expected))


def _numbers(array: np.ndarray) -> tuple[float, ...]:
    return tuple(array.astype(np.float64).ravel().tolist())
