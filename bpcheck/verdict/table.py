"""The jury's table: what three jurors say of one gradient, and what follows.

S is the subject's gradient, A autograd's, F that of finite differences of the subject's forward. A
juror who could not compare is silent, and nothing is concluded from silence: that the forward is
right is said where a comparison of ``y`` passed, and that a gradient is right, where one of it did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from bpcheck.verdict.judgement import Verdict

#: Whether what the subject gave is what a juror has; ``None``: the juror is silent.
Vote = bool | None


@dataclass(frozen=True, slots=True)
class Votes:
    """Whether y is torch's, and whether a gradient is autograd's and that of the differences."""

    forward: Vote
    autograd: Vote
    differences: Vote


@dataclass(frozen=True, slots=True)
class Row:
    """What follows from three votes.

    Parameters
    ----------
    verdict
        What it is.
    reason
        Why, as a sentence; ``{who}`` stands for the gradients of which the same is to be said,
        with their verb.
    is_tentative
        Whether to which forward the backward belongs is not known: cases in which it is decide.
    confirmed_by
        The juror whose yes the sentence rests on: it is said of all gradients that have it.
    """

    verdict: Verdict
    reason: str = ""
    is_tentative: bool = False
    confirmed_by: Literal["autograd", "differences", ""] = ""

    @property
    def is_of_forward(self) -> bool:
        """Whether the reason says that the forward differs, so that it is told of ``y``."""
        return self.reason.startswith(DIFFERS)

    def is_said_of(self, votes: Votes) -> bool:
        """Whether the reason holds of the gradient that has these votes."""
        if self.confirmed_by:
            return getattr(votes, self.confirmed_by) is True
        return TABLE[votes] is self


#: How each reason begins that speaks of a forward which is not torch's.
DIFFERS = "the forward differs from torch's"

#: What is said of a gradient that both are against.
AGAINST_BOTH = "autograd and finite differences are against it"

_AGREES = Row(Verdict.AGREES)
_RIGHT = Row(
    Verdict.FORWARD_WRONG,
    f"{DIFFERS}, and {{who}} right for the true operation",
    confirmed_by="autograd",
)
_FITS = Row(
    Verdict.FORWARD_DIFFERS,
    f"{DIFFERS}, and {{who}} consistent with it",
    confirmed_by="differences",
)
_STILL = Row(
    Verdict.FORWARD_WRONG,
    "it is right here, but the forward does not change by it when operands move",
)
_AGAINST = "finite differences of the forward are against it"

_YES, _NO, _SILENT = True, False, None

#: Every combination of votes, in the order of the page on the architecture.
TABLE: Mapping[Votes, Row] = MappingProxyType(
    {
        Votes(_YES, _YES, _YES): _AGREES,
        Votes(_YES, _NO, _NO): Row(
            Verdict.BACKWARD_WRONG,
            f"{AGAINST_BOTH}, and the forward is right",
        ),
        Votes(_NO, _NO, _YES): _FITS,
        Votes(_NO, _YES, _NO): _RIGHT,
        Votes(_NO, _NO, _NO): Row(
            Verdict.BOTH_WRONG, f"{DIFFERS}, and {{who}} neither torch's nor its own"
        ),
        Votes(_YES, _NO, _YES): Row(
            Verdict.ORACLE_WRONG,
            "finite differences of the forward confirm the gradient, and autograd is alone",
        ),
        Votes(_YES, _YES, _NO): _STILL,
        Votes(_NO, _YES, _YES): _RIGHT,
        # Without differences.
        Votes(_YES, _YES, _SILENT): _AGREES,
        Votes(_YES, _NO, _SILENT): Row(
            Verdict.BACKWARD_WRONG, "autograd is against it, and the forward is right"
        ),
        Votes(_NO, _YES, _SILENT): Row(
            Verdict.FORWARD_WRONG,
            f"{DIFFERS}, and {{who}} torch's",
            is_tentative=True,
            confirmed_by="autograd",
        ),
        Votes(_NO, _NO, _SILENT): Row(
            Verdict.BOTH_WRONG, f"{DIFFERS}, and {{who}} not torch's either", is_tentative=True
        ),
        # Without autograd.
        Votes(_YES, _SILENT, _YES): _AGREES,
        Votes(_YES, _SILENT, _NO): Row(
            Verdict.BACKWARD_WRONG, f"{_AGAINST}, and the forward is right"
        ),
        Votes(_NO, _SILENT, _YES): _FITS,
        Votes(_NO, _SILENT, _NO): Row(
            Verdict.FORWARD_WRONG, f"{DIFFERS}, and {{who}} not its own", is_tentative=True
        ),
        # Without a comparison of y.
        Votes(_SILENT, _YES, _YES): _AGREES,
        Votes(_SILENT, _NO, _NO): Row(Verdict.BACKWARD_WRONG, AGAINST_BOTH),
        Votes(_SILENT, _NO, _YES): Row(
            Verdict.FORWARD_DIFFERS,
            "autograd is against it, it fits its own forward, and y could not be compared",
            is_tentative=True,
        ),
        Votes(_SILENT, _YES, _NO): _STILL,
        # With one juror, or none.
        Votes(_YES, _SILENT, _SILENT): _AGREES,
        Votes(_NO, _SILENT, _SILENT): Row(
            Verdict.FORWARD_WRONG, f"{DIFFERS}; no gradient could be compared", is_tentative=True
        ),
        Votes(_SILENT, _YES, _SILENT): _AGREES,
        Votes(_SILENT, _NO, _SILENT): Row(Verdict.BACKWARD_WRONG, "autograd is against it"),
        Votes(_SILENT, _SILENT, _YES): _AGREES,
        Votes(_SILENT, _SILENT, _NO): Row(Verdict.BACKWARD_WRONG, _AGAINST),
        Votes(_SILENT, _SILENT, _SILENT): Row(
            Verdict.INCONCLUSIVE, "no juror could compare anything"
        ),
    }
)
