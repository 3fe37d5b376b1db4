"""``bpcheck check``: one target, or all subjects of a project."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.text import Text

from bpcheck.cli import exits
from bpcheck.cli.output import json_file, stdout, write
from bpcheck.cli.progress import Live
from bpcheck.cli.project import Entry, entries, project_file
from bpcheck.cli.trail import Trail


@dataclass(frozen=True, slots=True)
class Request:
    """How much of a subject is to be checked; cases and dtypes as they were typed."""

    profile: str
    cases: str | None
    seed: int
    dtypes: tuple[str, ...]
    largest: int | None
    jobs: int


def run_check(
    operation: str | None,
    target: str | None,
    *,
    style: str,
    words: tuple[str, ...] = (),
    interpret: bool = False,
    json_path: str | None,
    classes: bool,
    request: Request,
    trail: Trail,
) -> int:
    """Check, print, write; the exit code. Whatever is wrong with the input is said first."""
    from bpcheck.cli.requests import asked_words

    file = json_file(json_path)
    directory = Path.cwd()
    if operation is not None and target is not None:
        todo: tuple[Entry, ...] = (
            Entry(target, operation, style, asked_words(words), interpret=interpret),
        )
    else:
        project = project_file(directory)
        todo, directory = entries(project), project.parent
    return _run(todo, directory=directory, file=file, classes=classes, request=request, trail=trail)


def _run(
    todo: tuple[Entry, ...],
    *,
    directory: Path,
    file: Path | None,
    classes: bool,
    request: Request,
    trail: Trail,
) -> int:
    from bpcheck.cli.requests import asked_cases, asked_dtypes, loaded
    from bpcheck.report import print_report, to_json
    from bpcheck.runner import check_subject
    from bpcheck.runner.memory import keep_freed_memory
    from bpcheck.runner.own import blaming

    dtypes = asked_dtypes(request.dtypes)
    console = stdout()
    with Live() as live:
        live.say("loading")
        subjects = [loaded(entry, directory, dtypes=dtypes) for entry in todo]
    keep_freed_memory()
    reports = []
    for entry, subject in zip(todo, subjects, strict=True):
        count, cases = asked_cases(request.cases, subject, dtypes=dtypes, seed=request.seed)
        if cases == [] and len(todo) > 1:
            console.print(Text(f" {entry.operation}: no case in {request.cases}", style="dim"))
            continue
        start = time.perf_counter()
        note = partial(trail.note, target=shell_target(entry))
        with Live(note) as live:
            live.say(f"planning {entry.operation}")
            with blaming(subject.operation):
                report = check_subject(
                    subject,
                    profile=request.profile if cases is None else str(request.cases),
                    count=count,
                    seed=request.seed,
                    dtypes=dtypes,
                    cases=cases,
                    largest=request.largest,
                    jobs=request.jobs,
                    on_progress=live.step,
                )
        reports.append(report)
        if len(reports) > 1:
            console.print()
        print_report(
            report,
            console,
            seconds=time.perf_counter() - start,
            target=shell_target(entry),
            classes=classes,
        )
        if not report.is_complete:
            break
    if file is not None:
        write(file, to_json(*reports))
    codes = [each.exit_code if each.is_complete else exits.INTERRUPTED for each in reports]
    if len(todo) > 1:
        agreeing = sum(each.agrees and each.is_complete for each in reports)
        summary = f"\n {agreeing} of {len(reports)} subjects agree"
        console.print(Text(summary, style="bold"))
    return exits.worst(codes or [exits.INCONCLUSIVE])


def _quoted(text: str) -> str:
    """`text` as one word of a shell, in the quotes that read best."""
    is_plain = "'" in text and not set(text) & set('"$`\\!')
    return f'"{text}"' if is_plain else shlex.quote(text)


def shell_target(entry: Entry) -> str:
    """What names the subject in a shell."""
    style = "" if entry.style == "numpy" else f" --style {shlex.quote(entry.style)}"
    words = "".join(f" --with {_quoted(f'{word}={value}')}" for word, value in entry.words.items())
    return shlex.quote(entry.target) + style + words + " --interpret" * entry.interpret
