"""A call in a process of its own, for code that may crash or hang: nobody has said it will not."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import select
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any

from bpcheck.runner.guard import forget_guards

#: How much of an answer is read at once.
_BLOCK = 65_536


def apart(function: Callable[[], Any], *, seconds: float) -> Any | None:
    """What `function` returns in a fork of this process; ``None`` if it does not come back.

    Parameters
    ----------
    function
        Returns what JSON can say. Whatever else it does stays in its own process.
    seconds
        How long it may take.

    Examples
    --------
    >>> apart(lambda: [1, 2], seconds=9)
    [1, 2]
    >>> apart(lambda: os._exit(3), seconds=9) is None
    True
    """
    if not hasattr(os, "fork"):
        return None
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of threads that a fork does not have; whoever hangs for them is ended.
        warnings.simplefilter("ignore")
        child = os.fork()
    if not child:
        _answer(function, writing)
    os.close(writing)
    try:
        return _read(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _answer(function: Callable[[], Any], writing: int) -> None:
    """Write the answer, and end without anything that this process would do at its end."""
    try:
        forget_guards()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN if each == signal.SIGINT else signal.SIG_DFL)
        # A crash is an answer, which nobody need read.
        faulthandler.disable()
        silence = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(silence, stream)
        answer = json.dumps(function()).encode()
        while answer:
            answer = answer[os.write(writing, answer) :]
    finally:
        os._exit(0)


def _read(reading: int, until: float) -> Any | None:
    blocks = []
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return None
        block = os.read(reading, _BLOCK)
        if not block:
            break
        blocks.append(block)
    try:
        return json.loads(b"".join(blocks))
    except ValueError:
        return None
