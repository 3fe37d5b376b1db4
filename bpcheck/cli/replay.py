"""``bpcheck replay``: one case, with everything that can be said about it."""

from __future__ import annotations

from bpcheck.calls import own_arithmetic
from bpcheck.cases import parse_case
from bpcheck.cli.one_case import exit_code, replayed
from bpcheck.cli.output import stdout
from bpcheck.cli.safety import Safety
from bpcheck.report import print_replay


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
    found = replayed(
        parse_case(case_text),
        target,
        style=style,
        safety=safety,
        words=words,
        claims=claims,
        interpreted=interpreted,
    )
    print_replay(found, stdout())
    return exit_code(found)
