"""One case explained, on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from bpcheck.cases import Case
from bpcheck.report.terminal import plain


def print_walk(case: Case, lines: Iterable[str], console: Console, *, subject: str) -> None:
    """Print the case, whose numbers they are, and the lines as they are."""
    _print(console, str(case), style="bold")
    for name, value in case.params.items():
        _print(console, f"  {name} = {value}")
    _print(console, f"explained of {subject}" if subject else "explained by torch's numbers")
    console.print()
    for line in lines:
        _print(console, line)


def _print(console: Console, text: str, *, style: str = "") -> None:
    """Print without wrapping: arrays are read by their columns."""
    console.print(Text(plain(text, console), style=style), soft_wrap=True)
