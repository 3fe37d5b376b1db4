"""Telling an error in the user's own code by its file and line, without a traceback."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

_OURS = str(Path(__file__).parents[1])
_LIBRARIES = tuple(
    sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")
)


def explain(error: BaseException) -> str:
    """``file, line n: Type: message`` of the line in the user's code that led to `error`.

    Examples
    --------
    >>> try:
    ...     int("seven")
    ... except ValueError as error:
    ...     print(explain(error).partition("ValueError")[2])
    : invalid literal for int() with base 10: 'seven'
    """
    if isinstance(error, SyntaxError) and error.filename:
        return _explain_syntax(error)
    what = "".join(traceback.format_exception_only(error)).strip()
    frames = traceback.extract_tb(error.__traceback__)
    outside = [
        frame
        for frame in frames
        if not frame.filename.startswith(("<", _OURS)) or frame.filename == "<string>"
    ]
    own = [frame for frame in outside if not frame.filename.startswith(_LIBRARIES)] or outside
    if not own:
        return f"    {what}"
    frame = own[-1]
    source = f"\n        {frame.line}" if frame.line else ""
    return f"    {shorten(frame.filename)}, line {frame.lineno}: {what}{source}"


def is_users(frame: traceback.FrameSummary) -> bool:
    """Whether a frame of a traceback is neither ours, nor a library's, nor made by either."""
    return is_users_file(frame.filename)


def is_users_file(filename: str) -> bool:
    """Whether a file of a traceback is neither ours nor a library's."""
    if filename.startswith(("<", _OURS)):
        return filename == "<string>"
    return not filename.startswith(_LIBRARIES)


def _explain_syntax(error: SyntaxError) -> str:
    line = f"    {shorten(str(error.filename))}, line {error.lineno}: SyntaxError: {error.msg}"
    if not error.text:
        return line
    text = error.text.rstrip("\n")
    source = text.lstrip()
    at = max(0, (error.offset or 1) - 1 - (len(text) - len(source)))
    return f"{line}\n        {source}\n        {' ' * at}^"


def shorten(filename: str) -> str:
    """The path from the current directory where the file lies below it."""
    path = Path(filename)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return filename
