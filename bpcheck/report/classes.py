"""The edge classes of a run, with the number of cases that each of them had."""

from __future__ import annotations

from collections.abc import Mapping

from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.text import Text


def print_classes(coverage: Mapping[str, int], console: Console) -> None:
    """Print how many cases each edge class had, in as many columns as there is room for.

    Examples
    --------
    >>> coverage = {"batch 1": 1200, "stride > 1": 96, "ceil_mode on": 0}
    >>> print_classes(coverage, Console(width=50, no_color=True))
      cases of each edge class
      1,200 batch 1            0 ceil_mode on
         96 stride > 1
    """
    width = max((len(f"{count:,}") for count in coverage.values()), default=0)
    lines = [Text(f"{count:>{width},} {name}") for name, count in coverage.items()]
    columns = Columns(lines, padding=(0, 3), equal=True, column_first=True)
    console.print(Padding(Text("cases of each edge class", style="bold"), (0, 0, 0, 1)))
    console.print(Padding(columns, (0, 0, 0, 1), style="dim"))
