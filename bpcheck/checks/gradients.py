"""Every gradient of a trial by exact finite differences, element by element."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from bpcheck.arithmetic import Array
from bpcheck.checks.trial import Trial
from bpcheck.oracles import differences


def gradients_by_differences(trial: Trial) -> dict[str, Array | None]:
    """By result name; ``None`` where no exact step exists. For small cases."""
    return {f"{name}_bar": gradient_by_differences(trial, name) for name in trial.arrays.steps}


def gradient_by_differences(trial: Trial, operand: str) -> Array | None:
    """That of one operand, made once; ``None`` where no exact step exists."""
    return trial.once(_of(operand))


# One function for each operand, by which the trial knows what it has made.
@cache
def _of(operand: str) -> Callable[[Trial], Array | None]:
    def gradient(trial: Trial) -> Array | None:
        y = trial.got.get("y")
        if y is None or not trial.arrays.steps.get(operand):
            return None
        return differences.gradient_by_differences(
            trial.case,
            trial.arrays,
            operand,
            evaluate=trial.evaluate,
            y=y,
            # Who says what it supports is not asked for larger batches, nor who compiles.
            stack=trial.subject.claims.supports is None and trial.beside is None,
        )

    return gradient
