"""``bpcheck replay``."""

from __future__ import annotations

import click

from bpcheck.cli import options
from bpcheck.cli.interrupts import Interrupts

_EXAMPLES = """\b
Examples:
  bpcheck replay 'max_pool1d n1ic1iw4kw2 f32 exact' layers:Pool
  bpcheck replay --from report.json
  bpcheck replay --from -  < pasted.txt
"""


@click.command(epilog=f"{options.TARGET}\n{_EXAMPLES}")
@click.argument("words", nargs=-1, metavar="['CASE'] [TARGET]")
@click.option(
    "--from",
    "origin",
    metavar="FILE|-",
    help="Run every case of a report instead: JSON, JUnit XML, or text as it was printed; - is "
    "the standard input. TARGET may be left out where the report names it.",
)
@click.option(
    "--as-test",
    is_flag=True,
    help="Print a test that fails in the same way instead: NumPy, torch and TARGET, with all "
    "numbers written out.",
)
@options.of_one_case
@click.pass_obj
def replay(
    interrupts: Interrupts | None,
    words: tuple[str, ...],
    origin: str | None,
    as_test: bool,  # noqa: FBT001 - click's signature
    style: str,
    declared: tuple[str, ...],
    claims: tuple[str, ...],
    interpret: bool,  # noqa: FBT001 - click's signature
    in_process: bool,  # noqa: FBT001 - click's signature
    call_timeout: float,
    memory: float | None,
) -> int:
    """Run one CASE of a report on TARGET and print everything about it."""
    from bpcheck.cli.as_test import run_as_test
    from bpcheck.cli.recorded import Named
    from bpcheck.cli.replay import run_recorded, run_replay
    from bpcheck.cli.safety import Safety

    safety = Safety(in_process, call_timeout, memory)
    if origin is not None and len(words) > 1:
        raise click.UsageError(
            f"{len(words)} arguments are too many beside --from, which gives the cases; write  "
            "bpcheck replay --from FILE TARGET."
        )
    if origin is None and len(words) < 2:
        raise click.UsageError(
            "a CASE and a TARGET are expected; write  bpcheck replay 'CASE' TARGET, or  bpcheck "
            "replay --from FILE."
        )
    typed = Named("".join(words[-1:]), style, declared, claims, interpret)
    if origin is not None:
        return run_recorded(origin, typed, safety=safety, as_test=as_test)
    # A case that lost its quotes comes as several words.
    run = run_as_test if as_test else run_replay
    return run(" ".join(words[:-1]), typed, safety=safety)
