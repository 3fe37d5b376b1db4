"""Where the report goes: the standard output."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from bpcheck.inert import inert


class _Output(Console):
    """A console whose text is inert, and whose caller decides what a reader who has gone means."""

    def print(self, *objects: Any, **given: Any) -> None:
        # Names of subjects and what they raised are in nearly every line.
        super().print(*map(_inert, objects), **given)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _inert(shown: Any) -> Any:
    if not isinstance(shown, Text) or inert(shown.plain) == shown.plain:
        return shown
    return Text(inert(shown.plain), style=shown.style)


def stdout() -> Console:
    """The standard output: colours and signs as far as it can show them."""
    return _Output(highlight=False)
