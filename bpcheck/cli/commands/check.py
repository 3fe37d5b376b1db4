"""``bpcheck check``."""

from __future__ import annotations

import click

from bpcheck.cli import options
from bpcheck.cli.interrupts import Interrupts

_EXAMPLES = """\b
Examples:
  bpcheck check conv2d layers:Conv
  bpcheck check max_pool2d homework/pool.py --profile quick
  bpcheck check conv2d torch.nn.functional:conv2d --style torch
  bpcheck check conv2d layers:Conv --cases resnet50 --jobs 2
"""

_compile = click.option(
    "--compile",
    "compiles",
    is_flag=True,
    help="Run a function on tensors through torch.compile too, in a few cases of some seconds "
    "each: the same as --claim compiled=yes.",
)

#: What --compile claims.
_COMPILED = "compiled=yes"


@click.command(epilog=f"{options.TARGET}\n{_EXAMPLES}")
@click.argument("operation", required=False)
@click.argument("target", required=False)
@click.option(
    "--profile",
    type=click.Choice(["quick", "default", "thorough", "exhaustive"]),
    default="default",
    show_default=True,
    help="How much to check.",
)
@click.option(
    "--scope",
    metavar="NAME",
    help="Which geometries --profile exhaustive judges, every single one: small or full. "
    "[default: small]",
)
@click.option(
    "--resume",
    metavar="FILE",
    help="Keep in FILE how far an exhaustive run is, and go on from there.",
)
@click.option(
    "--cases",
    metavar="N|SET|FILE",
    help="Instead of the profile's cases: so many, a set of real layers (resnet50, alexnet, ...), "
    "or those of a file with one case or benchdnn descriptor a line.",
)
@click.option(
    "--largest",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only cases of at most N multiplications, for slow subjects. [default: any, unless quick "
    "would take more than 30 s]",
)
@click.option(
    "--geometries",
    type=click.IntRange(min=1),
    metavar="N",
    help="Cases of at most N geometries, chosen to meet most, for subjects that compile each. "
    "[default: any, unless compiling is slow]",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of worker processes; the report does not depend on it.",
)
@click.option(
    "--executor",
    metavar="ENGINE",
    help="Judge cases in dask:ADDRESS, in mpi, or in the concurrent.futures.Executor that "
    "module:attribute is or makes; --jobs says how many workers it has, where it does not tell.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the cases and their values; the same seed gives the same report.",
)
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    metavar="DTYPE",
    help="Only this dtype, such as f32 or float32; may be repeated. [default: those claimed]",
)
@options.style
@options.in_process
@options.call_timeout
@options.memory
@options.words
@options.claim
@options.interpret
@_compile
@click.option(
    "--repair/--no-repair",
    "repairs",
    default=True,
    help="Look for the line at fault: one small change of it that mends everything, tried in "
    "memory for at most 20 s. [default: repair]",
)
@click.option(
    "--no-cache",
    is_flag=True,
    help="Neither judge the cases that failed before, which .bpcheck/ keeps, nor keep any; so too "
    "where CI is set.",
)
@click.option(
    "--time",
    "times",
    is_flag=True,
    help="Take time and peak memory of each family too, as multiples of torch's on the same case, "
    "in one thread, for a minute at most; no part of the verdict.",
)
@click.option("--classes", is_flag=True, help="Print the conformance matrix too.")
@click.option("--json", "json_path", metavar="FILE", help="Write the report to FILE as JSON too.")
@click.option(
    "--markdown",
    "markdown_path",
    metavar="FILE",
    help="Write it as Markdown too: verdict and conformance matrix, for a README.",
)
@click.option(
    "--html",
    "html_path",
    metavar="FILE",
    help="Write it as one page for a browser too: defects, pictures, matrix, replay commands.",
)
@click.pass_obj
def check(
    interrupts: Interrupts | None,
    operation: str | None,
    target: str | None,
    profile: str,
    scope: str | None,
    resume: str | None,
    cases: str | None,
    largest: int | None,
    geometries: int | None,
    jobs: int,
    executor: str | None,
    seed: int,
    dtypes: tuple[str, ...],
    style: str,
    words: tuple[str, ...],
    claims: tuple[str, ...],
    interpret: bool,  # noqa: FBT001 - click's signature
    compiles: bool,  # noqa: FBT001 - click's signature
    in_process: bool,  # noqa: FBT001 - click's signature
    call_timeout: float,
    memory: float | None,
    repairs: bool,  # noqa: FBT001 - click's signature
    no_cache: bool,  # noqa: FBT001 - click's signature
    times: bool,  # noqa: FBT001 - click's signature
    classes: bool,  # noqa: FBT001 - click's signature
    json_path: str | None,
    markdown_path: str | None,
    html_path: str | None,
) -> int:
    """Check TARGET as an implementation of OPERATION, such as conv2d or max_pool2d.

    Without both, every subject under [tool.bpcheck.subjects] in the nearest pyproject.toml is
    checked.
    """
    from bpcheck.cli.check import Request, run_check
    from bpcheck.cli.safety import Safety

    if operation is not None and target is None:
        raise click.UsageError(
            f"{operation}: one argument is too few; write  bpcheck check OPERATION TARGET, or no "
            "argument for every subject in pyproject.toml."
        )
    return run_check(
        operation,
        target,
        style=style,
        words=words,
        claims=(*claims, _COMPILED) if compiles else claims,
        interpret=interpret,
        files={"json": json_path, "markdown": markdown_path, "html": html_path},
        classes=classes,
        request=Request(
            profile,
            cases,
            seed=seed,
            dtypes=dtypes,
            largest=largest,
            geometries=geometries,
            repairs=repairs,
            times=times,
            scope=scope,
            resume=resume,
        ),
        safety=Safety(in_process, call_timeout, memory, jobs, executor),
        interrupts=interrupts or Interrupts(),
        keeps=not no_cache,
    )
