"""Average pools that do something to their process, each as people write it by mistake."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from bpcheck.verdict import Verdict
from properties.harness.hostile_results import RETURNING
from reference import avg_pool

#: What was allocated by the one that takes memory, and what was seen by the one that counts.
kept: list[Any] = []

calls: list[Any] = []


class ExitsError(Exception):
    def __str__(self) -> str:
        return str(sys.exit(0))


def is_large(x: Any) -> bool:
    return int(np.prod(x.shape)) > 30


def exit_on_the_20th_call(x: Any) -> None:
    calls.append(x)
    if len(calls) == 20:
        os._exit(0)


def crash(x: Any) -> None:
    if is_large(x):
        ctypes.string_at(0)


def abort(x: Any) -> None:
    if is_large(x):
        os.abort()


def hang(x: Any) -> None:
    if is_large(x):
        # For ever, and on one line: wherever it is stopped, that is the one to be told.
        sum(1 for _ in iter(int, 1))


def exit_in_an_exception(x: Any) -> None:
    if is_large(x):
        raise ExitsError


def end_by_sigterm(x: Any) -> None:
    if is_large(x):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)


def take_memory(x: Any) -> None:
    if is_large(x):
        kept.append(np.ones(2**27))
        time.sleep(0.5)


def fork(x: Any) -> None:
    os.fork()


def leave_a_thread(x: Any) -> None:
    threading.Thread(target=time.sleep, args=(60,)).start()


def print_by_descriptor(x: Any) -> None:
    os.write(1, b"here\n")


def print_by_c(x: Any) -> None:
    ctypes.CDLL(None).puts(b"here")


def write_to_stderr(x: Any) -> None:
    os.write(2, b"here\n")


def make_read_only(x: Any) -> None:
    x.flags.writeable = False


def interrupt_itself(x: Any) -> None:
    raise KeyboardInterrupt


def set_error_state(x: Any) -> None:
    np.seterr(all="raise")


def seed_numpy(x: Any) -> None:
    np.random.seed(0)  # noqa: NPY002 - it is what is watched


def seed_python(x: Any) -> None:
    random.seed(0)


def turn_off_gradients(x: Any) -> None:
    import torch

    torch.set_grad_enabled(False)


def change_directory(x: Any) -> None:
    os.chdir("/")


def set_a_variable(x: Any) -> None:
    os.environ["HOSTILE"] = "1"


def handle_a_signal(x: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def filter_warnings(x: Any) -> None:
    warnings.simplefilter("error")


def close_the_streams(x: Any) -> None:
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def write_megabytes(x: Any) -> None:
    os.write(1, b"x" * 2**21)


def delete_the_directory(x: Any) -> None:
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    Path(folder).rmdir()


def recurse_in_c(x: Any) -> None:
    nested: list[Any] = []
    for _ in range(10**5):
        nested = [nested]
    repr(nested)


def limit_recursion(x: Any) -> None:
    sys.setrecursionlimit(500)


def put_off_a_sleep(x: Any) -> None:
    atexit.register(time.sleep, 600)


def drop_the_streams(x: Any) -> None:
    sys.stdout = sys.stderr = sys.excepthook = None  # type: ignore[assignment]


def leave_a_program(x: Any) -> None:
    kept.append(subprocess.Popen(["/bin/sleep", "613"], start_new_session=True))


def limit_files(x: Any) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (20, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def kill_its_group(x: Any) -> None:
    if is_large(x):
        os.killpg(0, signal.SIGKILL)


def ignore_sigint(x: Any) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def kernel(before: Callable[[Any], None]) -> SimpleNamespace:
    """An average pool that does something before it computes."""

    def forward(x: Any, **params: Any) -> Any:
        before(x)
        return avg_pool.forward(x, **params)

    return SimpleNamespace(forward=forward, vjp=avg_pool.vjp)


#: What is said of each.
EXPECTED: dict[str, tuple[Any, Verdict]] = {
    before.__name__: (kernel(before), verdict)
    for before, verdict in {
        exit_on_the_20th_call: Verdict.EXITS,
        crash: Verdict.CRASHED,
        abort: Verdict.CRASHED,
        hang: Verdict.TIMED_OUT,
        exit_in_an_exception: Verdict.RAISES,
        end_by_sigterm: Verdict.CRASHED,
        take_memory: Verdict.MEMORY,
        fork: Verdict.LEAVES_RUNNING,
        leave_a_thread: Verdict.LEAVES_RUNNING,
        print_by_descriptor: Verdict.PRINTS,
        print_by_c: Verdict.PRINTS,
        write_to_stderr: Verdict.WRITES,
        make_read_only: Verdict.MUTATES,
        interrupt_itself: Verdict.RAISES,
        set_error_state: Verdict.SETTINGS,
        seed_numpy: Verdict.SETTINGS,
        seed_python: Verdict.SETTINGS,
        turn_off_gradients: Verdict.SETTINGS,
        change_directory: Verdict.SETTINGS,
        set_a_variable: Verdict.SETTINGS,
        handle_a_signal: Verdict.SETTINGS,
        filter_warnings: Verdict.SETTINGS,
        ignore_sigint: Verdict.AGREES,
        close_the_streams: Verdict.AGREES,
        write_megabytes: Verdict.PRINTS,
        delete_the_directory: Verdict.SETTINGS,
        recurse_in_c: Verdict.RAISES,
        limit_recursion: Verdict.SETTINGS,
        put_off_a_sleep: Verdict.AGREES,
        drop_the_streams: Verdict.AGREES,
        leave_a_program: Verdict.AGREES,
        limit_files: Verdict.SETTINGS,
        kill_its_group: Verdict.CRASHED,
    }.items()
} | RETURNING

#: The same by name, for command lines.
kernels = SimpleNamespace(**{name: found for name, (found, _) in EXPECTED.items()})
