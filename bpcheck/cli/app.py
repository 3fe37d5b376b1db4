"""The command line; everything heavy is imported when a command runs."""

from __future__ import annotations

import sys
import textwrap
from typing import NoReturn

import click

from bpcheck.cli.commands.adapt import adapt
from bpcheck.cli.commands.check import check
from bpcheck.cli.commands.explain import explain
from bpcheck.cli.commands.replay import replay
from bpcheck.cli.exits import Guarded
from bpcheck.cli.interrupts import Interrupts, hold_streams
from bpcheck.cli.precision.app import precision

_EPILOG = """\b
Exit codes:
  0   everything that was checked agrees
  1   a defect was found
  2   usage or input error: nothing was checked
  3   nothing could be judged
  70  bpcheck itself failed (BPCHECK_DEBUG=1 prints the traceback)
  130 interrupted (143: by SIGTERM)
"""


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if not value or context.resilient_parsing:
        return
    from importlib.metadata import version

    from bpcheck import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    beside = f"torch {version('torch')}, NumPy {version('numpy')}, Python {python}"
    click.echo(f"bpcheck {__version__} ({beside})")
    context.exit()


@click.group(
    cls=Guarded,
    invoke_without_command=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the versions of bpcheck and of what it judges with.",
)
@click.pass_context
def main(context: click.Context) -> None:
    """Tell whether a hand-written backward pass is right, and what is wrong when it is not."""
    if context.invoked_subcommand is None:
        from bpcheck.operations import library_names, operation_names

        click.echo(context.get_help())
        click.echo(f"\nOperations:\n  {'  '.join(operation_names())}")
        declared = textwrap.wrap("  ".join(library_names()), 78, break_on_hyphens=False)
        click.echo("\n".join(f"  {line}" for line in declared))
        click.echo("  and module:attribute for one of your own")


def run() -> NoReturn:
    """The command of this process's arguments; then exit."""
    hold_streams()
    interrupts = Interrupts()
    interrupts.install()
    main(obj=interrupts)
    raise AssertionError("click's main ends in SystemExit")


for command in (check, replay, explain, adapt, precision):
    main.add_command(command)
