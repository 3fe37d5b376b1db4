"""``bpcheck replay``: one case, or those of a report, with everything that can be said."""

from __future__ import annotations

from rich.text import Text

from bpcheck.calls import own_arithmetic
from bpcheck.cli.as_test import run_as_test
from bpcheck.cli.exits import worst
from bpcheck.cli.one_case import case_before, exit_code, replayed
from bpcheck.cli.output import stdout
from bpcheck.cli.recorded import Named, named, print_compared, text_of
from bpcheck.cli.safety import Safety
from bpcheck.report import print_replay
from bpcheck.report.recorded import Recorded, recorded_in
from bpcheck.report.terminal import plain
from bpcheck.runner.one import Replay


@own_arithmetic()
def run_replay(case_text: str, typed: Named, *, safety: Safety) -> int:
    """Run the case, print all of it; 1 if it fails, 3 if nothing of it could be judged."""
    found = _replayed(case_text, typed, safety)
    print_replay(found, stdout())
    return exit_code(found)


@own_arithmetic()
def run_recorded(origin: str, typed: Named, *, safety: Safety, as_test: bool = False) -> int:
    """Run each case of a report; the worst code. Or print each as a test."""
    todo: list[tuple[Recorded, Named]] = [
        (each, named(each, typed, origin=origin))
        for each in recorded_in(text_of(origin), origin=origin)
    ]
    console, codes = stdout(), []
    if as_test:
        return worst(run_as_test(each.case, target, safety=safety) for each, target in todo)
    for number, (recorded, target) in enumerate(todo, 1):
        heading = f"{number} of {len(todo)}, on {target.target}"
        console.print(Text(plain(heading, console), style="dim"), soft_wrap=True)
        found = _replayed(recorded.case, target, safety)
        print_replay(found, console)
        print_compared(recorded, found, console)
        console.print()
        codes.append(exit_code(found))
    if len(todo) > 1:
        failing = codes.count(1)
        console.print(Text(f"{failing} of {len(todo)} cases fail", style="bold"))
    return worst(codes)


def _replayed(case_text: str, typed: Named, safety: Safety) -> Replay:
    return replayed(
        case_before(case_text, typed.target),
        typed.target,
        style=typed.style,
        safety=safety,
        words=typed.words,
        claims=typed.claims,
        interpreted=typed.interpreted,
    )
