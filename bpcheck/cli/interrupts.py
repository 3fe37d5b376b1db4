"""Ctrl-C and SIGTERM: both end a run with what it has found."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from bpcheck.interrupted import interrupt


class Interrupts:
    """Which signal was to end the run; 0 as long as none was.

    Examples
    --------
    >>> interrupts = Interrupts()
    >>> interrupts.exit_code
    130
    """

    def __init__(self) -> None:
        self._caught = 0

    def install(self) -> None:
        """Raise `KeyboardInterrupt` at either signal from now on."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # A run that was started to outlive its terminal does.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._caught = number
        interrupt()

    @property
    def exit_code(self) -> int:
        """As a shell counts it: 128 and the signal."""
        return 128 + (self._caught or signal.SIGINT)


def hold_streams() -> None:
    """Give the numbers of closed standard streams to nothing, lest the next file gets them."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(opened)
    for name in ("stdout", "stderr"):
        # The interpreter has none where the descriptor was closed when it began.
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
