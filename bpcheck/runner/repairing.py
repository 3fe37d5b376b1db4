"""Looking for the line at fault, in a copy of the process that has the subject."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.checks import CHECKS, Juror, Trial, contract
from bpcheck.checks.claims import refused
from bpcheck.explain.line.example import Example, Grade
from bpcheck.finding import Status
from bpcheck.planning.limits import Limits
from bpcheck.runner.apart import apart
from bpcheck.runner.fresh import Dressing, fresh_cases
from bpcheck.runner.process.crew import must_spawn
from bpcheck.runner.showing import Asked
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN
from bpcheck.verdict.repaired import Repaired
from bpcheck.verdict.tally import work

#: Seconds that all searches of a run may take.
SECONDS = 20.0

#: The share of what is left in which changes are tried; the rest is for what surrounds that.
_SEARCHED = 0.8

#: With less nothing is begun.
_LEAST = 1.0

#: Seconds of the processor for one case, so that a busy machine ends none: what a change makes
#: endless is no repair.
_CASE = 1.0

#: Cases of the run, of either kind, and fresh ones.
CASES, FRESH = 16, 40

#: Failing cases without which nothing is looked for.
_ENOUGH = 3

#: What is farther off, as a share of the largest number, is no matter of rounding in any dtype.
_FAR = 0.05

#: Multiplications of a case.
_LARGEST = 20_000

_CHECKS = tuple(n for n, c in CHECKS.items() if c.juror is Juror.AUTOGRAD or n == contract.NAME)


class Patience:
    """What is left of the time in which lines are looked for."""

    def __init__(self) -> None:
        self.left = SECONDS

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time that something takes."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.left -= time.monotonic() - start


def line_at_fault(subject: Subject, asked: Asked, seconds: float) -> Repaired | None:
    """The line of the subject's own code of which one small change mends the defect.

    It is looked for in a fork of this process, where its functions are given the code of changed
    sources. Where there is no fork, or it would not work, nothing is known.
    """
    if must_spawn() or not hasattr(signal, "setitimer") or seconds <= _LEAST:
        return None
    found = apart(partial(_searched, subject, asked, _SEARCHED * seconds), seconds=seconds)
    return Repaired(**found) if found else None


def _searched(subject: Subject, asked: Asked, seconds: float) -> dict[str, Any] | None:
    # It takes a moment to import, and is rarely needed.
    from bpcheck.explain.line.search import repaired

    result = asked.defect.result
    with one_thread():
        wrong = {
            case: _wrong(subject, case)
            for cases in (asked.defect.cases, asked.passing)
            for case in _few(cases)
        }
        known = [case for case, before in wrong.items() if result in before or not before]
        # A short run may have few that fail, and what mends a few by chance mends no others.
        wrong |= {case: _wrong(subject, case) for case in _fresh(subject, known, asked)}
        spoilt = [case for case, before in wrong.items() if result in before]
        calm = [case for case, before in wrong.items() if not before]
        # What is wrong besides, by another defect, need not be right.
        others = [case for case in wrong if case not in spoilt and case not in calm]
        if len(spoilt) < _ENOUGH:
            return None
        examples = {case: _example(subject, case, before, result) for case, before in wrong.items()}
        found = repaired(
            [examples[case] for case in spoilt],
            [examples[case] for case in calm],
            [examples[case] for case in others],
            seconds=seconds,
        )
    return None if found is None else asdict(found)


def _few(cases: Sequence[Case]) -> list[Case]:
    """Half of them the smallest, the others spread over the rest."""
    ordered = sorted((case for case in cases if 0 < work(case) <= _LARGEST), key=work)
    small, rest = ordered[: CASES // 2], ordered[CASES // 2 :]
    return [*small, *rest[:: max(1, len(rest) // (CASES // 2))]][:CASES]


def _fresh(subject: Subject, known: Sequence[Case], asked: Asked) -> list[Case]:
    """Cases that the run has not judged, failing ones among them."""
    if asked.limits.geometries is not None:
        return []
    worn = () if asked.defect.condition == PLAIN else tuple(known)
    dressing = Dressing(asked.defect.condition, worn, asked.dtype)
    limits = Limits(min(_LARGEST, asked.limits.largest or _LARGEST))
    drawn = fresh_cases(subject, known, dressing, seed=(asked.seed, *b"repair"), limits=limits)
    return [case for case in islice(drawn, FRESH) if not refused(Trial(subject, case))]


def _example(subject: Subject, case: Case, before: frozenset[str], result: str) -> Example:
    """A case that is right where the result is, and nothing else is spoilt."""
    known = Trial(subject, case)
    right = known.autograd.get(result)

    def grade() -> Grade:
        if right is not None and not _is_near(known, result, right):
            return Grade.WRONG
        after = _wrong(subject, case)
        if result in after or not after <= before:
            return Grade.WRONG
        return Grade.RIGHT if after else Grade.ALL_RIGHT

    return Example(lambda: Trial(subject, case).first, grade)


def _is_near(known: Trial, result: str, right: Array) -> bool:
    """Whether a result can be right: nearly all changes are told by a glance at it."""
    try:
        with _limited(_CASE):
            run = known.again(known.filled, layouts=known.case.layouts)
    except (_TooLongError, MemoryError):
        return False
    got = run.got.get(result)
    if got is None:
        return False
    finite = np.isfinite(right)
    with np.errstate(invalid="ignore", over="ignore"):
        largest = np.abs(right[finite]).max(initial=0.0)
        return bool((np.abs(got - right)[finite] <= _FAR * largest).all())


def _wrong(subject: Subject, case: Case) -> frozenset[str]:
    """The results that are wrong, or lack their shape or dtype; all of them where a call hangs."""
    everything = frozenset(case.operation.results(case.geometry))
    try:
        with _limited(_CASE):
            trial = Trial(subject, case)
            if trial.why_stopped:
                return everything
            outcomes = [each for name in _CHECKS for each in CHECKS[name].run(trial)]
    except (_TooLongError, MemoryError):
        return everything
    return frozenset(each.result for each in outcomes if each.status is Status.FAILED)


class _TooLongError(BaseException):
    """A call took too long; no code of a kernel catches that."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End what computes for so long; this process has no other use for the alarm."""

    def ring(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)
