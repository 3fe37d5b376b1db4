"""Live progress on the standard error, where that is a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from bpcheck.inert import one_line
from bpcheck.runner import Progress as Step


class Live:
    """A line that says what is being checked; nothing at all where nobody watches."""

    def __init__(self) -> None:
        console = Console(file=sys.stderr, highlight=False)
        # The runner keeps what a subject prints; standard output is not the progress line's.
        self._progress = Progress(
            TextColumn("{task.fields[what]}", markup=False, table_column=_rigid()),
            BarColumn(bar_width=20, table_column=_rigid()),
            TextColumn("{task.fields[count]}", markup=False, table_column=_rigid()),
            TimeElapsedColumn(table_column=_rigid()),
            # The case takes what is left; its end may be missing, the other columns not.
            TextColumn("{task.fields[case]}", markup=False, table_column=_elastic()),
            console=console,
            transient=True,
            expand=True,
            redirect_stdout=False,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None, what="", count="", case="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, what: str) -> None:
        """Say what is being done while it cannot be counted."""
        self._progress.update(
            self._task, what=one_line(what), count="", case="", total=None, completed=0
        )

    def step(self, step: Step) -> None:
        """Say how far a run is."""
        self._progress.update(
            self._task,
            what=step.phase,
            count=f"{step.done:,}/{step.total:,}",
            case=one_line(step.case),
            total=step.total,
            completed=step.done,
        )


def _rigid() -> Column:
    return Column(no_wrap=True)


def _elastic() -> Column:
    return Column(no_wrap=True, ratio=1, overflow="ellipsis")
