"""Where the report goes: the standard output, and files that are known to be writable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from bpcheck.errors import UsageError
from bpcheck.files import append_to_summary, write_whole
from bpcheck.inert import inert
from bpcheck.report import to_json, to_markdown
from bpcheck.report.environment import environment
from bpcheck.verdict import Report


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


def asked_file(text: str | None, option: str, *, example: str) -> Path | None:
    """The file of an option such as ``--json``, looked at before a run that may take minutes.

    Raises
    ------
    UsageError
        If it can be seen that it cannot be written.
    """
    if text is None:
        return None
    if not text.strip():
        raise UsageError(f"{option}: the path is empty; give the name of a file, such as {example}")
    path = Path(text).expanduser()
    try:
        _try(path, text, option)
    except OSError as error:
        raise UsageError(
            f"{option} {text}: cannot be written ({error.strerror}); name another file"
        ) from None
    # Wherever the run may be when it is written.
    return path.absolute()


def _try(path: Path, text: str, option: str) -> None:
    """Open the file as it will be opened, and leave things as they were."""
    if path.is_dir():
        raise UsageError(f"{option} {text}: this is a directory; name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"{option} {text}: there is no directory {path.parent}; create it first")
    is_new = not path.exists()
    # A pipe or a device would wait, or take the attempt for the report.
    if is_new or path.is_file():
        path.open("a", encoding="utf-8").close()
        if is_new:
            path.unlink()


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a report is written to beside the screen, each where it was asked for."""

    json: Path | None = None
    markdown: Path | None = None
    html: Path | None = None

    @classmethod
    def asked(cls, json: str | None, markdown: str | None, html: str | None) -> Files:
        """From what was typed.

        Raises
        ------
        UsageError
            If it can be seen that one of them cannot be written.
        """
        return cls(
            asked_file(json, "--json", example="report.json"),
            asked_file(markdown, "--markdown", example="report.md"),
            asked_file(html, "--html", example="report.html"),
        )

    def write(self, reports: Sequence[Report], targets: Sequence[str | None]) -> None:
        """Write each whole; a disk that fills up meanwhile is told as what it is."""
        if self.json is not None:
            write_whole(self.json, to_json(*reports), option="--json")
        if self.markdown is not None:
            text = to_markdown(*reports, targets=targets)
            write_whole(self.markdown, text, option="--markdown")
        if self.html is not None:
            from bpcheck.report.html import to_html

            text = to_html(*reports, targets=targets, environment=environment())
            write_whole(self.html, text, option="--html")
        append_to_summary(to_markdown(*reports, targets=targets))
