"""A second process that watches the run: a subject that ends its process does not end the report.

A segmentation fault or ``os._exit(0)`` in a kernel would otherwise leave nothing on the screen, and
perhaps an exit code that says that all is well.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

import click

from bpcheck.cli.app import main
from bpcheck.cli.exits import DEFECT, USAGE
from bpcheck.cli.trail import Trail

_RELAYED = (signal.SIGINT, signal.SIGTERM)


def run() -> NoReturn:
    """The command of this process's arguments, watched where the system is Linux; then exit."""
    if not sys.platform.startswith("linux") or {"-h", "--help", "--version"} & {*sys.argv}:
        main()
    trail = Trail()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_RELAYED, signal.SIGCHLD})
    watcher, child = os.getpid(), os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _take_one_interrupt_at_a_time(trail)
        _die_with(watcher)
        _run_to_the_end(trail)
    status, caught = _wait(child)
    if trail.code is not None:
        sys.exit(trail.code)
    if caught:
        # Nothing crashed: somebody ended the run, perhaps in the middle of an import.
        click.echo("Interrupted.", err=True)
        sys.exit(128 + caught)
    sys.exit(_bury(os.waitstatus_to_exitcode(status), *trail.last))


def _run_to_the_end(trail: Trail) -> NoReturn:
    try:
        main(obj=trail)
    except SystemExit as end:
        trail.finish(end.code if isinstance(end.code, int) else 0)
        raise
    raise AssertionError("click's main ends in SystemExit")


def _wait(child: int) -> tuple[int, int]:
    """The status that the child ends with, and the last signal that was to end the run, or 0."""
    ending = 0
    while True:
        caught = signal.sigwaitinfo({*_RELAYED, signal.SIGCHLD})
        if caught.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return status, ending
            continue
        ending = caught.si_signo
        if caught.si_code <= 0:
            # From a process; what a terminal sends reaches the child by itself.
            os.kill(child, ending)


def _take_one_interrupt_at_a_time(trail: Trail) -> None:
    """Take what comes within a second of an interrupt for the same one.

    Who signals the whole group reaches this process twice: directly, and through the watcher.
    """
    last = -1.0

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        if last < 0 or now - last > 1:
            last, trail.interrupted = now, True
            signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupt)


def _die_with(parent: int) -> None:
    """End this process when its parent is killed: nobody would read what it finds."""
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _bury(code: int, case: str, target: str) -> int:
    """Say what became of a run whose process ended in the middle; the exit code."""
    by_signal = f"by signal {-code} ({signal.strsignal(-code)})" if code < 0 else ""
    how = by_signal or f"with exit code {code}"
    if not case:
        click.echo(
            f"Error: the process ended {how} before anything was checked: the target's module "
            "crashed or ended the interpreter when it was imported. Nothing was judged.",
            err=True,
        )
        return USAGE
    click.echo(
        f"CRASHED: the process ended {how} in the subject's code, or in torch's, which is asked "
        "too.\n"
        f"    case            {case}\n"
        f"    replay          bpcheck replay '{case}' {target}\n"
        f"    in native code  python -X faulthandler -m bpcheck replay '{case}' {target}",
        err=True,
    )
    return DEFECT
