"""The files that ``bpcheck precision`` writes, looked at before a run that takes a minute."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from bpcheck.errors import UsageError

#: Endings of pictures that are drawn.
_PICTURES = (".png", ".svg", ".pdf")


def output_file(text: str, *, option: str = "--output") -> Path:
    """A file that can be written; `UsageError` says why it cannot."""
    if not text.strip():
        raise UsageError(f"{option}: the path is empty; give the name of a file")
    path = Path(text).expanduser()
    try:
        _require_writable(path, text, option=option)
    except OSError as error:
        raise UsageError(
            f"{option} {text}: cannot be written ({error.strerror}); name another file"
        ) from None
    # Wherever the run may be when it is written.
    return path.absolute()


def _require_writable(path: Path, text: str, *, option: str) -> None:
    if path.is_dir():
        raise UsageError(f"{option} {text}: this is a directory; name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"{option} {text}: there is no directory {path.parent}; create it first")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UsageError(f"{option} {text}: no permission to write there; name another file")


def plot_file(text: str | None) -> Path | None:
    """The picture of ``--plot``; `UsageError` if it cannot be drawn or written."""
    if text is None:
        return None
    path = output_file(text, option="--plot")
    if path.suffix.lower() not in _PICTURES:
        raise UsageError(f"--plot {text}: the name must end in {', '.join(_PICTURES)}")
    if find_spec("matplotlib") is None:
        raise UsageError(
            f"--plot {text}: pictures need matplotlib, which is not installed: "
            "pip install 'bpcheck[plots]'"
        )
    return path
