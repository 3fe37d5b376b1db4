"""Judging one case: claim, trial, checks, jury."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.calls import own_arithmetic
from bpcheck.cases import Case
from bpcheck.cases.case import JACOBIAN
from bpcheck.checks import (
    CHECK_NAMES,
    CHECKS,
    OF_COMPILED,
    OF_FIRST_RUN,
    OF_SCOPES,
    Juror,
    Trial,
    contract,
    names_for,
)
from bpcheck.checks.claims import refused, unclaimed
from bpcheck.checks.gradients import gradients_by_differences
from bpcheck.checks.outcomes import unjudged
from bpcheck.errors import BpcheckError
from bpcheck.explain.worked import worked
from bpcheck.filling import Arrays
from bpcheck.finding import Kind, Outcome, Status
from bpcheck.imports import explain
from bpcheck.planning.classes import classes_of
from bpcheck.runner.guard import Guard, guard_of_this_process
from bpcheck.runner.own import is_by_subject
from bpcheck.runner.parting import parted
from bpcheck.runner.told import told
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.jury import Ruling, rule


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a case is judged.

    Parameters
    ----------
    beside
        The geometries that further runs may have; ``None`` for any.
    is_brief
        Whether no more is asked than what the first run shows, unless something is wrong there.
    """

    beside: tuple[Any, ...] | None = None
    is_brief: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """Everything about one case: what the subject and the oracles gave, and what was made of it.

    `differences` holds ``None`` where no exact step exists; `worked` the arithmetic of one wrong
    element, by result; `unsupported` the reason, if the subject does not claim the case.
    """

    case: Case
    arrays: Arrays
    got: dict[str, Array]
    autograd: dict[str, Array]
    differences: dict[str, Array | None]
    outcomes: tuple[Outcome, ...]
    rulings: tuple[Ruling, ...]
    unsupported: str = ""
    worked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def judge(
    subject: Subject,
    case: Case,
    *,
    checks: Collection[str] | None = None,
    guard: Guard | None = None,
    terms: Terms | None = None,
) -> Judged:
    """What comes of one case; `checks` are the names of those that are run, all by default."""
    terms = terms or Terms()
    trial = Trial(subject, case, beside=terms.beside)
    return judge_trial(trial, checks=checks, guard=guard, is_brief=terms.is_brief)


@own_arithmetic()
def judge_trial(
    trial: Trial,
    *,
    checks: Collection[str] | None = None,
    guard: Guard | None = None,
    is_brief: bool = False,
) -> Judged:
    """What comes of a trial; whatever the subject does to the process is seen by the guard."""
    guard = guard or guard_of_this_process()
    with guard.around(trial.subject, trial.case):
        try:
            return _judged(trial, checks, guard, is_brief=is_brief)
        except BpcheckError:
            raise
        except BaseException as error:
            if not is_by_subject(error, trial.case.operation, is_alone=guard.is_alone):
                raise
            return _raising(trial.case, error)


def _raising(case: Case, error: BaseException) -> Judged:
    """What comes of a case whose results raise when they are looked at."""
    message = f"a result that is looked at raises {explain(error).strip()}"
    return told(case, Kind.RAISES, "y", message)


def _judged(
    trial: Trial, checks: Collection[str] | None, guard: Guard, *, is_brief: bool
) -> Judged:
    case = trial.case
    classes = classes_of(case)
    why = unclaimed(trial.subject, case) or refused(trial)
    if why:
        return Judged(case, classes, (), (), 1.0, unsupported=why)
    asked = _rows_for(trial) if checks is None else checks
    said = _said_briefly(trial, asked) if is_brief else _said(trial, asked)
    outcomes = guard.amended(case, tuple(said))
    return Judged(
        case=case,
        classes=classes,
        outcomes=outcomes,
        rulings=parted(trial.subject, case, rule(outcomes)),
        # Other kinds have few different numbers, signs alone in the wide one: they probe less.
        survival=trial.arrays.survival if case.values == "exact" else 1.0,
        is_compared=_is_compared(trial, outcomes),
    )


def _rows_for(trial: Trial) -> Collection[str]:
    """The checks that can say something of this kind of code, and of such a case."""
    names = set(names_for(trial.subject))
    if trial.case.values == JACOBIAN:
        names |= OF_SCOPES
    if trial.subject.claims.compiled:
        # Who claims it of code that is not compiled is told so.
        names |= OF_COMPILED
    return names


def _said_briefly(trial: Trial, checks: Collection[str]) -> Sequence[Outcome]:
    """What those checks say that look at the first run; where it is wrong, what all of them say."""
    first = tuple(_said(trial, OF_FIRST_RUN.intersection(checks)))
    if not any(outcome.finding for outcome in first):
        return first
    rest = _said(trial, frozenset(checks) - OF_FIRST_RUN)
    return sorted((*first, *rest), key=lambda outcome: CHECK_NAMES.index(outcome.check))


def _said(trial: Trial, checks: Collection[str]) -> Iterator[Outcome]:
    """What the checks say; the contract alone, where the forward gave no well-formed ``y``.

    What such a case shows beside follows from that, and no juror can compare what is not there.
    """
    why = trial.why_stopped
    for name, check in CHECKS.items():
        if name not in checks:
            continue
        is_asked = not why or name == contract.NAME
        yield from check.run(trial) if is_asked else unjudged(trial, name, why)


def _is_compared(trial: Trial, outcomes: Collection[Outcome]) -> bool:
    """Whether all results were held to autograd, and all gradients to differences, on the lattice.

    A subject that is no direct sum, or an operation that is none, is held to bounds instead.
    """
    voices: dict[Juror, set[str]] = {Juror.AUTOGRAD: set(), Juror.DIFFERENCES: set()}
    for outcome in outcomes:
        juror = CHECKS[outcome.check].juror
        if juror in voices and outcome.status is not Status.NOT_APPLICABLE:
            voices[juror].add(outcome.result)
    results = set(trial.case.results)
    if voices[Juror.AUTOGRAD] < results:
        return False
    if not trial.subject.claims.exact or trial.case.lattice is None:
        return True
    return trial.arrays.is_exact and results - voices[Juror.DIFFERENCES] <= {"y"}


@own_arithmetic()
def replay(subject: Subject, case: Case, *, guard: Guard | None = None) -> Replay:
    """Run one case and keep everything."""
    trial = Trial(subject, case)
    judged = judge_trial(trial, guard=guard)
    return Replay(
        case=case,
        arrays=trial.arrays,
        got={} if judged.unsupported else trial.got,
        autograd=trial.autograd,
        differences={} if judged.unsupported else gradients_by_differences(trial),
        outcomes=judged.outcomes,
        rulings=judged.rulings,
        unsupported=judged.unsupported,
        worked={} if judged.unsupported else _worked(trial, judged.rulings, guard),
    )


def _worked(
    trial: Trial, rulings: Collection[Ruling], guard: Guard | None
) -> dict[str, tuple[str, ...]]:
    """The arithmetic of what is wrong; nothing of a subject that raises meanwhile."""
    guard = guard or guard_of_this_process()
    try:
        with guard.around(trial.subject, None):
            found = {ruling.result: worked(trial, ruling) for ruling in rulings}
    except BpcheckError:
        raise
    except BaseException as error:
        if not is_by_subject(error, trial.case.operation, is_alone=guard.is_alone):
            raise
        return {}
    return {result: lines for result, lines in found.items() if lines}
