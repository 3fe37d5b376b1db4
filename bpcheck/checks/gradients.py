"""Every gradient of a trial by exact finite differences, element by element."""

from __future__ import annotations

from bpcheck.arithmetic import Array
from bpcheck.checks.trial import Trial
from bpcheck.oracles.differences import gradient_by_differences


def gradients_by_differences(trial: Trial) -> dict[str, Array | None]:
    """By result name; ``None`` where no exact step exists. For small cases."""
    return trial.once(_gradients)


def _gradients(trial: Trial) -> dict[str, Array | None]:
    y = trial.got.get("y")
    found: dict[str, Array | None] = {}
    for operand, step in trial.arrays.steps.items():
        found[f"{operand}_bar"] = (
            gradient_by_differences(
                trial.case,
                trial.arrays,
                operand,
                evaluate=trial.evaluate,
                y=y,
                # Who says what it supports is not asked for larger batches, nor who compiles.
                stack=trial.subject.claims.supports is None and trial.beside is None,
            )
            if step and y is not None
            else None
        )
    return found
