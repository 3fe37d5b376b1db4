"""The pytest plugin: options, one item for each check and result, and findings as failures.

Every pytest run of an environment that has bpcheck loads this module, so it imports nothing that
pytest does not, until a conformance test is collected.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bpcheck.subject import Subject

# Written out, since the profiles themselves lie behind heavy imports.
_PROFILES = ("quick", "default", "thorough")

#: Where workers leave their reports for the process that writes the files.
_CARRIED = "bpcheck_reports"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of conformance tests, on the command line and in the configuration file."""
    group = parser.getgroup("bpcheck", "conformance of hand-written backward passes")
    group.addoption(
        "--bpcheck-profile", choices=_PROFILES, help="how much is checked (default: default)"
    )
    group.addoption(
        "--bpcheck-seed", type=int, metavar="N", help="seed of the cases and values (default: 0)"
    )
    group.addoption(
        "--bpcheck-largest",
        type=int,
        metavar="N",
        help="only cases of at most N multiplications (default: any, unless a subject is slow)",
    )
    group.addoption(
        "--bpcheck-geometries",
        type=int,
        metavar="N",
        help="cases of at most N geometries (default: any, unless a subject compiles slowly)",
    )
    group.addoption(
        "--bpcheck-baseline",
        metavar="FILE",
        help="measure rounding errors too, and fail where they grew against this baseline",
    )
    group.addoption(
        "--bpcheck-in-process",
        action="store_true",
        help="run the subjects in the process of pytest, as a debugger needs it",
    )
    group.addoption(
        "--bpcheck-call-timeout",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="what one call of a subject may take (default: 30)",
    )
    group.addoption(
        "--bpcheck-no-repair",
        action="store_true",
        help="do not look for the line at fault, which takes at most 20 s",
    )
    group.addoption(
        "--bpcheck-no-cache",
        action="store_true",
        help="neither judge the cases that failed before, which .bpcheck/ keeps, nor keep any",
    )
    group.addoption(
        "--bpcheck-executor",
        metavar="ENGINE",
        help="judge cases in dask:ADDRESS, mpi, or the executor that module:attribute is or makes",
    )
    for kind, said in (("json", "JSON"), ("html", "one page for a browser")):
        group.addoption(
            f"--bpcheck-{kind}", metavar="FILE", help=f"write the reports to FILE as {said}"
        )
    parser.addini("bpcheck_profile", "what --bpcheck-profile is by default", default="default")
    parser.addini("bpcheck_largest", "what --bpcheck-largest is by default", default="")
    parser.addini("bpcheck_geometries", "what --bpcheck-geometries is by default", default="")
    parser.addini("bpcheck_executor", "what --bpcheck-executor is by default", default="")
    parser.addini("bpcheck_seed", "what --bpcheck-seed is by default", default="0")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a file without a name, as an unset variable of CI leaves it, or that is none."""
    if config.getoption("bpcheck_baseline") == "":
        raise pytest.UsageError("--bpcheck-baseline: the path is empty; give the name of a file")
    if any(given is not None for given in _typed_files(config).values()):
        from bpcheck.errors import UsageError
        from bpcheck.report.files import Files

        try:
            Files.asked(_typed_files(config), prefix="--bpcheck-")
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None


def _typed_files(config: pytest.Config) -> dict[str, str | None]:
    """The files that reports go to, by their kinds, from where pytest was called."""
    typed = {kind: config.getoption(f"bpcheck_{kind}") for kind in ("json", "html")}
    here = config.invocation_params.dir
    return {
        kind: str(here / Path(path).expanduser()) if path and path.strip() else path
        for kind, path in typed.items()
    }


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take the reports of a worker of pytest-xdist."""
    from bpcheck.pytest_items.keys import REPORTS

    carried = getattr(node, "workeroutput", {}).get(_CARRIED)
    if carried:
        import pickle

        # Written by this plugin, in a process that this one has started.
        reports = pickle.loads(carried)  # noqa: S301
        node.config.stash.setdefault(REPORTS, []).extend(reports)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the reports to files, or hand them to the process that does."""
    from bpcheck.pytest_items.keys import REPORTS

    config = session.config
    reports = config.stash.get(REPORTS, [])
    if hasattr(config, "workeroutput"):
        if reports:
            import pickle

            config.workeroutput[_CARRIED] = pickle.dumps(reports)
        return
    typed = _typed_files(config)
    if not reports and not any(typed.values()):
        return
    from bpcheck.errors import UsageError
    from bpcheck.report.files import Files

    # In one order, whichever worker was done first.
    reports.sort(key=lambda each: (each[0].subject, each[0].operation))
    try:
        files = Files.asked(typed, prefix="--bpcheck-")
        files.write([report for report, _ in reports], [target for _, target in reports])
    except UsageError as error:
        pytest.exit(str(error), returncode=session.exitstatus or pytest.ExitCode.USAGE_ERROR)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the engine, if one was used."""
    from bpcheck.pytest_items.keys import ENGINE

    if ENGINE in config.stash:
        config.stash[ENGINE][0].close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was judged and claimed of each subject, and what a baseline has to say of it."""
    from bpcheck.pytest_items.keys import ANNOTATION, CLAIMS, MET, PROCESS, REMARK

    told = [
        each
        for kind in terminalreporter.stats.values()
        for report in kind
        for each in getattr(report, "user_properties", ())
    ]
    said = dict.fromkeys(text for name, text in told if name in (MET, CLAIMS, REMARK, PROCESS))
    for text in dict.fromkeys(text for name, text in told if name == ANNOTATION):
        terminalreporter.ensure_newline()
        terminalreporter.write_line(text)
    if said:
        from bpcheck.inert import inert

        terminalreporter.section("bpcheck")
        for text in said:
            terminalreporter.write_line(inert(text))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a conformance test one item for each check and result."""
    subject = getattr(metafunc.function, "__dict__", {}).get("bpcheck_subject")
    if subject is None:
        return
    from bpcheck.checks import names_for
    from bpcheck.pytest_items.keys import PRECISION

    marks = _marks(metafunc)
    baseline = metafunc.config.getoption("bpcheck_baseline")
    names = (*names_for(subject), PRECISION) if baseline else names_for(subject)
    metafunc.parametrize(
        "bpcheck_judge",
        [
            pytest.param((check, result), id=f"{check}-{result}".replace(" ", "-"), marks=marks)
            for check in names
            for result in ("y", *(f"{operand}_bar" for operand in subject.operation.operands))
        ],
        indirect=True,
    )


def _marks(metafunc: pytest.Metafunc) -> tuple[pytest.MarkDecorator, ...]:
    """Keep the items of one subject in one worker under ``pytest -n 4 --dist loadgroup``."""
    if not metafunc.config.pluginmanager.hasplugin("xdist"):
        return ()
    module = metafunc.module.__name__.rpartition(".")[2]
    return (pytest.mark.xdist_group(f"{module}.{metafunc.definition.name}"),)


@pytest.fixture
def bpcheck_judge(request: pytest.FixtureRequest) -> Callable[[Subject], None]:
    """Judge one check and result of a subject, running its checks if no item has done so yet."""

    def judge(subject: Subject) -> None:
        __tracebackhide__ = True
        from bpcheck.pytest_items.judged import conclude_item

        conclude_item(request, subject, *request.param)

    return judge
