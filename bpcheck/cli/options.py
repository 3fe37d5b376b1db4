"""Options that several commands share: where the code of a target runs, and what it may take."""

from __future__ import annotations

import click

in_process = click.option(
    "--in-process",
    is_flag=True,
    help="Run TARGET in this process, as a debugger needs it; a crash ends the run then.",
)
call_timeout = click.option(
    "--call-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="What one call of TARGET may take; ten times that for the first of a shape.",
)
memory = click.option(
    "--memory",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GIB",
    help="Memory that a worker may hold. [default: nine tenths of what is free, over the jobs]",
)
