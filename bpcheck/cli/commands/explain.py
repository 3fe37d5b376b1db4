"""``bpcheck explain``."""

from __future__ import annotations

import click

from bpcheck.cli import options
from bpcheck.cli.interrupts import Interrupts

_EXAMPLES = """\b
Examples:
  bpcheck explain 'conv2d n1ic2ih3iw3oc3kh2kw2 f64 small'
  bpcheck explain 'max_pool1d n1ic1iw4kw2 f32 small' layers:Pool
"""


@click.command(epilog=_EXAMPLES)
@click.argument("words", nargs=-1, required=True, metavar="'CASE' [TARGET]")
@click.option(
    "--picture",
    metavar="FILE",
    help="Draw the steps too, into FILE.svg, or FILE.png where matplotlib is installed.",
)
@click.option(
    "--result",
    "results",
    multiple=True,
    metavar="RESULT",
    help="Only this result, such as x_bar, or 'x_bar[0,1,1,1]' for the steps of that element; may "
    "be repeated.",
)
@options.of_one_case
@click.pass_obj
def explain(
    interrupts: Interrupts | None,
    words: tuple[str, ...],
    picture: str | None,
    results: tuple[str, ...],
    style: str,
    declared: tuple[str, ...],
    claims: tuple[str, ...],
    interpret: bool,  # noqa: FBT001 - click's signature
    in_process: bool,  # noqa: FBT001 - click's signature
    call_timeout: float,
    memory: float | None,
) -> int:
    """Show how the results of one CASE come about, step by step, with all numbers.

    With a TARGET, what it gave stands beside, where it is right as where it is wrong; without one
    the numbers are torch's.
    """
    from bpcheck.cli.explain import run_explain
    from bpcheck.cli.safety import Safety

    return run_explain(
        words,
        style=style,
        safety=Safety(in_process, call_timeout, memory),
        words=declared,
        claims=claims,
        interpreted=interpret,
        picture=picture,
        results=results,
    )
