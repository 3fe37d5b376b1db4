"""The commands and their options; everything heavy is imported when a command runs."""

from __future__ import annotations

import sys
import textwrap
from typing import NoReturn

import click

from bpcheck.cli import options
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

_TARGET = """
TARGET is module, module:attribute or path/file.py:attribute. It gives
forward(*operands, **params) -> (y, residuals) and vjp(residuals, y_bar) -> gradients on NumPy
arrays; with --style torch it is one differentiable function on torch tensors, or an
autograd.Function.
"""

_CHECK_EXAMPLES = """\b
Examples:
  bpcheck check conv2d layers:Conv
  bpcheck check max_pool2d homework/pool.py --profile quick
  bpcheck check conv2d torch.nn.functional:conv2d --style torch
  bpcheck check conv2d layers:Conv --cases resnet50 --jobs 2
"""

_REPLAY_EXAMPLE = """\b
Examples:
  bpcheck replay 'max_pool1d n1ic1iw4kw2 f32 exact' layers:Pool
  bpcheck replay --from report.json
  bpcheck replay --from -  < pasted.txt
"""

_EXPLAIN_EXAMPLE = """\b
Examples:
  bpcheck explain 'conv2d n1ic2ih3iw3oc3kh2kw2 f64 small'
  bpcheck explain 'max_pool1d n1ic1iw4kw2 f32 small' layers:Pool
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


_style = click.option(
    "--style",
    default="numpy",
    show_default=True,
    metavar="STYLE",
    help="Kind of code that TARGET is: numpy, torch, pair, layer, jax, ... (docs/your-code.md).",
)

_with = click.option(
    "--with",
    "words",
    multiple=True,
    metavar="KEY=VALUE",
    help="What the code does differently, as an option of its style, such as layout=NHWC; may be "
    "repeated.",
)

_declared = click.option(
    "--with",
    "declared",
    multiple=True,
    metavar="KEY=VALUE",
    help="As for bpcheck check.",
)

_claim = click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="KEY=VALUE",
    help="What the subject claims, over what its code says, such as empty=no or "
    "dtypes=f32,f64; exact=no for a transform; may be repeated (docs/claims.md).",
)

_interpret = click.option(
    "--interpret",
    is_flag=True,
    help="Run kernels of Triton and Numba-CUDA in their interpreters, without a GPU; that they "
    "pass there does not show that they pass on the device.",
)


@main.command(epilog=f"{_TARGET}\n{_CHECK_EXAMPLES}")
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
@_style
@options.in_process
@options.call_timeout
@options.memory
@_with
@_claim
@_interpret
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
    in_process: bool,  # noqa: FBT001 - click's signature
    call_timeout: float,
    memory: float | None,
    repairs: bool,  # noqa: FBT001 - click's signature
    no_cache: bool,  # noqa: FBT001 - click's signature
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
        claims=claims,
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
            scope=scope,
            resume=resume,
        ),
        safety=Safety(in_process, call_timeout, memory, jobs, executor),
        interrupts=interrupts or Interrupts(),
        keeps=not no_cache,
    )


@main.command(epilog=f"{_TARGET}\n{_REPLAY_EXAMPLE}")
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
@_style
@options.in_process
@options.call_timeout
@options.memory
@_declared
@_claim
@_interpret
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


@main.command(epilog=_EXPLAIN_EXAMPLE)
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
@_style
@options.in_process
@options.call_timeout
@options.memory
@_declared
@_claim
@_interpret
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


@main.command()
@click.argument("target")
@click.argument("operation", required=False)
@options.in_process
@options.call_timeout
@options.memory
def adapt(
    target: str,
    operation: str | None,
    *,
    in_process: bool,
    call_timeout: float,
    memory: float | None,
) -> int:
    """Find the declaration by which TARGET is taken as OPERATION, whatever its shape.

    Names, signatures and the shapes of results decide, on small cases in which no two lengths are
    alike; no number does.
    """
    from bpcheck.cli.adapt import run_adapt
    from bpcheck.cli.safety import Safety

    return run_adapt(target, operation, safety=Safety(in_process, call_timeout, memory))


main.add_command(precision)
