"""Ten runs of one case, with threads at work beside them: whether its bits vary, and by how much.

Elsewhere all is run in one thread, so that reports do not depend on the machine. Here a kernel may
use as many as it likes: parts that are added up in the order in which threads end, and results that
two threads write at once, show with several of them alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import replace
from typing import TypeVar

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import is_right, slack_between_runs
from bpcheck.checks.compare import Difference, difference, same_bits
from bpcheck.checks.outcomes import element, failed, first_of_each, number, remarked, unjudged
from bpcheck.checks.run import Run
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import is_like
from bpcheck.finding import Kind, Measured, Outcome, Status

NAME = "ten runs"

#: Runs; threads that a kernel may use, on every machine; threads that keep a processor busy. The
#: parts of two threads have one sum, in whatever order they are added.
RUNS, THREADS, BUSY = 10, 3, 1

#: One in so many small cases is run so often, of real values and of others, like this seed.
OF_REAL, OF_EXACT, LIKE = 32, 160, 3

#: Values of which no sum is rounded, and which have one winner in each window.
_EXACT = ("exact", "wide", "small", "negative")

T = TypeVar("T")


def check_ten_runs(trial: Trial) -> tuple[Outcome, ...]:
    """Every result has the same bits in all runs: on exact values surely, on real ones if claimed.

    Where it has not, a remark says by how much of what rounding explains.
    """
    why = _why_not(trial)
    if why:
        return unjudged(trial, NAME, why)
    with _busy():
        runs = _in_a_thread(lambda: [trial.again(trial.arrays) for _ in range(RUNS)])
    whole = [each.got for each in runs if each.is_whole]
    if not whole:
        return unjudged(trial, NAME, "it fails in a thread of its own")
    if len(whole) < RUNS:
        return _broken(trial, runs, len(whole))
    return first_of_each(trial, NAME, _violations(trial, whole))


def _why_not(trial: Trial) -> str:
    if not trial.first.is_whole:
        return "the contract is broken"
    case = trial.case
    if case.values != "real" and case.values not in _EXACT:
        return "other values"
    if not is_like(case, LIKE, OF_REAL if case.values == "real" else OF_EXACT):
        return "left to other cases"
    if sys.excepthook is None:
        # As a subject may leave it.
        return "no thread can be made"
    return "" if trial.plain.is_whole else "it fails in C order"


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    """Threads that keep the processors busy meanwhile, and hold no lock of the interpreter."""
    over = threading.Event()

    def work() -> None:
        # Digests of large blocks are made without that lock, in memory that is there already.
        block = bytes(1 << 18)
        while not over.is_set():
            hashlib.sha256(block)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(BUSY)]
    try:
        for each in threads:
            each.start()
        yield
    finally:
        over.set()
        for each in threads:
            each.join()


def _in_a_thread(function: Callable[[], T]) -> T:
    """What a function gives that is called where several threads may be used.

    The pool of OpenMP belongs to the thread that began it. That of a process that was forked has no
    threads any more, and whoever waits for them waits for ever; a new thread begins a new one.
    """
    import torch

    ended: list[T | BaseException] = []
    # Elsewhere than in the main thread other cases may be judged at the same time.
    is_alone = threading.current_thread() is threading.main_thread()
    # Each thread has a mode of its own.
    is_recorded = torch.is_grad_enabled()

    def called() -> None:
        torch.set_grad_enabled(is_recorded)
        try:
            with _several_threads(is_alone=is_alone):
                ended.append(function())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it can be caught
            ended.append(error)

    thread = threading.Thread(target=copy_context().run, args=(called,), daemon=True)
    thread.start()
    thread.join()
    (found,) = ended
    if isinstance(found, BaseException):
        raise found
    return found


@contextlib.contextmanager
def _several_threads(*, is_alone: bool) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    if is_alone:
        torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        if is_alone:
            torch.set_num_threads(before)


def _broken(trial: Trial, runs: Sequence[Run], whole: int) -> tuple[Outcome, ...]:
    """What is said of a case that fails in some of the runs."""
    why = next(each.why_not for each in runs if not each.is_whole)
    message = f"the same case failed in {RUNS - whole} of {RUNS} runs, with threads beside: {why}"
    return first_of_each(trial, NAME, [failed(trial, NAME, "y", Kind.NOT_DETERMINISTIC, message)])


def _violations(trial: Trial, runs: Sequence[dict[str, Array]]) -> Iterator[Outcome]:
    first = runs[0]
    varying: dict[str, float] = {}
    for result in first:
        others = [each[result] for each in runs[1:]]
        unlike = [each for each in others if not same_bits(each, first[result])]
        if not unlike:
            continue
        slack = slack_between_runs(trial, result)
        beyond = _first(unlike, first[result], slack)
        where = beyond or _first(unlike, first[result])
        if beyond is not None or trial.subject.claims.deterministic:
            message = _told(result, where, len(unlike))
            yield failed(trial, NAME, result, Kind.NOT_DETERMINISTIC, message, where)
        elif where is not None and is_right(trial, result) and slack is not None:
            varying[result] = _largest(first[result], unlike, slack)
    if varying:
        yield _remark(varying)


def _first(runs: Sequence[Array], first: Array, slack: Array | None = None) -> Difference | None:
    """Where the first of these runs that differs from the first of all does so."""
    return next(filter(None, (difference(each, first, slack) for each in runs)), None)


def _told(result: str, where: Difference | None, unlike: int) -> str:
    """What is said of results that may not vary."""
    if where is None:
        return f"{result} holds other NaN in {unlike} of {RUNS} runs of the same case"
    return (
        f"{element(result, where)} is {number(where.got)} in one of {RUNS} runs of the same case, "
        f"and {number(where.expected)} in the first ({unlike} differ), with several threads; look "
        "for threads that write one cell at once, or whose parts are added up as they end"
    )


def _largest(first: Array, others: Sequence[Array], slack: Array) -> float:
    """The largest difference between two runs, as a part of what rounding explains."""
    every = np.stack([first, *others])
    spread = every.max(axis=0) - every.min(axis=0)
    counts = np.isfinite(spread) & np.isfinite(slack) & (slack > 0)
    return float(np.max(spread[counts] / slack[counts], initial=0.0))


def _remark(varying: dict[str, float]) -> Outcome:
    most = max(varying.values())
    remark = (
        f"the bits of {', '.join(varying)} vary with several threads, by up to {most:.1g} of what "
        "rounding explains, and exact values do not; who claims DETERMINISTIC is held to it"
    )
    outcome = replace(remarked(NAME, next(iter(varying)), remark), status=Status.PASSED, note="")
    # Of several remarks the one of the largest is told.
    return replace(outcome, measured=Measured(0, most))
