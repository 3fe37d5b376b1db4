"""``bpcheck replay``: one case, with everything that can be said about it."""

from __future__ import annotations

from bpcheck.adapters import load
from bpcheck.calls import own_arithmetic
from bpcheck.cases import parse_case
from bpcheck.cli import exits
from bpcheck.cli.check import shell_target
from bpcheck.cli.output import stdout
from bpcheck.cli.project import Entry
from bpcheck.cli.requests import asked_words
from bpcheck.cli.trail import Trail
from bpcheck.finding import Status
from bpcheck.imports.interpreters import interpret
from bpcheck.report import print_replay
from bpcheck.runner import replay
from bpcheck.runner.memory import keep_freed_memory
from bpcheck.runner.own import blaming


@own_arithmetic()
def run_replay(
    case_text: str,
    target: str,
    *,
    style: str,
    trail: Trail,
    words: tuple[str, ...] = (),
    interpreted: bool = False,
) -> int:
    """Run the case, print all of it; 1 if it fails, 3 if nothing of it could be judged."""
    case = parse_case(case_text)
    entry = Entry(target, str(case.operation), style, asked_words(words), interpret=interpreted)
    if interpreted:
        interpret()
    subject = load(
        target,
        operation=case.operation,
        style=style,
        words=entry.words,
        dtypes=(case.dtype,),
    )
    trail.note(str(case), shell_target(entry))
    keep_freed_memory()
    with blaming(case.operation):
        replayed = replay(subject, case)
    print_replay(replayed, stdout())
    if any(ruling.verdict.is_defect for ruling in replayed.rulings):
        return exits.DEFECT
    if not any(outcome.status is Status.PASSED for outcome in replayed.outcomes):
        return exits.INCONCLUSIVE
    return exits.AGREES
