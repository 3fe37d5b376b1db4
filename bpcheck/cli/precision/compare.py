"""``bpcheck precision compare``: measure again what a baseline holds, and judge it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from bpcheck.cli import exits
from bpcheck.cli.output import stdout
from bpcheck.cli.precision.files import plot_file
from bpcheck.cli.precision.live import Live
from bpcheck.cli.precision.subjects import Found, Kept, subjects
from bpcheck.cli.safety import Safety
from bpcheck.imports import shorten
from bpcheck.precision import Comparison, Measurement, load
from bpcheck.precision.baseline import entry_of
from bpcheck.precision.repeat import compare_with, uncovered
from bpcheck.precision.summary import write_summary
from bpcheck.precision.table import print_comparison
from bpcheck.runner.measuring import measuring_in
from bpcheck.subject import Subject


def run_compare(
    words: Sequence[str],
    *,
    style: str,
    baseline: str,
    effect: float | None,
    threads: int | None,
    plot_path: str | None,
    safety: Safety,
    every: bool = False,
) -> int:
    """Compare, print, summarise; the exit code."""
    picture = plot_file(plot_path)
    recorded = load(Path(baseline))
    kept = Kept(safety, in_process=safety.is_in_process())
    console = stdout()
    comparisons = []
    with contextlib.ExitStack() as stack:
        with Live() as live:
            live.say("loading")
            places = [
                (before, stack.enter_context(found.placed()))
                for before, found in _pairs(words, recorded, style=style, kept=kept)
            ]
            todo = [
                (before or _entry_of(recorded, site.subject, origin=baseline), site)
                for before, site in places
            ]
        for before, site in todo:
            with Live() as live:
                comparison = compare_with(
                    before,
                    site.subject,
                    effect=effect,
                    threads=threads,
                    among=len(todo),
                    on_progress=live.step,
                    measuring=measuring_in(site),
                )
            print_comparison(comparison, console, file=baseline, every=every, option="--all")
            beyond = uncovered(before, site.subject)
            if beyond:
                console.print(Text(f" not in the baseline: {', '.join(beyond)}", style="dim"))
            comparisons.append(comparison)
    if picture is not None:
        from bpcheck.precision.plot import draw_all

        drawn = draw_all(picture, [each.current for each in comparisons], recorded)
        console.print(Text(f" drawn: {', '.join(shorten(str(each)) for each in drawn)}"))
    write_summary(comparisons)
    return _conclude(comparisons)


def _pairs(
    words: Sequence[str], recorded: Sequence[Measurement], *, style: str, kept: Kept
) -> list[tuple[Measurement | None, Found]]:
    """Each subject that is to be compared, with its entry, if that is known before it is loaded."""
    if words:
        return [(None, found) for found in subjects(words, style=style, dtypes=(), kept=kept)]
    return [(each, _subject_of(each, kept)) for each in recorded]


def _entry_of(recorded: Sequence[Measurement], subject: Subject, *, origin: str) -> Measurement:
    return entry_of(recorded, operation=subject.operation, name=subject.name, origin=origin)


def _subject_of(recorded: Measurement, kept: Kept) -> Found:
    words = (str(recorded.operation), recorded.target)
    return subjects(words, style=recorded.style, dtypes=recorded.settings.dtypes, kept=kept)[0]


def _conclude(comparisons: Sequence[Comparison]) -> int:
    return exits.DEFECT if any(each.losses for each in comparisons) else exits.AGREES
