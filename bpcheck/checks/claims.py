"""What a subject claims: cases that it does not are counted as unsupported, never as passed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bpcheck.calls import call
from bpcheck.cases import Case
from bpcheck.checks.run import call_forward
from bpcheck.errors import TargetError
from bpcheck.filling import fill
from bpcheck.subject import Subject

_DECLARED = "declared unsupported"


def unclaimed(subject: Subject, case: Case) -> str:
    """Why the subject does not claim `case`, or ``""`` if it does."""
    if case.dtype not in subject.claims.dtypes:
        return f"{case.dtype} is not among the dtypes claimed"
    params, operation = case.params, case.operation
    accepted = subject.accepted(params)
    # In their order, not that of a set: the same run must give the same reasons.
    for name in (each for each in params if each not in accepted):
        is_neutral = operation.neutral.get(name)
        if is_neutral is None or not is_neutral(params):
            return f"forward takes no {name}{_instead(subject, params)}"
    if subject.claims.supports is not None:
        shapes = operation.operand_shapes(case.geometry)
        return "" if _supports(subject.claims.supports, subject.name, params, shapes) else _DECLARED
    worded = operation.worded(case.geometry)
    if worded is not None and not _takes(subject, case, worded[1]):
        return f"forward takes no {worded[0]}"
    return ""


def _instead(subject: Subject, params: Mapping[str, Any]) -> str:
    """The keywords that the forward does take, if it takes none of those that it is given."""
    names = subject.keywords - set(params) - set(subject.operation.operands)
    return f" (it takes {', '.join(sorted(names))})" if names else ""


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


def _takes(subject: Subject, case: Case, smallest: Any) -> bool:
    """Whether the forward takes a word where the param is numbers otherwise.

    Only a forward that raises on the smallest geometry with that word is taken not to.
    """
    probe = Case(case.operation, smallest, dtype=case.dtype, values="small")
    operands = fill(probe).operands
    return not call_forward(subject, probe, operands, params=subject.accepted(probe.params)).raised
