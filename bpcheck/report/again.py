"""Cases that failed before, told apart from a report: none of its numbers counts them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from rich.console import Console
from rich.text import Text

from bpcheck.cases import Case
from bpcheck.report import wording
from bpcheck.report.terminal import plain
from bpcheck.verdict.jury import Ruling


class Judged(Protocol):
    """What came of them."""

    @property
    def failing(self) -> Sequence[tuple[Case, Sequence[Ruling]]]: ...
    @property
    def mended(self) -> Sequence[Case]: ...


def again_lines(again: Judged, told: Collection[str], target: str) -> Iterator[tuple[str, bool]]:
    """Lines, each with whether it tells of a failure; `told` are cases that the report shows."""
    if not again.failing and not again.mended:
        return
    total = wording.plural(len(again.failing) + len(again.mended), "case")
    yield f"failed before, beside the plan and not counted: {total}", False
    if again.mended:
        yield f"  ✓ {len(again.mended)} right now", False
    known = [case for case, _ in again.failing if str(case) in told]
    if known:
        yield f"  ✗ {len(known)} as told above", True
    for case, rulings in again.failing:
        if str(case) not in told:
            said = ", ".join(f"{each.result}: {each.verdict}" for each in rulings)
            yield f"  ✗ {said}   {wording.replay_command(str(case), target)}", True


def print_again(again: Judged, console: Console, *, told: Collection[str], target: str) -> None:
    """Print those lines."""
    for line, fails in again_lines(again, told, target):
        style = "bold red" if fails else "dim"
        console.print(Text(plain(f" {line}", console), style=style), soft_wrap=True)
