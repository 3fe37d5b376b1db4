"""Measurements and comparisons as tables in a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bpcheck.arithmetic import FORMATS
from bpcheck.precision.behaviour import behaviours
from bpcheck.precision.causes import cause_line, causes
from bpcheck.precision.compare import Change, Comparison
from bpcheck.precision.ladder import Cell, Settings
from bpcheck.precision.measure import Measurement
from bpcheck.precision.metrics import CellMetrics

#: Where a baseline is kept unless it is told.
BASELINE = "precision-baseline.json"


def number(value: float) -> str:
    """Two or three digits, in at most seven characters.

    Examples
    --------
    >>> number(0.04567), number(57.312), number(12345.6), number(1.2e7), number(-3e-05)
    ('0.046', '57.3', '12,346', '1.2e+07', '-3e-05')
    """
    if abs(value) >= 1e5:
        return f"{value:.2g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.1 or not value else f"{value:.2g}"


def print_measurement(
    measurement: Measurement, console: Console, *, every_cell: bool = False
) -> None:
    """For each dtype and result, a row for each data kind, or for each length too."""
    console.print(Text(f"\n {measurement.title} · {_where(measurement)}", style="bold"))
    console.print(
        Text(" errors / (u sum|ab|), of the longest sums unless two are given; off: share of")
    )
    console.print(Text(" elements that are not the exact result, rounded once"))
    seen = behaviours(measurement)
    for (dtype, result), cells in _by_result(measurement).items():
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 1), collapse_padding=True)
        table.add_column(Text("terms" if every_cell else "data"), min_width=10)
        for name in ("rms", "p99", "max", "bias", "ULP 50%", "ULP 99%", "ULP max", "off"):
            table.add_column(Text(name), justify="right", no_wrap=True, min_width=5)
        for row in _rows(measurement, cells, every_cell=every_cell):
            table.add_row(*map(Text, row))
        like = seen.get((dtype, result))
        terms = f"{cells[0].terms:,} to {cells[-1].terms:,} terms"
        behaves = f", behaves like {like}" if like else ""
        console.print()
        console.print(Text(f" {result} {dtype}, {terms}{behaves}", style="bold"))
        console.print(table)
        random = [cell for cell in cells if not measurement.cells[cell].deterministic]
        if random:
            others = f" in {len(random)} of {len(cells)} cells, such as {random[0].text}"
            console.print(Text(f" two calls gave different bits{others}", style="yellow"))
    if measurement.cells and all(each.deterministic for each in measurement.cells.values()):
        console.print(Text("\n two calls gave the same bits, everywhere"))
    if not measurement.cells:
        console.print(Text(" nothing to measure: no result is a sum, or none is claimed"))
    if measurement.unclaimed:
        count = len(measurement.unclaimed)
        console.print(Text(f" {count} cells not claimed, such as {measurement.unclaimed[0].text}"))


def _by_result(measurement: Measurement) -> dict[tuple[str, str], list[Cell]]:
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in measurement.cells:
        found.setdefault((cell.dtype, cell.result), []).append(cell)
    return found


def _rows(
    measurement: Measurement, cells: Sequence[Cell], *, every_cell: bool
) -> Iterator[tuple[str, ...]]:
    for kind in measurement.settings.kinds:
        ladder = [cell for cell in cells if cell.kind == kind]
        if every_cell:
            yield (kind, *[""] * 8)
            for cell in ladder:
                metrics = measurement.cells[cell]
                yield f"{cell.terms:,}", number(median(metrics.rms)), *_tail(metrics)
        elif ladder:
            shortest, longest = (measurement.cells[cell] for cell in (ladder[0], ladder[-1]))
            growth = f"{number(median(shortest.rms))} to {number(median(longest.rms))}"
            yield kind, growth, *_tail(longest)


def _tail(metrics: CellMetrics) -> tuple[str, ...]:
    numbers = (metrics.p99, max(metrics.max), metrics.bias, *metrics.ulp)
    return (*map(number, numbers), f"{median(metrics.misrounded):.1%}")


def _where(measurement: Measurement) -> str:
    where = measurement.environment
    plural = "" if where.get("threads") == 1 else "s"
    return f"{where.get('backend')} · {where.get('blas')} · {where.get('threads')} thread{plural}"


def print_comparison(
    comparison: Comparison,
    console: Console,
    *,
    file: str = BASELINE,
    every: bool = False,
    option: str = "",
) -> None:
    """What got worse, what got better, and by which rule it was judged.

    One line for each cause; with `every`, one below it for each change that it stands for, which
    `option` asks for.
    """
    baseline = comparison.baseline
    console.print(Text(f"\n {baseline.title}: against the baseline", style="bold"))
    if comparison.environment:
        console.print(Text(f" Another environment: {'; '.join(comparison.environment)}."))
        console.print(
            Text(
                f" Sums may be taken in another order there: a loss is a ratio above "
                f"{comparison.effect:g} that no order of summation explains."
            )
        )
    for title, style, changes in (
        ("LOSS", "red", comparison.losses),
        ("gain", "green", comparison.gains),
    ):
        for cause in causes(comparison, changes):
            said = Text.assemble(" ", (title, style), f"  {cause_line(cause)}")
            console.print(said, soft_wrap=True)
            for change in cause.changes if every else ():
                console.print(Text(f"         {describe(change)}"), soft_wrap=True)
        if changes and option and not every:
            alone = "1 comparison" if len(changes) == 1 else f"{len(changes)} comparisons"
            console.print(Text(f"       from {alone}; {option} lists them", style="dim"))
    for each in comparison.reordered:
        console.print(Text(f" note  sums in another order: {each}"), soft_wrap=True)
    random = comparison.undetermined
    if random:
        cells = f"{len(random)} cells, such as {random[0].text}"
        console.print(Text(f" note  {cells}: two calls gave the same bits, and do not now"))
    console.print(Text(f" {verdict(comparison, file=file)}", style="bold"), soft_wrap=True)


def describe(change: Change) -> str:
    """One line: which sums, which metric, how much, how sure.

    Examples
    --------
    >>> from bpcheck.precision.compare import Outcome
    >>> describe(Change("y", "float32", "wide", 4105, 65539, "rms", 2.5, 1e-6, Outcome.LOSS))
    'y float32 wide, 4,105 to 65,539 terms: rms error 2.5 times the baseline (p = 1e-06)'
    """
    what = {"rms": "rms error", "max": "largest error", "misrounded": "misrounded elements"}
    return (
        f"{change.result} {change.dtype} {change.kind}, {change.shortest:,} to "
        f"{change.longest:,} terms: {what[change.metric]} {change.ratio:.3g} times the baseline "
        f"(p = {change.chance:.1g})"
    )


def verdict(comparison: Comparison, *, file: str = BASELINE) -> str:
    """The last line, with what to do next; `file` holds the baseline."""
    total = len(comparison.changes)
    command = record_command(comparison.baseline, file=file)
    if comparison.losses:
        return (
            f"PRECISION LOST: {len(comparison.losses)} of {total} comparisons. Look at what "
            f"changed in the kernel; if it is meant, record it: {command}"
        )
    if comparison.gains and comparison.environment:
        return (
            f"Kept, and better in {len(comparison.gains)} of {total} comparisons than another "
            "environment was; a baseline of this one would hold it."
        )
    if comparison.gains:
        return (
            f"Precision gained in {len(comparison.gains)} of {total} comparisons; record it, so "
            f"that it cannot be lost again: {command}"
        )
    same = "every number is the same" if comparison.is_identical else "nothing lost"
    return f"Kept: {same} in {total} comparisons."


def record_command(measurement: Measurement, *, file: str = BASELINE) -> str:
    """The command that records a subject anew, as it was recorded."""
    settings, plain = measurement.settings, Settings(dtypes=measurement.settings.dtypes)
    words = ["bpcheck", "precision", "record", str(measurement.operation), measurement.target]
    if measurement.style != "numpy":
        words += ["--style", measurement.style]
    for dtype in settings.dtypes:
        words += ["--dtype", FORMATS[dtype].short]
    for option in ("longest", "cases", "seed"):
        if getattr(settings, option) != getattr(plain, option):
            words += [f"--{option}", str(getattr(settings, option))]
    for result in settings.results:
        words += ["--result", result]
    threads = measurement.environment.get("threads", 1)
    if threads != 1:
        words += ["--threads", str(threads)]
    if file != BASELINE:
        words += ["--output", file]
    return f"{shlex.join(words)} --force"
