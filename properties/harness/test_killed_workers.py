"""Workers that somebody kills: no case is lost, and no report is another one for it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject
from bpcheck.operations import Operation
from bpcheck.report import to_json
from bpcheck.runner import Progress
from bpcheck.runner.process.place import Workers
from bpcheck.runner.run import check_in
from properties.harness.depth import deep
from reference import avg_pool

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="what is watched is Linux's"
)


def doubled(residuals: Any, y_bar: Any) -> Any:
    return tuple(2 * x_bar for x_bar in avg_pool.vjp(residuals, y_bar))


WRONG = Subject(avg_pool.forward, doubled, operation="avg_pool1d")


class Killer:
    """Kills one worker after the other, at random moments; never two at the same case."""

    def __init__(self, workers: Workers, seed: int):
        self._workers, self._random = workers, np.random.default_rng(seed)
        self._done = self._handed = self._due = 0
        self.kills = 0

    def step(self, progress: Progress) -> None:
        self._done, self._handed = progress.done, self._handed + 1
        # What was at work when the last one was killed has come out.
        if self._done >= self._due and progress.phase == "checking":
            self._due = self._handed + 1
            threading.Timer(self._random.uniform(0, 0.05), self._kill).start()

    def _kill(self) -> None:
        pids = list(self._workers._crew.pids)
        if pids:
            os.kill(int(self._random.choice(pids)), signal.SIGKILL)
            self.kills += 1


def reported(jobs: int, *, count: int, seed: int | None = None) -> tuple[str, int]:
    """The report, and how many workers were killed meanwhile, if any were to be."""

    def same(address: str) -> Operation:
        return WRONG.operation

    with Workers(lambda: WRONG, same, jobs=jobs, subject=WRONG, warm=WRONG.operation) as workers:
        killer = Killer(workers, seed or 0)
        report = check_in(
            workers, count=count, on_progress=killer.step if seed is not None else None
        )
        return to_json(report), killer.kills


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_workers_change_nothing_that_is_reported(jobs: int) -> None:
    undisturbed, _ = reported(jobs, count=40)
    killed, seed = 0, jobs
    while killed < deep(2, 300):
        disturbed, kills = reported(jobs, count=40, seed=seed)
        assert kills
        assert disturbed == undisturbed
        killed, seed = killed + kills, seed + 2
