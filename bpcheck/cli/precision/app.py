"""``bpcheck precision``: commands and options; everything heavy is imported when one runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from bpcheck.cli import options

F = TypeVar("F", bound=Callable[..., Any])

_TARGET = """
TARGET is module, module:attribute or path/file.py:attribute, as for bpcheck check. OPERATION may be
left out where the target says which operations it has; without both, every subject under
[tool.bpcheck.subjects] in the nearest pyproject.toml is taken that has a ladder of lengths.
"""

_EXIT = """\b
Exit codes:
  0   nothing was lost
  1   precision was lost
  2   usage or input error, or a baseline that cannot be used
  130 interrupted; a baseline that is there stays whole
"""

_FILE = "precision-baseline.json"


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_what = _options(
    click.argument("words", nargs=-1, metavar="[[OPERATION] TARGET]"),
    click.option(
        "--style",
        default="numpy",
        show_default=True,
        metavar="STYLE",
        help="Kind of code that TARGET is: numpy or torch.",
    ),
)

_how = _options(
    click.option(
        "--dtype",
        "dtypes",
        multiple=True,
        metavar="DTYPE",
        help="Only this dtype, such as f32; may be repeated. [default: those claimed]",
    ),
    click.option(
        "--result",
        "results",
        multiple=True,
        metavar="RESULT",
        help="Only this result, such as w_bar; may be repeated. [default: all]",
    ),
    click.option(
        "--longest",
        type=click.IntRange(min=16),
        default=65_536,
        show_default=True,
        metavar="N",
        help="Longest sums of the ladder, in terms.",
    ),
    click.option(
        "--cases",
        type=click.IntRange(min=1),
        default=9,
        show_default=True,
        metavar="N",
        help="Cases of each length, dtype and data kind.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Seed of the values.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(min=1, max=4_096),
        default=1,
        show_default=True,
        help="Threads of BLAS and torch. One gives the same numbers whatever the number of cores.",
    ),
)

_safely = _options(options.in_process, options.call_timeout, options.memory)

_plot = click.option(
    "--plot", "plot_path", metavar="FILE", help="Draw error against length into FILE (.png, .svg)."
)


@click.group(epilog=_EXIT)
def precision() -> None:
    """Measure rounding errors, and hold them against a baseline."""


@precision.command(epilog=_TARGET)
@_what
@_how
@_safely
@_plot
@click.option(
    "--baseline", metavar="FILE", help="Draw what this baseline holds beside, with --plot."
)
@click.option("--every-cell", is_flag=True, help="One line for each length, not for each ladder.")
def measure(
    words: tuple[str, ...],
    plot_path: str | None,
    baseline: str | None,
    *,
    every_cell: bool,
    **given: Any,
) -> int:
    """Measure the rounding errors of TARGET on sums of 16 to 65,536 terms, and print them."""
    from bpcheck.cli.precision.run import Request, run_measure

    return run_measure(
        Request.of(words, given), plot_path=plot_path, baseline=baseline, every_cell=every_cell
    )


@precision.command(epilog=_TARGET)
@_what
@_how
@_safely
@click.option(
    "--output",
    metavar="FILE",
    default=_FILE,
    show_default=True,
    help="The baseline file; entries of other subjects in it are kept.",
)
@click.option("--force", is_flag=True, help="Replace what the file holds of the same subject.")
def record(words: tuple[str, ...], output: str, *, force: bool, **given: Any) -> int:
    """Measure TARGET and write a baseline, one text file that is made to be committed."""
    from bpcheck.cli.precision.run import Request, run_record

    return run_record(Request.of(words, given), output=output, force=force)


@precision.command(epilog=_EXIT)
@_what
@click.option(
    "--baseline", metavar="FILE", default=_FILE, show_default=True, help="The baseline file."
)
@click.option(
    "--effect",
    type=float,
    metavar="RATIO",
    help="Smallest ratio of medians that is a loss. [default: 1.1; in another environment 4]",
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads. [default: as recorded]")
@click.option("--all", "every", is_flag=True, help="List every comparison below its cause.")
@_safely
@_plot
def compare(
    words: tuple[str, ...],
    style: str,
    baseline: str,
    effect: float | None,
    threads: int | None,
    plot_path: str | None,
    *,
    every: bool,
    **safety: Any,
) -> int:
    """Measure again what a baseline holds, with its seeds, and exit with 1 if precision was lost.

    Without a TARGET, every subject of the baseline is measured, from the current directory.
    """
    from bpcheck.cli.precision.compare import run_compare
    from bpcheck.cli.safety import Safety

    return run_compare(
        words,
        style=style,
        baseline=baseline,
        effect=effect,
        threads=threads,
        plot_path=plot_path,
        every=every,
        safety=Safety(**safety),
    )


@precision.command()
@click.argument("target", metavar="TARGET")
@click.argument("case", nargs=-1, required=True, metavar="'CASE'")
@click.option(
    "--style",
    default="numpy",
    show_default=True,
    metavar="STYLE",
    help="Kind of code that TARGET is, as for bpcheck check.",
)
@click.option("--result", default="y", show_default=True, metavar="RESULT", help="Such as w_bar.")
@click.option(
    "--index", metavar="I,J,...", help="The element of the result. [default: the one in the middle]"
)
@click.option(
    "--threads",
    type=click.IntRange(min=1, max=4_096),
    default=1,
    show_default=True,
    help="Look with so many threads, too.",
)
@_safely
def tree(
    target: str,
    case: tuple[str, ...],
    style: str,
    result: str,
    index: str | None,
    threads: int,
    **safety: Any,
) -> int:
    """Reveal in which order TARGET adds up one element of CASE, and print the tree and a word."""
    from bpcheck.cli.precision.tree import run_tree
    from bpcheck.cli.safety import Safety

    return run_tree(
        target,
        " ".join(case),
        style=style,
        result=result,
        index=index,
        threads=threads,
        safety=Safety(**safety),
    )


@precision.command()
@click.argument("file", default=_FILE, metavar="[FILE]")
@click.option("--plot", "plot_path", metavar="FILE", help="Draw the history into FILE.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="At most so many commits, the newest.",
)
def log(file: str, plot_path: str | None, limit: int) -> int:
    """Show how the errors in a baseline FILE changed over the commits of a git repository."""
    from bpcheck.cli.precision.log import run_log

    return run_log(file, plot_path=plot_path, limit=limit)
