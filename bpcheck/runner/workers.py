"""Cases judged here or through an executor, always handed back in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future

from bpcheck.cases import Case
from bpcheck.runner.one import Terms, judge
from bpcheck.runner.own import blaming
from bpcheck.runner.source import Source
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged

#: Cases that travel together, and chunks that wait for each worker: enough to keep it busy, and
#: few enough that memory does not grow with the number of cases.
CHUNK = 8
WAITING = 4


def judge_here(subject: Subject, source: Source) -> Iterator[Judged]:
    """What comes of each case, in this process."""
    with one_thread():
        while cases := source.take(1):
            judged = judge(subject, cases[0], terms=source.terms(cases[0]))
            source.learn(judged)
            yield judged


def judge_with(
    executor: Executor, subject: Subject, source: Source, *, jobs: int = 1
) -> Iterator[Judged]:
    """What comes of each case, in the order of the cases, however the work is spread.

    Parameters
    ----------
    executor
        Any `concurrent.futures.Executor`, such as Dask's or MPI's.
    subject
        What to judge; it must be picklable.
    source
        Where the cases come from; they are taken a little ahead of what is handed back.
    jobs
        How many workers the executor has: it does not tell.
    """
    pending: deque[Future[list[Judged]]] = deque()
    while True:
        while len(pending) < WAITING * jobs and (chunk := source.take(CHUNK)):
            terms = [source.terms(case) for case in chunk]
            pending.append(executor.submit(_judge_chunk, subject, chunk, terms))
        if not pending:
            return
        for judged in pending.popleft().result():
            source.learn(judged)
            yield judged


def _judge_chunk(subject: Subject, cases: list[Case], terms: list[Terms]) -> list[Judged]:
    # The traceback of an error does not travel: whose it is must be told here.
    with one_thread(), blaming(subject.operation):
        return [judge(subject, case, terms=its) for case, its in zip(cases, terms, strict=True)]
