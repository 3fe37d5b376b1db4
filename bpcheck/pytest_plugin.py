"""The pytest plugin: options, one item for each check and result, and findings as failures.

Every pytest run of an environment that has bpcheck loads this module, so it imports nothing that
pytest does not, until a conformance test is collected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from bpcheck.subject import Subject
    from bpcheck.verdict import Cell, Report

#: What each subject's run gave in this process: its report, or what it could not be given.
_Runs = dict[int, tuple["Subject", "Report | str"]]
_RUNS = pytest.StashKey[_Runs]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of conformance tests, on the command line and in the configuration file."""
    group = parser.getgroup("bpcheck", "conformance of hand-written backward passes")
    group.addoption("--bpcheck-profile", help="how much to check: quick, default or thorough")
    group.addoption("--bpcheck-seed", help="seed of all values and of the search (default: 0)")
    parser.addini("bpcheck_profile", "default of --bpcheck-profile", default="default")
    parser.addini("bpcheck_seed", "default of --bpcheck-seed", default="0")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a conformance test one item for each check and result."""
    subject = getattr(metafunc.function, "__dict__", {}).get("bpcheck_subject")
    if subject is None:
        return
    from bpcheck.checks import CHECK_NAMES
    from bpcheck.errors import CaseError
    from bpcheck.operations import operation_named

    try:
        operands = operation_named(subject.operation).operands
    except CaseError as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: {error}") from None
    results = ("y", *(f"{operand}_bar" for operand in operands))
    marks = _group(metafunc)
    metafunc.parametrize(
        "bpcheck_cell",
        [
            pytest.param((check, result), id=f"{check}-{result}", marks=marks)
            for check in CHECK_NAMES
            for result in results
        ],
    )


def _group(metafunc: pytest.Metafunc) -> tuple[pytest.MarkDecorator, ...]:
    """Keep the items of one subject in one worker: ``pytest -n 4 --dist loadgroup``."""
    if not metafunc.config.pluginmanager.hasplugin("xdist"):
        return ()
    module = metafunc.module.__name__.rpartition(".")[2]
    return (pytest.mark.xdist_group(f"{module}.{metafunc.function.__name__}"),)


@pytest.fixture
def bpcheck_judge(pytestconfig: pytest.Config) -> Callable[[Subject, str, str], None]:
    """Judge one check and result of a subject, running its checks if no item has done so yet."""

    def judge(subject: Subject, check: str, result: str) -> None:
        __tracebackhide__ = True
        run = _run(pytestconfig, subject)
        if isinstance(run, str):
            pytest.fail(run, pytrace=False)
        _conclude(run, check, result)

    return judge


def _run(config: pytest.Config, subject: Subject) -> Report | str:
    """The report of `subject`, or why there is none; computed once in each process."""
    __tracebackhide__ = True
    runs = config.stash.setdefault(_RUNS, {})
    if id(subject) not in runs:
        from bpcheck.errors import BpcheckError
        from bpcheck.runner import check_subject

        try:
            report: Report | str = check_subject(
                subject, profile=_option(config, "profile"), seed=_seed(config)
            )
        except BpcheckError as error:
            report = str(error)
        # The subject is kept, lest another one get its id.
        runs[id(subject)] = (subject, report)
    return runs[id(subject)][1]


def _option(config: pytest.Config, name: str) -> str:
    given: Any = config.getoption(f"bpcheck_{name}")
    return str(config.getini(f"bpcheck_{name}") if given is None else given)


def _seed(config: pytest.Config) -> int:
    text = _option(config, "seed")
    if not text.isdecimal():
        pytest.fail(f"--bpcheck-seed={text}: must be an integer of at least 0", pytrace=False)
    return int(text)


def _conclude(report: Report, check: str, result: str) -> None:
    """Pass, fail, skip or expect the failure of one item, as its cell of the report says."""
    __tracebackhide__ = True
    from bpcheck.report.message import judgement_message, report_message
    from bpcheck.verdict import Cell, Verdict

    if report.verdict is Verdict.INCONCLUSIVE:
        pytest.fail(report_message(report), pytrace=False)
    cell = report.table.get(check, {}).get(result, Cell())
    if cell.failed:
        judgements = report.judgements_of(check, result)
        ...
