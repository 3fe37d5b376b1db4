"""How a worker ended, and what is to be said of it."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from pathlib import Path

from bpcheck.errors import BpcheckError, TargetError
from bpcheck.finding import Kind
from bpcheck.imports import is_users_file, shorten

#: Of what was written to the standard error last, so much is looked at.
_TAIL = 20_000

#: A line of a traceback that faulthandler writes, the last call first.
_FRAME = re.compile(r'^ *File "(.+)", line ([0-9]+) in ', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a worker that was not meant to end.

    Parameters
    ----------
    kind
        What it is of the subject.
    how
        ``by signal 11 (Segmentation fault)``, say.
    function
        What was being called: ``"forward"``; empty between calls.
    where
        The line of the user's code, if it is known.
    is_kill
        Whether somebody may have killed it from outside.
    is_sure
        Whether it is told: a call that was not waited for long, and not tried once more, may be
        slow alone.
    """

    kind: Kind
    how: str
    function: str = ""
    where: str = ""
    is_kill: bool = False
    is_sure: bool = True

    @property
    def cause(self) -> tuple[str, str, str]:
        """What makes two deaths alike."""
        return str(self.kind), self.how, self.function

    @property
    def short(self) -> str:
        """What happened, in a few words."""
        return self.how.partition(":")[0]

    @property
    def message(self) -> str:
        """One sentence."""
        who = self.function or "the subject"
        where = f" at {self.where}" if self.where else ""
        return f"{who} {self.how}{where}"


class LostError(BpcheckError):
    """A task of which nothing came, since its worker ended."""

    def __init__(self, death: Death):
        super().__init__(death.message)
        self.death = death


class DiedError(TargetError):
    """A subject that ended the process in which it was imported."""


def death_by(exit_code: int, *, function: str, errors: Path) -> Death:
    """What an exit code of a process says, with what it wrote to its standard error."""
    where = _last_line(errors)
    if exit_code >= 0:
        how = f"ended the process with exit code {exit_code}"
        return Death(Kind.EXITS, how, function, where)
    number = -exit_code
    how = f"crashed: the process was ended by signal {number} ({signal.strsignal(number)})"
    return Death(Kind.CRASHED, how, function, where, is_kill=number == signal.SIGKILL)


def timed_out(seconds: float, *, function: str, errors: Path) -> Death:
    """A call that did not come back."""
    how = f"did not come back within {seconds:g} s"
    return Death(Kind.TIMED_OUT, how, function, _last_line(errors))


def took_memory(limit: int, *, function: str) -> Death:
    """A process that holds more than it may."""
    how = f"made the process take more than {limit / 2**30:.3g} GiB of memory"
    return Death(Kind.MEMORY, how, function)


def _last_line(errors: Path) -> str:
    try:
        with errors.open("rb") as file:
            file.seek(max(0, errors.stat().st_size - _TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    frames = (match.groups() for match in _FRAME.finditer(text))
    own = next((frame for frame in frames if is_users_file(frame[0])), None)
    return f"{shorten(own[0])}:{own[1]}" if own else ""
