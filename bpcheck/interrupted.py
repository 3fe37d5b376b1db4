"""Interrupts that are not lost: one is raised again until somebody has caught it.

An exception that a signal raises within a callback from C, such as a finalizer, is printed and
forgotten; the run would go on as if nobody had asked it to end.
"""

from __future__ import annotations

import signal
from types import FrameType

#: Seconds after which an interrupt that nobody has caught is raised again.
AGAIN_S = 0.3


def interrupt() -> None:
    """Raise `KeyboardInterrupt`, and again until it is `heard`; for a signal's handler."""
    if hasattr(signal, "setitimer"):
        # Not before: a subject may have an alarm of its own.
        signal.signal(signal.SIGALRM, _raise)
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S, AGAIN_S)
    raise KeyboardInterrupt


def heard() -> None:
    """Whoever caught the interrupt acts on it now."""
    if hasattr(signal, "setitimer") and signal.getsignal(signal.SIGALRM) is _raise:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
