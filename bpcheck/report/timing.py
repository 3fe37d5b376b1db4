"""Time and memory beside torch's, as a table: below a report, and no part of its verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bpcheck.inert import one_line
from bpcheck.verdict.timed import Step, Timing

#: The columns.
HEADING = ("family", "forward, time", "memory", "vjp, time", "memory")


def rows_of(timing: Timing) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each family with its cells.

    Examples
    --------
    >>> from bpcheck.verdict.timed import Timed
    >>> step = Step(times=1.49, low=1.4, high=12.3, seconds=1e-3, memory=2.0, peak=4096)
    >>> list(rows_of(Timing((Timed("3x3", "conv2d ...", step, step),))))
    [('3x3', ('1.5 (1.4 to 12)', '2.0', '1.5 (1.4 to 12)', '2.0'))]
    """
    for each in timing.rows:
        yield each.family, (*_cells(each.forward), *_cells(each.vjp))


def _cells(step: Step) -> tuple[str, str]:
    spread = f"({_short(step.low)} to {_short(step.high)})"
    return f"{_short(step.times)} {spread}", _short(step.memory)


def _short(number: float) -> str:
    """Two digits: runs do not agree in more."""
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}" if number >= 1 else f"{number:.2g}"


def said_of_timing(timing: Timing) -> str:
    """What the numbers are."""
    said = (
        "times torch's on the same case: the median of interleaved runs in one thread, and between "
        "which lies the middle half of them; memory is the peak of what NumPy, Python and torch "
        "allocate"
    )
    if timing.left:
        said += f"; there was no time for {timing.left} more"
    return said


def print_timing(timing: Timing, console: Console, plain: Callable[[str], str]) -> None:
    """Print the table; `plain` puts a text into signs that the console can show."""
    title = "time and memory, no part of the verdict"
    console.print(Padding(Text(title, style="bold"), (0, 0, 0, 1)))
    console.print(Padding(Text(plain(said_of_timing(timing)), style="dim"), (0, 0, 0, 1)))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(HEADING[0], overflow="fold")
    for name in HEADING[1:]:
        table.add_column(name, no_wrap=True, justify="right")
    for family, cells in rows_of(timing):
        table.add_row(Text(plain(one_line(family))), *cells)
    console.print(Padding(table, (0, 0, 0, 1), expand=False))
