"""Further runs that do not end well: what was refused, raised or returned, told as it was.

Other numbers than those of the first run may be refused as any case may; and an exception is an
exception, whichever run raised it, with its text and its place.
"""

from __future__ import annotations

from dataclasses import replace

from bpcheck.cases import Case
from bpcheck.checks.claims import refusal
from bpcheck.checks.contract import violations
from bpcheck.checks.outcomes import failed, not_applicable, unjudged
from bpcheck.checks.run import Run
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome


def broken_off(
    trial: Trial, check: str, run: Run, when: str, *, case: Case | None = None
) -> tuple[Outcome, ...]:
    """The outcomes of a check whose further run gave not all results; none if it did.

    Parameters
    ----------
    trial, check
        Whose further run it is.
    run
        The run.
    when
        What was other than in the first run: ``"when samples are permuted"``.
    case
        The case that it is of, if its shapes are others.
    """
    if run.is_whole:
        return ()
    why = refusal(trial.subject, run)
    if why:
        return unjudged(trial, check, f"the subject refuses it {when}: {why}")
    blamed = _violation(trial if case is None else Trial(trial.subject, case), check, run, when)
    assert blamed.finding is not None  # noqa: S101 - violations are findings
    blamed = replace(blamed, finding=replace(blamed.finding, case=str(trial.case)))
    others = unjudged(trial, check, f"the run failed {when}")
    return tuple(blamed if each.result == blamed.result else each for each in others)


def no_forward(trial: Trial, check: str, result: str, when: str) -> Outcome:
    """The outcome of a gradient that asked for a forward which gave no ``y``."""
    run = trial.fallen
    if run is None:
        return not_applicable(check, result, f"there was no y {when}")
    why = refusal(trial.subject, run)
    if why:
        return not_applicable(check, result, f"the subject refuses it {when}: {why}")
    outcome = _violation(trial, check, run, when)
    assert outcome.finding is not None  # noqa: S101 - violations are findings
    return replace(outcome, result=result, finding=replace(outcome.finding, result=result))


def what_broke(trial: Trial, run: Run) -> str:
    """What is wrong with a run that is not whole, on arrays of the shapes of the case."""
    finding = _violation(trial, "", run, "").finding
    return finding.message if finding is not None else run.why_not


def _violation(trial: Trial, check: str, run: Run, when: str) -> Outcome:
    """The first thing that keeps a result from being compared."""
    found = next(
        (each for each in violations(trial, run, check) if each.result not in run.got), None
    )
    if found is None or found.finding is None:
        return failed(trial, check, "y", Kind.RAISES, f"{run.why_not} {when}".rstrip())
    message = f"{when}: {found.finding.message}" if when else found.finding.message
    return replace(found, finding=replace(found.finding, message=message))
