"""``bpcheck replay``: one case, with everything that can be said about it."""

from __future__ import annotations

from pathlib import Path

from bpcheck.calls import own_arithmetic
from bpcheck.cases import parse_case
from bpcheck.cli import exits
from bpcheck.cli.output import stdout
from bpcheck.cli.project import Entry
from bpcheck.cli.requests import CLAIM, asked_claims, asked_words
from bpcheck.cli.safety import Safety, placed_entry
from bpcheck.finding import Status
from bpcheck.report import print_replay
from bpcheck.runner.memory import keep_freed_memory, require_room
from bpcheck.runner.own import blaming


@own_arithmetic()
def run_replay(
    case_text: str,
    target: str,
    *,
    style: str,
    safety: Safety,
    words: tuple[str, ...] = (),
    claims: tuple[str, ...] = (),
    interpreted: bool = False,
) -> int:
    """Run the case, print all of it; 1 if it fails, 3 if nothing of it could be judged."""
    case = parse_case(case_text)
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
        replayed = place.replay(case)
    print_replay(replayed, stdout())
    if any(ruling.verdict.is_defect for ruling in replayed.rulings):
        return exits.DEFECT
    if not any(outcome.status is Status.PASSED for outcome in replayed.outcomes):
        return exits.INCONCLUSIVE
    return exits.AGREES
