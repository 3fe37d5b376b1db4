"""What a subject claims: cases that it does not are counted as unsupported, never as passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bpcheck.calls import call
from bpcheck.cases import Case
from bpcheck.checks.run import Run, call_forward
from bpcheck.checks.trial import Trial
from bpcheck.errors import TargetError
from bpcheck.filling import fill
from bpcheck.operations import Operation
from bpcheck.planning.beyond import NO_PLACE, dress_beyond, geometry_beyond
from bpcheck.subject import Subject

_DECLARED = "declared unsupported"


def unclaimed(subject: Subject, case: Case) -> str:
    """Why the subject does not claim `case`, or ``""`` if it does.

    The signature is asked first, in every style: a param that the code has no place for is never
    held against it, whatever ``supports`` says of the case.
    """
    operation = case.operation
    why = dress_beyond(subject.claims, case)
    why = why or unclaimed_geometry(subject, operation, case.geometry)
    if why or subject.claims.supports is not None:
        return why
    worded = operation.worded(case.geometry)
    if worded is not None and not _takes(subject, case, worded[1]):
        return f"{NO_PLACE}{worded[0]}"
    return ""


def unclaimed_geometry(subject: Subject, operation: Operation, geometry: Any) -> str:
    """Why the subject claims no case of this geometry, or ``""`` if it does."""
    why = geometry_beyond(subject, operation, geometry)
    supports = subject.claims.supports
    if why or supports is None:
        return why
    shapes = operation.operand_shapes(geometry)
    return (
        "" if _supports(supports, subject.name, operation.params(geometry), shapes) else _DECLARED
    )


def refused(trial: Trial) -> str:
    """Why the subject's own code refuses the case, as far as it may; ``""`` if it does not.

    Who states what it supports is taken at its word: refusing such a case is a defect. What
    forward has accepted, vjp refuses by the exceptions alone that are claimed for that.
    """
    return refusal(trial.subject, trial.first)


def refusal(subject: Subject, run: Run) -> str:
    """Why a run was refused, as far as it may be; ``""`` if it was not."""
    if subject.claims.supports is not None:
        return ""
    vjp = run.vjp
    return run.forward.unsupported or (vjp.unsupported if vjp and vjp.is_claimed else "")


def _supports(
    supports: Callable[..., Any], name: str, params: dict[str, Any], shapes: dict[str, Any]
) -> bool:
    """What the subject's own ``supports`` says.

    Raises
    ------
    TargetError
        If it raises, or says something that is neither true nor false.
    """
    answer = call(lambda: bool(supports(params, shapes)))
    if not answer.returned:
        raise TargetError(
            f"{name}: supports raised {answer.raised or answer.unsupported}; it is called as "
            "supports(params, shapes), and must return whether the case is claimed"
        )
    return bool(answer.value)


def _takes(subject: Subject, case: Case, small: Sequence[Any]) -> bool:
    """Whether the forward takes a word where the param is numbers otherwise.

    Only a forward that raises with that word on the smallest geometry that it does not refuse is
    taken not to.
    """
    for geometry in small:
        probe = Case(case.operation, geometry, dtype=case.dtype, values="small")
        operands = fill(probe).operands
        ended = call_forward(subject, probe, operands, params=subject.accepted(probe.params))
        if not ended.unsupported:
            return not ended.raised
    return True
