"""What a worker is at can be read at any moment, whatever it is held up by."""

from __future__ import annotations

import multiprocessing
import time

from bpcheck.runner.process.page import IDLE, Page

#: As long as two processes write and read; tens of thousands of each.
SECONDS = 1.0


def write(page: Page, until: float) -> None:
    number = 0
    while time.monotonic() < until:
        number += 1
        page.begin_task(number)
        page.begin_call("forward" if number % 2 else "vjp", times=10.0)
        page.end_call()


def test_what_is_read_while_it_is_written_is_whole() -> None:
    context = multiprocessing.get_context("fork")
    page, until = Page(context), time.monotonic() + SECONDS
    writer = context.Process(target=write, args=(page, until))
    writer.start()
    seen = set()
    while time.monotonic() < until:
        at = page.at
        assert at.task == IDLE or at.task > 0
        assert 0 <= at.elapsed < 1
        if at.function:
            assert at.function == ("forward" if at.task % 2 else "vjp")
        seen.add(at.task)
    writer.join()
    assert len(seen) > 10


def test_a_worker_that_ends_in_the_middle_of_writing_leaves_what_it_was_at() -> None:
    page = Page(multiprocessing.get_context())
    page.begin_task(7)
    page.begin_call("forward", times=1.0)
    half = len(page._copies) // 2
    unread = half * ((page._count.value + 1) % 2)
    page._copies[unread : unread + half] = b"\xff" * half
    assert (page.at.task, page.at.function) == (7, "forward")
