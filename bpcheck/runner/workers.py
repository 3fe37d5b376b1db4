"""Scheduling: cases judged here or in worker processes, always handed back in their order."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from bpcheck.cases import Case
from bpcheck.errors import BpcheckError
from bpcheck.runner.memory import keep_freed_memory
from bpcheck.runner.one import judge
from bpcheck.runner.own import blaming
from bpcheck.runner.source import Source
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged

#: Cases that travel together, and chunks that wait for each worker: enough to keep it busy, and
#: few enough that memory does not grow with the number of cases.
CHUNK = 8
WAITING = 4


def judge_all(
    subject: Subject, source: Source, *, jobs: int = 1, executor: Executor | None = None
) -> Iterator[Judged]:
    """What comes of each case, in the order of the cases, however the work is spread.

    Parameters
    ----------
    subject
        What to judge. With an `executor`, it must be picklable.
    source
        Where the cases come from; they are taken a little ahead of what is handed back.
    jobs
        Number of worker processes; 1 works in this one.
    executor
        Any `concurrent.futures.Executor` instead of own processes, such as Dask's or MPI's.

    Raises
    ------
    BpcheckError
        If a worker process dies.
    """
    if executor is not None:
        # How many workers a foreign executor has is not known; `jobs` may tell.
        yield from _in_order(executor, subject, source, ahead=WAITING * max(1, jobs))
    elif jobs == 1:
        with one_thread():
            while cases := source.take(1):
                judged = judge(subject, cases[0])
                source.learn(judged)
                yield judged
    else:
        yield from _in_processes(subject, source, jobs)


def _in_processes(subject: Subject, source: Source, jobs: int) -> Iterator[Judged]:
    # Forked workers inherit the subject, which need not be picklable then, and torch with it.
    import torch  # noqa: F401 - once here instead of once in each worker

    forks = "fork" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if forks else "spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(subject,))
    try:
        yield from _in_order(pool, None, source, ahead=WAITING * jobs)
    except BrokenProcessPool as error:
        raise BpcheckError(
            "a worker process died (a crash in the subject's native code?): run with --jobs 1 to "
            "see the case at which it happens"
        ) from error
    finally:
        # Whoever interrupts does not wait for what is still at work.
        pool.shutdown(wait=False, cancel_futures=True)


def _in_order(
    executor: Executor, subject: Subject | None, source: Source, *, ahead: int
) -> Iterator[Judged]:
    pending: deque[Future[list[Judged]]] = deque()
    while True:
        while len(pending) < ahead and (chunk := source.take(CHUNK)):
            pending.append(executor.submit(_judge_chunk, subject, chunk))
        if not pending:
            return
        for judged in pending.popleft().result():
            source.learn(judged)
            yield judged


#: The subject of this worker process, where it was inherited rather than sent with every chunk.
_inherited: list[Subject] = []


def _begin(subject: Subject) -> None:
    """Set up a worker: it leaves Ctrl-C to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What was inherited is shared with the parent until a garbage collection writes its marks.
    gc.freeze()
    keep_freed_memory()
    _inherited.append(subject)


def _judge_chunk(subject: Subject | None, cases: list[Case]) -> list[Judged]:
    judged_by = subject or _inherited[0]
    # The traceback of an error does not travel: whose it is must be told here.
    with one_thread(), blaming(judged_by.operation):
        return [judge(judged_by, case) for case in cases]
