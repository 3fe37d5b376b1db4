"""Where the report goes: the standard output, and a JSON file that is known to be writable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from bpcheck.errors import UsageError
from bpcheck.files import write_whole
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
    try:
        _try(path, text)
    except OSError as error:
        raise UsageError(
            f"--json {text}: cannot be written ({error.strerror}); name another file"
        ) from None
    # Wherever the run may be when it is written.
    return path.absolute()


def _try(path: Path, text: str) -> None:
    """Open the file as it will be opened, and leave things as they were."""
    if path.is_dir():
        raise UsageError(f"--json {text}: this is a directory; name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"--json {text}: there is no directory {path.parent}; create it first")
    is_new = not path.exists()
    # A pipe or a device would wait, or take the attempt for the report.
    if is_new or path.is_file():
        path.open("a", encoding="utf-8").close()
        if is_new:
            path.unlink()


def write(path: Path, text: str) -> None:
    """Write the file whole; a disk that fills up meanwhile is told as what it is."""
    write_whole(path, text, option="--json")
