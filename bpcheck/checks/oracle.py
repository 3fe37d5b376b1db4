"""The oracle on trial: torch's precision paths must agree where arithmetic is exact.

PyTorch is a fallible oracle. On the lattice its float64 and its narrower kernels, with oneDNN and
without, have to give the same numbers; one that does not is reported as torch's defect, and the
subject is not charged with it.
"""

from __future__ import annotations

import numpy as np

from bpcheck.checks.allowed import quotient_bound
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, not_applicable, number, passed
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import is_one_of, is_small
from bpcheck.finding import Kind, Outcome
from bpcheck.oracles.autograd import autograd

NAME = "torch itself"

#: One case in so many polls the other paths.
EVERY = 8

#: The dtypes that are polled: torch's half-precision kernels are known to crash on the CPU.
POLLED = ("float64", "float32")

#: Kinds of values whose numbers every path has to agree on.
KINDS = ("exact", "small", "wide", "ties", "sparse")


def check_oracle(trial: Trial) -> tuple[Outcome, ...]:
    """Every result as torch's other paths have it, against the float64 that judges the subject."""
    results = trial.case.results
    why = _why_not(trial)
    if why:
        return tuple(not_applicable(NAME, name, why) for name in results)
    found: dict[str, Outcome] = {}
    for dtype, onednn in _paths(trial):
        answers = autograd(trial.case, trial.arrays, dtype=dtype, onednn=onednn)
        for result in results:
            outcome = _compare(trial, result, answers[result], dtype=dtype, onednn=onednn)
            if outcome is not None:
                # Of several paths that differ one is enough to acquit the subject.
                found.setdefault(result, outcome)
    return tuple(found.get(result) or passed(NAME, result) for result in results)


def differing_path(trial: Trial, result: str) -> tuple[str, bool] | None:
    """The dtype of torch's first path that differs from its float64, and whether it has oneDNN."""
    if trial.case.values not in KINDS or trial.case.dtype not in POLLED:
        return None
    if not trial.case.operation.is_safe_in_torch(trial.case.geometry):
        return None
    for dtype, onednn in _paths(trial):
        answers = autograd(trial.case, trial.arrays, dtype=dtype, onednn=onednn)
        if _compare(trial, result, answers[result], dtype=dtype, onednn=onednn) is not None:
            return dtype, onednn
    return None


def _paths(trial: Trial) -> list[tuple[str, bool]]:
    # Without oneDNN, float32 may take NNPACK's fast transforms, which round where a sum does not.
    return sorted({("float64", True), ("float64", False), (trial.case.dtype, True)})


def _why_not(trial: Trial) -> str:
    if trial.case.values not in KINDS:
        return "not exact"
    if trial.case.dtype not in POLLED:
        return f"torch is not polled in {trial.case.dtype}"
    if not trial.case.operation.is_safe_in_torch(trial.case.geometry):
        return "torch writes beyond its memory there"
    polls = is_small(trial.case) and is_one_of(trial.case, EVERY)
    return "" if polls else "left to other cases"


def _compare(
    trial: Trial, result: str, answer: np.ndarray, *, dtype: str, onednn: bool
) -> Outcome | None:
    bound = quotient_bound(trial, result) if trial.case.operation.divides else None
    where = difference(np.asarray(answer, np.float64), trial.autograd[result], bound)
    if where is None:
        return None
    path = f"torch's {dtype} {'with' if onednn else 'without'} oneDNN"
    message = (
        f"{path} has {element(result, where)} = {number(where.got)}, and its float64 has "
        f"{number(where.expected)}, where no rounding can occur: a defect of torch, not of the "
        "subject"
    )
    return failed(trial, NAME, result, Kind.ORACLE, message, where)
