"""A second vjp of the same forward: the first one leaves the residuals as they were, or says so."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpcheck.checks.compare import same_bits
from bpcheck.checks.orders import CHEAPEST, reordered, why_not_ordered
from bpcheck.checks.outcomes import failed, first_of_each, unjudged
from bpcheck.checks.run import Handed, Run, call_forward, gives_y, hand, run_vjp
from bpcheck.checks.split import of_gradients
from bpcheck.checks.state import unlike
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "second vjp"


def check_second_vjp(trial: Trial) -> tuple[Outcome, ...]:
    """A vjp is the same after another one of the same forward, bit for bit, or raises."""
    if trial.subject.claims.single_use:
        return unjudged(trial, NAME, "residuals are claimed to serve once")
    why = why_not_ordered(trial, CHEAPEST) or _why_no_other(trial)
    pair = None if why else _two_vjps(trial)
    if pair is None or not pair[0].is_whole:
        return unjudged(trial, NAME, why or "the vjp before it failed")
    return of_gradients(first_of_each(trial, NAME, _violations(trial, *pair)))


def _why_no_other(trial: Trial) -> str:
    """Why a second vjp cannot be what the first one was, whatever it leaves in the residuals."""
    are_spared = len(trial.spared) == len(trial.arrays.operands)
    return "" if are_spared and not trial.once(reordered).changed else "it changes its inputs"


def _violations(trial: Trial, before: Run, second: Run) -> Iterator[Outcome]:
    if second.vjp is None or not second.vjp.returned:
        # An error is honest: torch, too, refuses to go through a graph twice.
        return
    here = "where another vjp of the same forward comes first (f1 v1 v1)"
    there = "without it; the first one spoils the residuals: work on copies, or claim SINGLE_USE"
    yield from unlike(trial, NAME, second, trial.first, here=here, there=there)
    for result, value in before.raw.items():
        if result == "y" or _is_kept_by_design(trial, result):
            continue
        # Recycled memory may hold signalling NaN, which a cast remarks on.
        with np.errstate(invalid="ignore"):
            now = np.array(value, np.float64)
        if not same_bits(now, before.got[result]):
            message = (
                f"{result} of the first vjp changes when the same forward has a second one "
                "(f1 v1 v1): both lie in one memory; return a new array"
            )
            yield failed(trial, NAME, result, Kind.ALIASES, message)


def _is_kept_by_design(trial: Trial, result: str) -> bool:
    """Whether a layer object holds that gradient for its optimizer, in one array for all steps."""
    return trial.subject.one_instance is not None and result in trial.case.results[2:]


def _two_vjps(trial: Trial) -> tuple[Run, Run] | None:
    """Two vjps of a further forward, the second of them that of the case; none where it fails."""
    subject, case = trial.subject, trial.case
    handed = hand(case, trial.arrays)
    forward = call_forward(subject, case, handed.operands, params=trial.params)
    if not gives_y(case, forward):
        return None
    # The same cotangent twice would not show a vjp that gives once more what it gave before.
    before = Handed(handed.operands, trial.others.y_bar.copy())
    return run_vjp(subject, case, before, forward), run_vjp(subject, case, handed, forward)
