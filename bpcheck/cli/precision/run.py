"""``bpcheck precision measure`` and ``record``: subjects found, measured, printed, written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from bpcheck.cli import exits
from bpcheck.cli.output import stdout
from bpcheck.cli.precision.files import output_file, plot_file
from bpcheck.cli.precision.live import Live
from bpcheck.cli.precision.subjects import Found, Kept, subjects
from bpcheck.cli.safety import Safety
from bpcheck.errors import BpcheckError, UsageError
from bpcheck.imports import shorten
from bpcheck.precision import Measurement, compare, load
from bpcheck.precision.baseline import add
from bpcheck.precision.baseline_schema import BaselineError
from bpcheck.precision.compare import require_power
from bpcheck.precision.table import print_comparison, print_measurement
from bpcheck.runner.measuring import measuring_in


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be measured and how; dtypes as they were typed."""

    words: tuple[str, ...]
    style: str
    dtypes: tuple[str, ...]
    results: tuple[str, ...]
    longest: int
    cases: int
    seed: int
    threads: int
    safety: Safety

    @classmethod
    def of(cls, words: tuple[str, ...], given: dict[str, Any]) -> Request:
        """From the options of a command."""
        safety = Safety(*(given.pop(name) for name in ("in_process", "call_timeout", "memory")))
        return cls(words=words, safety=safety, **given)


def run_measure(
    request: Request, *, plot_path: str | None, baseline: str | None, every_cell: bool
) -> int:
    """Measure and print; the exit code."""
    picture = plot_file(plot_path)
    if baseline is not None and picture is None:
        raise UsageError(f"--baseline {baseline}: it is drawn beside; add --plot FILE")
    before = load(Path(baseline)) if baseline is not None else ()
    found = measured(request)
    console = stdout()
    for each in found:
        print_measurement(each, console, every_cell=every_cell)
    if picture is not None:
        from bpcheck.precision.plot import draw_all

        drawn = draw_all(picture, found, before)
        console.print(Text(f" drawn: {', '.join(shorten(str(each)) for each in drawn)}"))
    return exits.AGREES


def run_record(request: Request, *, output: str, force: bool) -> int:
    """Measure and write the baseline; the exit code."""
    file = output_file(output)
    shown = shorten(str(file))
    console = stdout()
    old: tuple[Measurement, ...] = ()
    if file.exists():
        try:
            old = load(file)
        except BaselineError as error:
            if not force:
                raise UsageError(f"{error}\n--force replaces the file") from None
            console.print(Text(f" replaced: {error}"))
    new = measured(request)
    for each in new:
        require_power(each)
        print_measurement(each, console)
    replaced = _show_differences(old, new)
    if replaced and not force:
        raise UsageError(
            f"{shown} holds a baseline of {replaced[0].title} already, and the difference is shown "
            "above; --force replaces it"
        )
    add(file, new, seen=old, replaces=force)
    console.print(Text(f"\n {shown}: {', '.join(each.title for each in new)} recorded", "bold"))
    return exits.AGREES


def _show_differences(
    old: Sequence[Measurement], new: Sequence[Measurement]
) -> tuple[Measurement, ...]:
    """Print how `new` differs from the entries it is to replace, which are returned."""
    console = stdout()
    replaced = []
    for after in new:
        for before in old:
            if (before.operation, before.name) != (after.operation, after.name):
                continue
            replaced.append(before)
            try:
                print_comparison(compare(before, after), console)
            except BpcheckError as error:
                console.print(Text(f"\n {before.title}: no comparison with the old one: {error}"))
    return tuple(replaced)


def measured(request: Request) -> tuple[Measurement, ...]:
    """Every subject of a request, measured."""
    kept = Kept(request.safety, in_process=request.safety.is_in_process())
    with Live() as live:
        live.say("loading")
        found = subjects(request.words, style=request.style, dtypes=request.dtypes, kept=kept)
    return tuple(_measured(each, request) for each in found)


def _measured(found: Found, request: Request) -> Measurement:
    with Live() as live, found.placed() as site:
        return measuring_in(site)(
            site.subject,
            dtypes=found.dtypes,
            results=request.results,
            longest=request.longest,
            cases=request.cases,
            seed=request.seed,
            threads=request.threads,
            target=found.target,
            style=found.style,
            on_progress=live.step,
        )
