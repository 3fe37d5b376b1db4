"""``bpcheck precision compare``: measure again what a baseline holds, and judge it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from bpcheck.cli import exits
from bpcheck.cli.output import stdout
from bpcheck.cli.precision.files import plot_file
from bpcheck.cli.precision.live import Live
from bpcheck.cli.precision.subjects import Found, subjects
from bpcheck.precision import Comparison, Measurement, load
from bpcheck.precision.baseline import entry_of
from bpcheck.precision.repeat import compare_with, uncovered
from bpcheck.precision.summary import write_summary
from bpcheck.precision.table import print_comparison


def run_compare(
    words: Sequence[str],
    *,
    style: str,
    baseline: str,
    effect: float | None,
    threads: int | None,
    plot_path: str | None,
) -> int:
    """Compare, print, summarise; the exit code."""
    picture = plot_file(plot_path)
    recorded = load(Path(baseline))
    todo = _pairs(words, recorded, style=style, origin=baseline)
    console = stdout()
    comparisons = []
    for before, found in todo:
        with Live() as live:
            comparison = compare_with(
                before,
                found.subject,
                effect=effect,
                threads=threads,
                among=len(todo),
                on_progress=live.step,
            )
        print_comparison(comparison, console, file=baseline)
        beyond = uncovered(before, found.subject)
        if beyond:
            console.print(Text(f" not in the baseline: {', '.join(beyond)}", style="dim"))
        comparisons.append(comparison)
    if picture is not None:
        from bpcheck.precision.plot import draw_all

        drawn = draw_all(picture, [each.current for each in comparisons], recorded)
        console.print(Text(f" drawn: {', '.join(map(str, drawn))}"))
    write_summary(comparisons)
    return _conclude(comparisons)


def _pairs(
    words: Sequence[str], recorded: Sequence[Measurement], *, style: str, origin: str
) -> list[tuple[Measurement, Found]]:
    """Each entry that is to be compared, with its subject."""
    if words:
        return [
            (
                entry_of(
                    recorded,
                    operation=found.subject.operation,
                    name=found.subject.name,
                    origin=origin,
                ),
                found,
            )
            for found in subjects(words, style=style, dtypes=())
        ]
    return [(each, _subject_of(each)) for each in recorded]


def _subject_of(recorded: Measurement) -> Found:
    words = (str(recorded.operation), recorded.target)
    return subjects(words, style=recorded.style, dtypes=recorded.settings.dtypes)[0]


def _conclude(comparisons: Sequence[Comparison]) -> int:
    return exits.DEFECT if any(each.losses for each in comparisons) else exits.AGREES
