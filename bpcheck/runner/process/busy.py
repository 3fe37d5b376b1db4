"""How long a process has waited for a processor: on a busy machine that is no time that it took."""

from __future__ import annotations

from pathlib import Path


def waited_for_processor(process: int | str = "thread-self") -> float:
    """Seconds in which it was ready to run, and others ran; 0 where the system does not tell.

    Linux counts it for each thread (``/proc/PID/schedstat``): of another process it is that of the
    first, which calls the subject; without a number it is that of the thread that asks.

    Examples
    --------
    >>> waited_for_processor() >= 0
    True
    """
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
