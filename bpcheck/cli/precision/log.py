"""``bpcheck precision log``: the history of a baseline over the commits of a repository."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from bpcheck.arithmetic import FORMATS
from bpcheck.cli import exits
from bpcheck.cli.output import stdout
from bpcheck.cli.precision.files import plot_file
from bpcheck.errors import BpcheckError
from bpcheck.imports import shorten
from bpcheck.precision.causes import cause_line, causes
from bpcheck.precision.compare import compare
from bpcheck.precision.history import Revision, changed, history, levels
from bpcheck.precision.measure import Measurement
from bpcheck.precision.table import number


def run_log(file: str, *, plot_path: str | None, limit: int) -> int:
    """Print the history, oldest first; the exit code."""
    picture = plot_file(plot_path)
    revisions = history(Path(file), limit=limit)
    console = stdout()
    last: dict[tuple[str, str], Measurement] = {}
    for each in revisions:
        console.print(Text(f" {each.date} {each.commit[:7]} {each.subject}", style="bold"))
        for line in _lines(each, last):
            console.print(Text(f"   {line}"), soft_wrap=True)
        last |= {(str(m.operation), m.name): m for m in each.measurements}
    if picture is not None:
        from bpcheck.precision.plot import draw_history

        draw_history(picture, [each for each in revisions if each.measurements])
        console.print(Text(f" drawn: {shorten(str(picture))}"))
    return exits.AGREES


def _lines(revision: Revision, last: dict[tuple[str, str], Measurement]) -> list[str]:
    if revision.problem:
        return [revision.problem]
    found = []
    for measurement in revision.measurements:
        before = last.get((str(measurement.operation), measurement.name))
        if before is None:
            level = ", ".join(
                f"{result} {FORMATS[dtype].short} {number(value)}"
                for (dtype, result), value in levels(measurement).items()
            )
            found.append(f"{measurement.title}: {level}")
            continue
        found += [
            f"{measurement.title}: median of {result} {FORMATS[dtype].short} "
            f"{number(ratio)} times as large"
            for (dtype, result), ratio in changed(before, measurement).items()
        ]
        found += _judged(before, measurement)
        if before.environment != measurement.environment:
            found.append(f"{measurement.title}: measured in another environment")
    return found or ["nothing lost or gained, no level changed by more than a hundredth"]


def _judged(before: Measurement, after: Measurement) -> list[str]:
    """What `bpcheck precision compare` would have said of this commit."""
    try:
        found = compare(before, after)
    except BpcheckError as error:
        return [f"{after.title}: cannot be compared with the one before: {error}"]
    lines = []
    for word, changes in (("LOSS", found.losses), ("gain", found.gains)):
        lines += [f"{word}  {cause_line(cause)}" for cause in causes(found, changes)]
    return lines
