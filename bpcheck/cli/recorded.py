"""``bpcheck replay --from``: the cases of a report, and the numbers that it tells, once more."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from bpcheck.checks.outcomes import number
from bpcheck.errors import UsageError
from bpcheck.report.recorded import Recorded
from bpcheck.report.terminal import plain
from bpcheck.runner.one import Replay


@dataclass(frozen=True, slots=True)
class Named:
    """A target as it is typed, with the options that say how it is taken."""

    target: str
    style: str = "numpy"
    words: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    interpreted: bool = False


def text_of(origin: str) -> str:
    """The text of a file; ``-`` is the standard input.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    try:
        data = sys.stdin.buffer.read() if origin == "-" else Path(origin).expanduser().read_bytes()
    except OSError as error:
        raise UsageError(
            f"--from {origin}: cannot be read ({error.strerror}); give the file of a report, or - "
            "for the standard input"
        ) from None
    # Consoles and editors of Windows write the other one.
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")


def named(recorded: Recorded, typed: Named, *, origin: str) -> Named:
    """The target of a case: what was typed, else what the report says.

    Raises
    ------
    UsageError
        If neither names one.

    Examples
    --------
    >>> said = Recorded("max_pool1d n1ic1iw4kw2", "layers:Pool --style layer --with axis=1")
    >>> named(said, Named(""), origin="-")
    Named(target='layers:Pool', style='layer', words=('axis=1',), claims=(), interpreted=False)
    """
    if typed.target:
        return typed
    if not recorded.target:
        raise UsageError(
            f"--from {origin}: it does not say what code {recorded.case} failed on; name it:  "
            f"bpcheck replay --from {origin} TARGET"
        )
    found = _split(recorded.target)
    if found is None:
        raise UsageError(
            f"--from {origin}: {recorded.target!r} names no target; name it:  bpcheck replay "
            f"--from {origin} TARGET"
        )
    style = found.style if typed.style == "numpy" else typed.style
    return Named(
        found.target,
        style,
        (*found.words, *typed.words),
        (*found.claims, *typed.claims),
        found.interpreted or typed.interpreted,
    )


def _split(text: str) -> Named | None:
    """The words of a replay command that stand after its case."""
    from bpcheck.cli.commands.replay import replay

    try:
        # What is no word of ours, as a remark behind it, is left.
        context = click.Context(replay, ignore_unknown_options=True)
        found, *_ = replay.make_parser(context).parse_args(shlex.split(text))
    except (ValueError, click.ClickException):
        return None
    words = found.get("words") or ()
    if not words:
        return None
    return Named(
        words[0],
        found.get("style") or "numpy",
        tuple(found.get("declared") or ()),
        tuple(found.get("claims") or ()),
        bool(found.get("interpret")),
    )


def print_compared(recorded: Recorded, found: Replay, console: Console) -> None:
    """Say whether these are the numbers that the report tells."""
    if not recorded.said:
        return
    now = _now(recorded, found)
    told = "   ".join(f"{juror} {value}" for juror, value in recorded.said)
    if now == dict(recorded.said):
        line, style = f"the very numbers of the report: {recorded.element}  {told}", "green"
    else:
        here = "   ".join(f"{juror} {value}" for juror, value in now.items()) or "nothing"
        line = f"not the numbers of the report: {recorded.element}  {told}; here  {here}"
        style = "bold yellow"
    console.print(Text(plain(line, console), style=style), soft_wrap=True)


def _now(recorded: Recorded, found: Replay) -> dict[str, str]:
    """What the same jurors say of the same element now."""
    match = re.fullmatch(r"(\w+)(?:\[([\d,]*)\])?", recorded.element)
    if match is None:
        return {}
    index = tuple(map(int, match[2].split(","))) if match[2] else ()
    arrays = {
        "got": found.got.get(match[1]),
        "autograd": found.autograd.get(match[1]),
        "finite differences": found.differences.get(match[1]),
    }
    said = {}
    for juror, _ in recorded.said:
        array = arrays.get(juror)
        is_there = array is not None and array.ndim == len(index)
        if array is not None and is_there and all(map(int.__lt__, index, array.shape)):
            said[juror] = number(float(array[index]))
    return said
