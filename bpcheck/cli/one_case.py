"""One case on one target, as `bpcheck replay` and `bpcheck explain` run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bpcheck.cases import Case, parse_case
from bpcheck.cli import exits
from bpcheck.cli.project import Entry
from bpcheck.cli.requests import CLAIM, asked_claims, asked_words
from bpcheck.cli.safety import Safety, placed_entry
from bpcheck.errors import CaseError, UsageError
from bpcheck.finding import Status
from bpcheck.runner.memory import keep_freed_memory, require_room
from bpcheck.runner.one import Replay
from bpcheck.runner.own import blaming
from bpcheck.subject import Subject

T = TypeVar("T")


def case_before(text: str, target: str) -> Case:
    """The case that a text says, which comes before the target on the command line.

    Raises
    ------
    CaseError
        If it says none.
    UsageError
        If the target looks like one instead.
    """
    try:
        return parse_case(text)
    except CaseError:
        if " " in target.strip():
            raise UsageError(
                f"{text}: the case comes before the target: bpcheck replay '{target}' {text}"
            ) from None
        raise


def replayed(
    case: Case,
    target: str,
    *,
    style: str,
    safety: Safety,
    words: tuple[str, ...] = (),
    claims: tuple[str, ...] = (),
    interpreted: bool = False,
) -> Replay:
    """Run the case on the target, in a worker unless that is turned off, and keep all of it."""
    found, _ = replayed_and_asked(
        case,
        target,
        None,
        style=style,
        safety=safety,
        words=words,
        claims=claims,
        interpreted=interpreted,
    )
    return found


def replayed_and_asked(
    case: Case,
    target: str,
    ask: Callable[[Subject], T] | None,
    *,
    style: str,
    safety: Safety,
    words: tuple[str, ...] = (),
    claims: tuple[str, ...] = (),
    interpreted: bool = False,
) -> tuple[Replay, T | None]:
    """The same, and what a function says of the subject where that is."""
    require_room([case])
    entry = Entry(
        target,
        str(case.operation),
        style,
        asked_words(words),
        claims=asked_claims(claims),
        place=CLAIM,
        interpret=interpreted,
    )
    keep_freed_memory()
    with (
        placed_entry(
            entry,
            Path.cwd(),
            dtypes=(case.dtype,),
            in_process=safety.is_in_process(),
            safety=safety,
        ) as place,
        blaming(case.operation),
    ):
        found = place.replay(case)
        return found, None if ask is None else place.ask(ask, otherwise=None)


def exit_code(found: Replay) -> int:
    """1 if the case fails, 3 if nothing of it could be judged."""
    if any(ruling.verdict.is_defect for ruling in found.rulings):
        return exits.DEFECT
    if not any(outcome.status is Status.PASSED for outcome in found.outcomes):
        return exits.INCONCLUSIVE
    return exits.AGREES
