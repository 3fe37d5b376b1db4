"""``bpcheck adapt``."""

from __future__ import annotations

import click

from bpcheck.cli import options


@click.command()
@click.argument("target")
@click.argument("operation", required=False)
@options.in_process
@options.call_timeout
@options.memory
@options.interpret
def adapt(
    target: str,
    operation: str | None,
    *,
    in_process: bool,
    call_timeout: float,
    memory: float | None,
    interpret: bool,
) -> int:
    """Find the declaration by which TARGET is taken as OPERATION, whatever its shape.

    Names, signatures and the shapes of results decide, on small cases in which no two lengths are
    alike; no number does.
    """
    from bpcheck.cli.adapt import run_adapt
    from bpcheck.cli.safety import Safety

    safety = Safety(in_process, call_timeout, memory)
    return run_adapt(target, operation, safety=safety, interpret=interpret)
