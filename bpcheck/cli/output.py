"""Where the report goes: the standard output, and a JSON file that is known to be writable."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from bpcheck.errors import UsageError


class _Output(Console):
    """A console that leaves it to its caller what a reader who has gone means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def stdout() -> Console:
    """The standard output: colours and signs as far as it can show them."""
    return _Output(highlight=False)


def json_file(text: str | None) -> Path | None:
    """The file of ``--json``, looked at before a run that may take minutes.

    Raises
    ------
    UsageError
        If it can be seen that it cannot be written.
    """
    if text is None:
        return None
    if not text.strip():
        raise UsageError("--json: the path is empty; give the name of a file, such as report.json")
    path = Path(text).expanduser()
    if path.is_dir():
        raise UsageError(f"--json {text}: this is a directory; name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"--json {text}: there is no directory {path.parent}; create it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"--json {text}: no permission to write there; name another file")
    return path


def write(path: Path, text: str) -> None:
    """Write the file; a disk that fills up meanwhile is told as what it is."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--json {path}: cannot be written ({error.strerror})") from None
