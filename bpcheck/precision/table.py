"""Measurements and comparisons as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bpcheck.arithmetic import FORMATS
from bpcheck.precision.compare import Change, Comparison
from bpcheck.precision.ladder import Cell
from bpcheck.precision.measure import Measurement
from bpcheck.precision.metrics import CellMetrics

#: Changes that a comparison lists before it counts the rest.
_LISTED = 24


def number(value: float) -> str:
    """Three digits, without a leading zero's width wasted on what is large.

    Examples
    --------
    >>> number(0.04567), number(57.312), number(12345.6), number(0)
    ('0.0457', '57.3', '12,346', '0')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def print_measurement(
    measurement: Measurement, console: Console, *, every_cell: bool = False
) -> None:
    """One table for each dtype: a row for each result and data kind, or for each cell."""
    console.print(Text(f"\n {measurement.title} · {_where(measurement)}", style="bold"))
    for dtype in measurement.settings.dtypes:
        ladders = [ladder for ladder in _ladders(measurement) if ladder[0].dtype == dtype]
        if not ladders:
            continue
        table = Table(box=None, pad_edge=False, padding=(0, 1), title_justify="left")
        table.title = Text(
            f" {dtype}: error / (u sum|ab|), u = 2^-{FORMATS[dtype].bits}", style="italic"
        )
        for name in ("", "data", "terms", "rms", "p99", "max", "bias", "ULP 50% 99% max", ""):
            left = name in {"", "data"}
            table.add_column(Text(name), justify="left" if left else "right", no_wrap=True)
        for ladder in ladders:
            for row in _rows(measurement, ladder, every_cell=every_cell):
                table.add_row(*map(Text, row))
        console.print(table)
    if measurement.unclaimed:
        count = len(measurement.unclaimed)
        console.print(Text(f" {count} cells not claimed, such as {measurement.unclaimed[0].text}"))


def _ladders(measurement: Measurement) -> list[tuple[Cell, ...]]:
    found: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in measurement.cells:
        found.setdefault((cell.dtype, cell.result, cell.kind), []).append(cell)
    return [tuple(ladder) for ladder in found.values()]


def _rows(
    measurement: Measurement, ladder: Sequence[Cell], *, every_cell: bool
) -> Iterator[tuple[str, ...]]:
    first = ladder[0]
    if every_cell:
        for cell in ladder:
            metrics = measurement.cells[cell]
            yield (
                cell.result,
                cell.kind,
                f"{cell.terms:,}",
                number(median(metrics.rms)),
                *_tail(metrics),
            )
        return
    shortest, longest = (measurement.cells[cell] for cell in (first, ladder[-1]))
    yield (
        first.result,
        first.kind,
        f"{first.terms:,}→{ladder[-1].terms:,}",
        f"{number(median(shortest.rms))}→{number(median(longest.rms))}",
        *_tail(longest, all(measurement.cells[cell].deterministic for cell in ladder)),
    )


def _tail(metrics: CellMetrics, deterministic: bool | None = None) -> tuple[str, ...]:  # noqa: FBT001 - a cell of the row
    same = metrics.deterministic if deterministic is None else deterministic
    return (
        number(metrics.p99),
        number(max(metrics.max)),
        number(metrics.bias),
        " ".join(number(value) for value in metrics.ulp),
        "" if same else "not deterministic",
    )


def _where(measurement: Measurement) -> str:
    where = measurement.environment
    plural = "" if where.get("threads") == 1 else "s"
    return f"{where.get('backend')} · {where.get('blas')} · {where.get('threads')} thread{plural}"


def print_comparison(comparison: Comparison, console: Console) -> None:
    """What got worse, what got better, and by which rule it was judged."""
    baseline = comparison.baseline
    console.print(Text(f"\n {baseline.title}: against the baseline", style="bold"))
    if comparison.environment:
        console.print(Text(f" Another environment: {'; '.join(comparison.environment)}."))
        console.print(
            Text(
                " Sums may be taken in another order there, so a loss is a ratio of medians above "
                f"{comparison.effect:g}."
            )
        )
    for title, style, changes in (
        ("LOSS", "red", comparison.losses),
        ("gain", "green", comparison.gains),
    ):
        for change in changes[:_LISTED]:
            console.print(Text.assemble(" ", (title, style), f"  {describe(change)}"))
        if len(changes) > _LISTED:
            console.print(Text(f"       and {len(changes) - _LISTED} more"))
    for cell in comparison.undetermined[:_LISTED]:
        console.print(Text(f" note  {cell.text}: two calls gave the same bits, and do not now"))
    console.print(Text(f" {verdict(comparison)}", style="bold"))


def describe(change: Change) -> str:
    """One line: which sums, which metric, how much, how sure.

    Examples
    --------
    >>> from bpcheck.precision.compare import Outcome
    >>> describe(
    ...     Change("y", "float32", "wide", 4105, 65539, "rms", 2.5, 1e-6, Outcome.LOSS)
    ... )
    'y float32 wide, 4,105 to 65,539 terms: rms error 2.5 times the baseline (p = 1e-06)'
    """
    what = {"rms": "rms error", "max": "largest error", "misrounded": "misrounded elements"}
    return (
        f"{change.result} {change.dtype} {change.kind}, {change.shortest:,} to "
        f"{change.longest:,} terms: {what[change.metric]} {change.ratio:.3g} times the baseline "
        f"(p = {change.chance:.1g})"
    )


def verdict(comparison: Comparison) -> str:
    """The last line."""
    if comparison.losses:
        return f"PRECISION LOST: {len(comparison.losses)} of {len(comparison.changes)} comparisons."
    if comparison.gains:
        return (
            f"Precision gained in {len(comparison.gains)} of {len(comparison.changes)} comparisons; "
            "record it, so that it cannot be lost again: bpcheck precision record --force"
        )
    same = "every number is the same" if comparison.is_identical else "nothing lost"
    return f"Kept: {same} in {len(comparison.changes)} comparisons."
