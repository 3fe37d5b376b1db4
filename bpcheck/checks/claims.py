"""What a subject claims: cases that it does not are counted as unsupported, never as passed."""

from __future__ import annotations

from bpcheck.cases import Case
from bpcheck.subject import Subject


def unclaimed(subject: Subject, case: Case) -> str:
    """Why the subject does not claim `case`, or ``""`` if it does."""
    if case.dtype not in subject.dtypes:
        return f"{case.dtype} is not among the dtypes claimed"
    params, operation = case.params, case.promise
    accepted = subject.accepted(params)
    # In their order, not that of a set: the same run must give the same reasons.
    for name in (each for each in params if each not in accepted):
        is_neutral = operation.neutral.get(name)
        if is_neutral is None or not is_neutral(params):
            return f"forward takes no {name}"
    if subject.supports is not None:
        shapes = operation.operand_shapes(case.geometry)
        if not subject.supports(params, shapes):
            return "declared unsupported"
    return ""
