"""``bpcheck check``: one target, or all subjects of a project."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bpcheck.cli import exits
from bpcheck.cli.interrupts import Interrupts
from bpcheck.cli.output import stdout
from bpcheck.cli.progress import Live
from bpcheck.cli.project import Entry, entries, executor_of, project_file, shell_target
from bpcheck.cli.requests import CLAIM, asked_cases, asked_claims, asked_dtypes, asked_words
from bpcheck.cli.safety import Safety, engine_of, loaded_to_check, placed_entry
from bpcheck.errors import BpcheckError, UsageError
from bpcheck.planning.exhaustive import USUAL, scope_named
from bpcheck.planning.profiles import EXHAUSTIVE
from bpcheck.report import print_report
from bpcheck.report.again import print_again
from bpcheck.report.annotations import annotated, are_asked_for
from bpcheck.report.files import Files
from bpcheck.report.terminal import plain
from bpcheck.runner.kept import Again, Kept
from bpcheck.runner.memory import keep_freed_memory
from bpcheck.runner.own import blaming
from bpcheck.runner.process.death import DiedError
from bpcheck.runner.run import check_in
from bpcheck.runner.site import Site
from bpcheck.runner.timing import with_timing
from bpcheck.subject import Subject
from bpcheck.verdict import Report


@dataclass(frozen=True, slots=True)
class Request:
    """How much of a subject is to be checked; cases and dtypes as they were typed."""

    profile: str
    cases: str | None
    seed: int
    dtypes: tuple[str, ...]
    largest: int | None
    geometries: int | None = None
    repairs: bool = True
    times: bool = False
    scope: str | None = None
    resume: str | None = None


def run_check(
    operation: str | None,
    target: str | None,
    *,
    style: str,
    words: tuple[str, ...] = (),
    claims: tuple[str, ...] = (),
    interpret: bool = False,
    files: Mapping[str, str | None],
    classes: bool,
    request: Request,
    safety: Safety,
    interrupts: Interrupts,
    keeps: bool = False,
) -> int:
    """Check, print, write; the exit code. Whatever is wrong with the input is said first.

    With `keeps`, cases that failed before are judged beside the plan, and those that fail are kept.
    `files` are what was typed for ``--json``, ``--markdown`` and ``--html``, by their names.
    """
    written = Files.asked(files)
    directory = here = Path.cwd()
    if operation is not None and target is not None:
        todo: tuple[Entry, ...] = (
            Entry(target, operation, style, asked_words(words), interpret=interpret),
        )
    else:
        project = project_file(directory)
        todo, directory = entries(project), project.parent
        # Who asks for this process, as a debugger does, needs no engine.
        if safety.executor is None and not safety.in_process:
            safety, here = replace(safety, executor=executor_of(project)), project.parent
    if request.resume is not None:
        if len(todo) > 1:
            raise UsageError(f"--resume {request.resume}: one run has one file; name a TARGET")
        # Subjects may change the directory.
        request = replace(request, resume=str(Path(request.resume).absolute()))
    if claims:
        asked = asked_claims(claims)
        todo = tuple(
            replace(each, claims={**each.claims, **asked}, place=each.place or CLAIM)
            for each in todo
        )
    run = _Run(
        todo,
        directory,
        request,
        safety,
        stdout(),
        classes=classes,
        engine_directory=here,
        keeps=keeps,
    )
    try:
        run.check_all()
    finally:
        # What was found is never lost, whatever ends the run.
        if run.reports or run.is_over:
            written.write(run.reports, run.targets)
    if any(not each.is_complete for each in run.reports):
        return interrupts.exit_code
    return exits.worst(run.codes or [exits.INCONCLUSIVE])


@dataclass(slots=True)
class _Run:
    """The subjects of a command, one after the other, and what came of them."""

    todo: tuple[Entry, ...]
    directory: Path
    request: Request
    safety: Safety
    console: Console
    classes: bool
    engine_directory: Path
    keeps: bool = False
    reports: list[Report] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    is_over: bool = False

    def check_all(self) -> None:
        """Check all subjects; where one alone is not to be had, the others are checked."""
        dtypes = asked_dtypes(self.request.dtypes)
        is_in_process = self.safety.is_in_process()
        with contextlib.ExitStack() as stack:
            engine = stack.enter_context(engine_of(self.safety, self.engine_directory))
            with Live() as live:
                live.say("loading")
                places = [
                    stack.enter_context(
                        placed_entry(
                            entry,
                            self.directory,
                            dtypes=dtypes,
                            in_process=is_in_process,
                            safety=self.safety,
                            load=loaded_to_check,
                            engine=engine,
                        )
                    )
                    for entry in self.todo
                ]
                lost = [self._lost(place) for place in places]
            keep_freed_memory()
            for entry, place, error in zip(self.todo, places, lost, strict=True):
                with self._telling(entry):
                    if error is not None:
                        raise error
                    if not self._check(entry, place, dtypes):
                        break
        self.is_over = True
        if len(self.todo) > 1:
            agreeing = sum(each.agrees and each.is_complete for each in self.reports)
            summary = f"\n {agreeing} of {len(self.codes)} subjects agree"
            self.console.print(Text(summary, style="bold"))

    def _lost(self, place: Site) -> DiedError | None:
        """Load a subject; how that ended its process, where there are others to be checked."""
        try:
            place.subject  # noqa: B018 - it is loaded by that
        except DiedError as error:
            if len(self.todo) == 1:
                raise
            return error
        return None

    @contextlib.contextmanager
    def _telling(self, entry: Entry) -> Iterator[None]:
        """Tell what keeps one subject of several from being judged, in its place."""
        try:
            yield
        except BpcheckError as error:
            if len(self.todo) == 1:
                raise
            self.codes.append(exits.USAGE)
            said = f"\n {entry.target} · {entry.operation}: NOT JUDGED. {error}"
            self.console.print(Text(plain(said, self.console), style="bold red"), soft_wrap=True)

    def _check(self, entry: Entry, place: Site, dtypes: tuple[str, ...] | None) -> bool:
        """Check one subject and print its report; whether the run goes on."""
        request, subject = self.request, place.subject
        count, cases = asked_cases(request.cases, subject, dtypes=dtypes, seed=request.seed)
        if cases == [] and len(self.todo) > 1:
            said = f" {entry.operation}: no case in {request.cases}"
            self.console.print(Text(said, style="dim"))
            return True
        if request.profile == EXHAUSTIVE and cases is None:
            self._announce(subject)
        start = time.perf_counter()
        with Live() as live:
            live.say(f"planning {entry.operation}")
            with blaming(subject.operation):
                report = check_in(
                    place,
                    profile=request.profile if cases is None else str(request.cases),
                    count=count,
                    seed=request.seed,
                    dtypes=dtypes,
                    cases=cases,
                    largest=_either(request.largest, entry.largest),
                    geometries=_either(request.geometries, entry.geometries),
                    repairs=request.repairs,
                    scope=request.scope,
                    resume=request.resume,
                    on_progress=live.step,
                )
            if request.times:
                report = with_timing(place, report, lambda text: live.say(f"timing {text}"))
        self.reports.append(report)
        self.targets.append(shell_target(entry))
        self.codes.append(report.exit_code)
        if len(self.codes) > 1:
            self.console.print()
        print_report(
            report,
            self.console,
            seconds=time.perf_counter() - start,
            target=shell_target(entry),
            classes=self.classes,
        )
        for line in annotated(report) if are_asked_for() else ():
            self.console.print(Text(plain(line, self.console)), soft_wrap=True)
        self._judge_again(entry, place, dtypes, report)
        return report.is_complete

    def _judge_again(
        self, entry: Entry, place: Site, dtypes: tuple[str, ...] | None, report: Report
    ) -> None:
        """Judge what failed before, and say so; the report has no part in it."""
        target = shell_target(entry)
        kept = Kept.of(self.directory, f"{entry.operation} {target}", is_on=self.keeps)
        again = Again()
        if report.is_complete:
            with blaming(place.subject.operation):
                again = kept.again(place, dtypes)
            told = {each.smallest for each in report.judgements}
            print_again(again, self.console, told=told, target=target)
        if again.failing and report.exit_code != exits.DEFECT:
            # What fails fails, whether or not this plan has met it.
            self.codes[-1] = exits.DEFECT
        kept.keep(report, again)

    def _announce(self, subject: Subject) -> None:
        """Say how much there is to do before it begins."""
        scope = scope_named(subject.operation, self.request.scope or USUAL)
        said = f" {scope.count:,} geometries of the scope {scope.name}: {scope.says}"
        self.console.print(Text(said, style="dim"), soft_wrap=True)


def _either(typed: int | None, declared: int | None) -> int | None:
    """What was typed, else what the project says."""
    return declared if typed is None else typed
