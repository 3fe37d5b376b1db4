"""What came of one case: the value that travels from a worker."""

from __future__ import annotations

from dataclasses import dataclass

from bpcheck.cases import Case
from bpcheck.finding import Outcome
from bpcheck.verdict.jury import Ruling


@dataclass(frozen=True, slots=True)
class Judged:
    """One case of a run and what came of it.

    Parameters
    ----------
    case, classes
        The case, and the classes that it belongs to.
    outcomes, rulings
        What the checks said, and what the jury made of it.
    survival
        Probability that a wrong row of a gradient gives the right number in its exact probe.
    unsupported
        Why the subject does not claim it, if it does not.
    is_compared
        Whether all results were compared with autograd, and all gradients with differences.
    """

    case: Case
    classes: frozenset[str]
    outcomes: tuple[Outcome, ...]
    rulings: tuple[Ruling, ...]
    survival: float
    unsupported: str = ""
    is_compared: bool = False
