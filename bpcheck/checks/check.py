"""What a check is: a name, a function of a trial, and the oracle that it speaks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bpcheck.checks.trial import Trial
from bpcheck.finding import Outcome


class Juror(StrEnum):
    """Whose opinion of the values a check reports; one that compares none speaks for nobody."""

    AUTOGRAD = "autograd"
    DIFFERENCES = "finite differences"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Parameters
    ----------
    name
        As reports and test ids call it.
    run
        From a trial to one outcome for each result of the case.
    juror
        Whose opinion it is.
    """

    name: str
    run: Callable[[Trial], tuple[Outcome, ...]]
    juror: Juror = Juror.NOBODY
