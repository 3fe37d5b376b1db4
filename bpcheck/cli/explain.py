"""``bpcheck explain``: one case step by step, with or without a subject."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bpcheck.calls import own_arithmetic
from bpcheck.cases import Case, parse_case
from bpcheck.cli import exits
from bpcheck.cli.output import stdout
from bpcheck.cli.project import Entry
from bpcheck.cli.requests import CLAIM, asked_claims, asked_words
from bpcheck.cli.safety import Safety, placed_entry
from bpcheck.errors import BpcheckError
from bpcheck.explain.walk import walk
from bpcheck.filling import fill
from bpcheck.oracles.autograd import autograd
from bpcheck.report import print_walk
from bpcheck.runner.memory import keep_freed_memory, require_room
from bpcheck.runner.one import Replay
from bpcheck.runner.own import blaming


def case_and_target(words: Sequence[str]) -> tuple[Case, str]:
    """The case of the words that were typed, and the target, empty where none was.

    A case that lost its quotes comes as several words.

    Examples
    --------
    >>> case_and_target(["max_pool1d n1ic1iw4kw2 f32", "layers:Pool"])[1]
    'layers:Pool'
    >>> case_and_target(["max_pool1d", "n1ic1iw4kw2", "f32"])[1]
    ''
    """
    try:
        return parse_case(" ".join(words)), ""
    except BpcheckError:
        if len(words) == 1:
            raise
    return parse_case(" ".join(words[:-1])), words[-1]


@own_arithmetic()
def run_explain(
    typed: Sequence[str],
    *,
    style: str,
    safety: Safety,
    words: tuple[str, ...] = (),
    claims: tuple[str, ...] = (),
    interpreted: bool = False,
) -> int:
    """Print the steps; 1 if the target is wrong in the case, 3 if nothing of it could be judged."""
    case, target = case_and_target(typed)
    require_room([case])
    if not target:
        with blaming(case.operation):
            arrays = fill(case)
            lines = list(walk(case, arrays, autograd(case, arrays)))
        print_walk(case, lines, stdout(), subject="")
        return exits.AGREES
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
        replayed = place.replay(case)
        lines = list(_walked(replayed))
    print_walk(case, lines, stdout(), subject=target)
    if replayed.unsupported:
        return exits.INCONCLUSIVE
    wrong = any(ruling.verdict.is_defect for ruling in replayed.rulings)
    return exits.DEFECT if wrong else exits.AGREES


def _walked(replayed: Replay) -> list[str]:
    got = None if replayed.unsupported else replayed.got
    arrays, right = replayed.arrays, replayed.autograd
    lines = list(walk(replayed.case, arrays, right, got, replayed.worked))
    if replayed.unsupported:
        lines += ["", f"the subject does not claim this case: {replayed.unsupported}"]
    for ruling in replayed.rulings:
        lines += ["", f"{ruling.verdict.upper()}. {ruling.result}: {ruling.because}"]
    return lines
