"""The pytest plugin: options, one item for each check and result, and findings as failures.

Every pytest run of an environment that has bpcheck loads this module, so it imports nothing that
pytest does not, until a conformance test is collected.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bpcheck.precision import Comparison
    from bpcheck.runner.engine.engine import Engine
    from bpcheck.runner.kept import Again
    from bpcheck.subject import Subject
    from bpcheck.verdict import Report

# Written out, since the profiles themselves lie behind heavy imports.
_PROFILES = ("quick", "default", "thorough")

#: What each subject's run gave in this process, by the subject's id: its report, or why there is
#: none. The subject is kept with it, lest another one get its id.
_RUNS = pytest.StashKey[dict[int, tuple["Subject", "Report | str"]]]()

#: For each subject's id, what came of the cases that failed before.
_AGAIN = pytest.StashKey[dict[int, "Again"]]()

#: The reports of this process and of its workers, each with what names its subject in a shell.
_REPORTS = pytest.StashKey[list[tuple["Report", str]]]()

#: Where workers leave theirs for the process that writes the files.
_CARRIED = "bpcheck_reports"

#: For each subject's id: the defects that an item has told at length, and that item's name.
_TOLD = pytest.StashKey[dict[int, dict[str, str]]]()

#: As for the runs, the comparisons with the baseline; ``None`` where nothing can be measured.
_COMPARISONS = pytest.StashKey[dict[int, tuple["Subject", "Comparison | str | None"]]]()

#: What judges the cases, if that was asked for, and what ends it; or why there is none.
_ENGINE = pytest.StashKey[tuple[contextlib.ExitStack, "Engine | str"]]()

#: The name of the items that compare with a baseline, in the place of a check's.
_PRECISION = "precision"


#: The property of a report under which stands what a comparison has to say, lost or not.
_REMARK = "bpcheck precision"

#: That under which stands where a subject ran, and what loading it did.
_PROCESS = "bpcheck process"

#: And that under which stands what a subject claims, what it does not, and its conventions.
_CLAIMS = "bpcheck claims"

#: That under which stands what was judged of a subject: cases, edge classes, families, residues.
_MET = "bpcheck met"

#: And that of a line for a workflow on GitHub, which points at the user's own.
_ANNOTATION = "bpcheck annotation"


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
    carried = getattr(node, "workeroutput", {}).get(_CARRIED)
    if carried:
        import pickle

        # Written by this plugin, in a process that this one has started.
        reports = pickle.loads(carried)  # noqa: S301
        node.config.stash.setdefault(_REPORTS, []).extend(reports)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the reports to files, or hand them to the process that does."""
    config = session.config
    reports = config.stash.get(_REPORTS, [])
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
    if _ENGINE in config.stash:
        config.stash[_ENGINE][0].close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was judged and claimed of each subject, and what a baseline has to say of it."""
    told = [
        each
        for kind in terminalreporter.stats.values()
        for report in kind
        for each in getattr(report, "user_properties", ())
    ]
    said = dict.fromkeys(text for name, text in told if name in (_MET, _CLAIMS, _REMARK, _PROCESS))
    for text in dict.fromkeys(text for name, text in told if name == _ANNOTATION):
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

    marks = _marks(metafunc)
    baseline = metafunc.config.getoption("bpcheck_baseline")
    names = (*names_for(subject), _PRECISION) if baseline else names_for(subject)
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
    check, result = request.param

    def judge(subject: Subject) -> None:
        __tracebackhide__ = True
        if check == _PRECISION:
            _conclude_precision(request.node, subject, result)
            return
        runs = request.config.stash.setdefault(_RUNS, {})
        if id(subject) not in runs:
            report = _run(request, subject)
            runs[id(subject)] = subject, report
            if not isinstance(report, str):
                _tell_met(request.node, report)
                _judge_again(request, subject, report)
        report = runs[id(subject)][1]
        if isinstance(report, str):
            pytest.fail(_inert(report), pytrace=False)
        told = request.config.stash.setdefault(_TOLD, {}).setdefault(id(subject), {})
        target = _target(request, subject)
        _tell_item(request.node, report, check, result)
        _conclude(report, check, result, target=target, told=told, item=request.node.name)
        again = request.config.stash.get(_AGAIN, {}).get(id(subject))
        if again is not None:
            _conclude_again(again, check, result, target=target)
        if not report.table[check][result].passed:
            pytest.skip(f"{check}: nothing to judge of {result}")

    return judge


def _run(request: pytest.FixtureRequest, subject: Subject) -> Report | str:
    """The report of `subject`, or why there is none."""
    from bpcheck.errors import BpcheckError
    from bpcheck.runner import check_subject
    from bpcheck.runner.placed import why_not_in_workers
    from bpcheck.runner.process.handle import Allowed

    config = request.config
    is_asked, why = _why_in_process(config)
    engine = None if why else _engine_of(config)
    if isinstance(engine, str):
        return engine
    if engine:
        engine.say = lambda text: _keep(request.node, _PROCESS, text)
    why = why or ("" if engine else why_not_in_workers(subject))
    if why and not is_asked:
        said = f"{subject.name}, {subject.operation}: run in the process of pytest, as {why}"
        _keep(request.node, _PROCESS, said)
    seed = _option(config, "seed")
    # More digits than Python reads are no seed that a run takes.
    if not seed.isdecimal() or len(seed) > 40:
        return f"bpcheck_seed={seed:.60}: must be an integer of at least 0, and at most 2**64"
    try:
        report = check_subject(
            subject,
            profile=_option(config, "profile"),
            seed=int(seed),
            largest=_limit(config, "largest"),
            geometries=_limit(config, "geometries"),
            repairs=not config.getoption("bpcheck_no_repair"),
            in_process=bool(why),
            executor=engine,
            allowed=Allowed(config.getoption("bpcheck_call_timeout")),
        )
    except BpcheckError as error:
        return str(error)
    config.stash.setdefault(_REPORTS, []).append((report, _target(request, subject)))
    if not report.is_complete:
        raise KeyboardInterrupt
    return report


def _why_in_process(config: pytest.Config) -> tuple[bool, str]:
    """Whether it was asked for that subjects run in this process, and why they do, if so."""
    from bpcheck.runner.in_process import why_in_process

    if config.getoption("bpcheck_in_process"):
        return True, "--bpcheck-in-process says so"
    if config.getoption("usepdb", default=False) or config.getoption("trace", default=False):
        return False, "--pdb or --trace is given"
    return False, why_in_process()


def _engine_of(config: pytest.Config) -> Engine | str | None:
    """The engine of this session, or why it cannot be had; ``None`` if none was asked for."""
    text = _option(config, "executor")
    if not text:
        return None
    if _ENGINE not in config.stash:
        from bpcheck.errors import BpcheckError
        from bpcheck.runner.engine.named import engine_named

        stack, found = (
            contextlib.ExitStack(),
            engine_named(text, directory=config.invocation_params.dir, say=str),
        )
        try:
            config.stash[_ENGINE] = stack, stack.enter_context(found)
        except BpcheckError as error:
            # It is not waited for again.
            config.stash[_ENGINE] = stack, f"bpcheck_{error}"
    return config.stash[_ENGINE][1]


def _tell_met(item: pytest.Item, report: Report) -> None:
    """Keep what was judged and claimed where the summary finds it, from other processes too."""
    from bpcheck.report.claims import said_of_claims
    from bpcheck.report.wording import counts, said_of_conventions, shipped

    for line in (counts(report), *shipped(report)):
        _keep(item, _MET, f"{report.subject}, {report.operation}: {line}")
    for line in (*said_of_claims(report), *said_of_conventions(report)):
        _keep(item, _CLAIMS, f"{report.subject}, {report.operation}: {line}")
    for line in report.notes:
        _keep(item, _PROCESS, f"{report.subject}, {report.operation}: {line}")


def _tell_item(item: pytest.Item, report: Report, check: str, result: str) -> None:
    """Give the item its verdict, its smallest cases and its coverage, as JUnit files carry them."""
    from bpcheck.inert import annotation
    from bpcheck.report.wording import counts
    from bpcheck.testing import judgements_of

    cell = report.table[check][result]
    judgements = judgements_of(report, check, result) if cell.failed else ()
    verdicts = [str(each.verdict) for each in judgements]
    if not verdicts:
        verdicts = ["agrees" if cell.passed else "nothing to judge"]
    told = [("bpcheck verdict", ", ".join(dict.fromkeys(verdicts)))]
    told += [("bpcheck case", each.smallest) for each in judgements]
    judged = f"{cell.passed:,} right and {cell.failed:,} wrong of {counts(report)}"
    for name, text in (*told, ("bpcheck coverage", judged)):
        _keep(item, name, text)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        # The line of the conformance test: the report itself knows where in the code it may be.
        file, line, _ = item.location
        for each in judgements:
            if each.verdict.is_defect:
                said = f"{report.subject}, {each.headline} (smallest case: {each.smallest})"
                text = annotation(said, file=file, line=(line or 0) + 1)
                item.user_properties.append((_ANNOTATION, text))


def _judge_again(request: pytest.FixtureRequest, subject: Subject, report: Report) -> None:
    """Judge what failed before beside the plan; the report has no part in it."""
    from bpcheck.report.again import again_lines
    from bpcheck.runner.kept import Again, Kept
    from bpcheck.runner.placed import placed
    from bpcheck.runner.process.handle import Allowed

    config, target = request.config, _target(request, subject)
    kept = Kept.of(
        config.rootpath,
        f"{subject.operation} {request.node.nodeid.partition('[')[0]}",
        is_on=not config.getoption("bpcheck_no_cache"),
    )
    again = Again()
    if kept.cases():
        in_process = bool(_why_in_process(config)[1])
        allowed = Allowed(config.getoption("bpcheck_call_timeout"))
        with placed(subject, in_process=in_process, allowed=allowed) as site:
            again = kept.again(site)
    kept.keep(report, again)
    config.stash.setdefault(_AGAIN, {})[id(subject)] = again
    told = {each.smallest for each in report.judgements}
    for line, _ in again_lines(again, told, target):
        said = f"{report.subject}, {report.operation}: {line}"
        _keep(request.node, _PROCESS, said)


def _conclude_again(again: Again, check: str, result: str, *, target: str) -> None:
    """Fail an item whose check fails still for its result in a case that failed before."""
    __tracebackhide__ = True
    from bpcheck.report.wording import replay_command

    for case, rulings in again.failing:
        for ruling in rulings:
            if any((each.check, each.result) == (check, result) for each in ruling.findings):
                replay = replay_command(str(case), target)
                said = f"{result}: {ruling.verdict}, in a case that failed before"
                pytest.fail(_inert(f"{said}\n    {ruling.because}\n    {replay}"), pytrace=False)


def _option(config: pytest.Config, name: str) -> str:
    given: Any = config.getoption(f"bpcheck_{name}")
    return str(config.getini(f"bpcheck_{name}") if given is None else given)


def _limit(config: pytest.Config, name: str) -> int | None:
    """A limit of the cases; ``None`` if none is given."""
    from bpcheck.errors import UsageError

    given = _option(config, name)
    if not given:
        return None
    if not given.isdecimal() or not int(given):
        raise UsageError(f"bpcheck_{name}={given}: must be an integer of at least 1")
    return int(given)


def _conclude(
    report: Report, check: str, result: str, *, target: str, told: dict[str, str], item: str
) -> None:
    """End the item as its cell of the report says: what was not judged is never a pass.

    `told` are the defects that earlier items have told at length, with the items' names.
    """
    __tracebackhide__ = True
    from bpcheck.report.message import brief_message, inconclusive_message, judgement_message
    from bpcheck.testing import judgements_of
    from bpcheck.verdict import Verdict

    if report.verdict is Verdict.INCONCLUSIVE:
        pytest.fail(inconclusive_message(report), pytrace=False)
    cell = report.table[check][result]
    if cell.failed:
        judgements = judgements_of(report, check, result)
        defects = [each for each in judgements if each.verdict.is_defect]
        if judgements and not defects:
            pytest.xfail(_inert(judgements[0].headline))
        # Two exceptions of one type have one headline, and are two defects.
        keys = [f"{each.headline}, {each.smallest}" for each in defects]
        messages = [
            brief_message(each, item=told[key], target=target)
            if key in told
            else judgement_message(each, target=target)
            for each, key in zip(defects, keys, strict=True)
        ]
        for key in keys:
            told.setdefault(key, item)
        total = cell.failed + cell.passed
        messages.append(f"This check failed for {result} in {cell.failed:,} of {total:,} cases.")
        pytest.fail("\n\n".join(messages), pytrace=False)


def _conclude_precision(item: pytest.Item, subject: Subject, result: str) -> None:
    """End the item as the comparison with the baseline says."""
    __tracebackhide__ = True
    from bpcheck.errors import BpcheckError
    from bpcheck.precision.testing import comparison_of, lost, remarks, why_not_measured
    from bpcheck.runner.measuring import measuring_in
    from bpcheck.runner.placed import placed
    from bpcheck.runner.process.handle import Allowed

    config = item.config
    done = config.stash.setdefault(_COMPARISONS, {})
    if id(subject) not in done:
        file = config.invocation_params.dir / config.getoption("bpcheck_baseline")
        _, why = _why_in_process(config)
        allowed = Allowed(config.getoption("bpcheck_call_timeout"))
        try:
            with placed(subject, in_process=bool(why), allowed=allowed) as site:
                found = comparison_of(subject, file, measuring=measuring_in(site))
            done[id(subject)] = subject, found
        except BpcheckError as error:
            done[id(subject)] = subject, str(error)
        else:
            for remark in remarks(found) if found else ():
                # Reports carry it to where the summary is printed, from other processes too.
                _keep(item, _REMARK, remark)
    comparison = done[id(subject)][1]
    if isinstance(comparison, str):
        pytest.fail(_inert(comparison), pytrace=False)
    if comparison is None:
        pytest.skip(f"precision: {subject.operation} has no sums to measure")
    why = why_not_measured(comparison, result)
    if why:
        pytest.skip(_inert(f"precision: {why}"))
    message = lost(comparison, result)
    if message:
        pytest.fail(_inert(message), pytrace=False)


def _keep(item: pytest.Item, name: str, text: str) -> None:
    """Keep a line with the item, as JUnit files and the summary show it."""
    from bpcheck.inert import one_line

    item.user_properties.append((name, one_line(text)))


def _inert(text: str) -> str:
    from bpcheck.inert import inert

    return inert(text)


def _target(request: pytest.FixtureRequest, subject: Subject) -> str:
    """What names `subject` on the command line, if the test module has a name for it."""
    name = next((n for n, v in vars(request.module).items() if _is_code_of(subject, v)), None)
    return "TARGET" if name is None else f"{os.path.relpath(request.path)}:{name}"


def _is_code_of(subject: Subject, value: object) -> bool:
    """Whether a value is `subject`, or the same code with other claims."""
    if not isinstance(value, type(subject)):
        return False
    return (value.forward, value.vjp, value.operation) == (
        subject.forward,
        subject.vjp,
        subject.operation,
    )
