"""The files that a report is written to: known to be writable before a run, and written whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bpcheck.errors import UsageError
from bpcheck.files import append_to_summary, write_whole
from bpcheck.report.environment import environment
from bpcheck.report.json import to_json
from bpcheck.report.markdown import to_markdown
from bpcheck.verdict import Report


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
    prefix: str = "--"

    @classmethod
    def asked(cls, typed: Mapping[str, str | None], *, prefix: str = "--") -> Files:
        """From what was typed for each kind, as an option that begins with `prefix`.

        Raises
        ------
        UsageError
            If it can be seen that one of them cannot be written.
        """
        return cls(
            asked_file(typed.get("json"), f"{prefix}json", example="report.json"),
            asked_file(typed.get("markdown"), f"{prefix}markdown", example="report.md"),
            asked_file(typed.get("html"), f"{prefix}html", example="report.html"),
            prefix,
        )

    def write(self, reports: Sequence[Report], targets: Sequence[str | None]) -> None:
        """Write each whole, and append to the summary of a workflow's step, where there is one.

        Raises
        ------
        UsageError
            If one cannot be written, as on a disk that has filled up meanwhile.
        """
        if self.json is not None:
            text = to_json(*reports, targets=targets)
            write_whole(self.json, text, option=f"{self.prefix}json")
        if self.markdown is not None:
            text = to_markdown(*reports, targets=targets)
            write_whole(self.markdown, text, option=f"{self.prefix}markdown")
        if self.html is not None:
            from bpcheck.report.html import to_html

            text = to_html(*reports, targets=targets, environment=environment())
            write_whole(self.html, text, option=f"{self.prefix}html")
        append_to_summary(to_markdown(*reports, targets=targets))
