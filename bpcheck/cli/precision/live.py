"""Live progress of a measurement on the standard error, where that is a terminal."""

from __future__ import annotations

from typing import Self

from bpcheck.cli import progress
from bpcheck.runner import Progress as Step


class Live:
    """A line that says which cell is being measured; nothing at all where nobody watches."""

    def __init__(self) -> None:
        self._live = progress.Live()

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(None, None, None)

    def say(self, what: str) -> None:
        """Say what is being done while it cannot be counted."""
        self._live.say(what)

    def step(self, done: int, total: int, cell: str) -> None:
        """Say how far a measurement is."""
        self._live.step(Step(phase="measuring", done=done, total=total, case=cell))
