"""Making a process the subject's own: its signals, streams, limits and threads."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
from pathlib import Path
from typing import Any

#: Linux: be sent a signal when the parent ends (prctl(2)).
_SET_PARENT_DEATH_SIGNAL = 1

#: Signals that a parent may have handlers for, which a worker has not.
_PLAIN = ("SIGTERM", "SIGHUP", "SIGALRM", "SIGCHLD", "SIGUSR1", "SIGUSR2", "SIGPIPE")


class Caught:
    """What is written to file descriptors 1 and 2, caught in files.

    Parameters
    ----------
    folder
        Where the files are, for a parent that reads them when this process has gone.
    name
        What they are called, without ``.1`` and ``.2``.
    """

    def __init__(self, folder: str, name: str):
        self._paths = {number: Path(folder) / f"{name}.{number}" for number in (1, 2)}
        self._kept = {number: self._open(path) for number, path in self._paths.items()}
        self._fflush: Any = getattr(ctypes.CDLL(None), "fflush", None) if os.name != "nt" else None
        for number in self._kept:
            self._direct(number)

    def taken(self, descriptor: int) -> str:
        """What was written to it since it was asked last."""
        try:
            if not os.lseek(descriptor, 0, os.SEEK_CUR):
                return ""
        except OSError:
            # The subject has closed it.
            self._direct(descriptor)
        kept = self._kept[descriptor]
        size = os.fstat(kept).st_size
        written = os.pread(kept, min(size, 4096), 0).decode(errors="replace")
        os.ftruncate(kept, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return written

    def flush(self) -> None:
        """Have what Python and C have kept written."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        if self._fflush is not None:
            self._fflush(None)

    def _direct(self, number: int) -> None:
        os.dup2(self._kept[number], number)

    @staticmethod
    def _open(path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)


def own(folder: str, name: str, parent: int) -> Caught:
    """Make this process a worker of `parent`, if that is no server; what catches its output.

    It leaves Ctrl-C to its parent, ends with it, and is the head of a group of its own, so that
    whatever it starts can be ended too.
    """
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for each in _PLAIN:
        if hasattr(signal, each):
            signal.signal(getattr(signal, each), signal.SIG_DFL)
    _leave_no_core()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    caught = Caught(folder, name)
    for number, stream in ((1, "stdout"), (2, "stderr")):
        # What a test runner has put there belongs to its own process.
        setattr(sys, stream, open(number, "w", buffering=1, closefd=False, errors="replace"))  # noqa: SIM115
    # The line at which it crashed, or was when it was ended.
    faulthandler.enable(2, all_threads=False)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGTERM, 2, all_threads=False, chain=True)
    return caught


def _die_with(parent: int) -> None:
    """End this process when its parent is killed: nobody would read what it finds."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if parent and os.getppid() != parent:
        os._exit(0)
    with contextlib.suppress(OSError):
        # Where memory runs out, the system is to end this process and no other.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _leave_no_core() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def use_one_thread() -> object:
    """One thread for the rest of this process's life; what is returned holds it to that."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    return threadpool_limits(limits=1)
