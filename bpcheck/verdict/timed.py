"""How long a subject takes beside torch, and how much memory: told beside the verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """Forward or vjp of one case, as a multiple of what torch takes for it.

    Parameters
    ----------
    times
        Time of the subject by that of torch: the median over interleaved runs.
    low, high
        The quarter and three quarters of them.
    seconds
        What the subject takes, in the median.
    memory
        Peak memory of the subject by that of torch.
    peak
        What the subject takes at its peak, in bytes, beside what it is given.
    """

    times: float
    low: float
    high: float
    seconds: float
    memory: float
    peak: int


@dataclass(frozen=True, slots=True)
class Timed:
    """One family of layers, by one case of it."""

    family: str
    case: str
    forward: Step
    vjp: Step


@dataclass(frozen=True, slots=True)
class Timing:
    """What `--time` has found: one row for each family, and how many there was no time for."""

    rows: tuple[Timed, ...] = ()
    left: int = 0
