"""A process beside one of an engine's: it has the worker of a subject, and replaces it.

The engine's own process has threads, and may be one that is not to be forked or to have children
(as Dask's and MPI's are), so workers are forked from a fresh Python instead: this one. It ends when
the other side does, when its run does, or when it has had nothing to do for a while.
"""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from bpcheck.operations import operation_named
from bpcheck.runner.engine.order import Order
from bpcheck.runner.memory import SHARE, free_memory
from bpcheck.runner.process.crew import Crew, Job, must_spawn
from bpcheck.runner.process.death import Death
from bpcheck.runner.process.handle import Allowed
from bpcheck.runner.process.warm import warm_up
from bpcheck.runner.process.wire import dumps
from bpcheck.runner.process.worker import Bench, travelling
from bpcheck.subject import Subject

#: Seconds after which a host with nothing to do ends: nobody tells it that its run is over.
_PATIENCE = 60.0

#: Seconds that it has to end by itself.
_GRACE = 0.5

#: Seconds between looks at whether the run goes on.
_LOOK = 0.1

#: What came of a task: its value, the end of the worker that was at it, or an error.
Came = tuple[Any, Death | None, BaseException | None]


class HostGoneError(Exception):
    """The host has ended, with what it was at."""


class Host:
    """The host as the engine's process holds it.

    Parameters
    ----------
    order
        What is to be done there.
    """

    def __init__(self, order: Order):
        self._order = order
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-c", _program(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                # MPI reads what its processes write there.
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # Ctrl-C is for whoever has started the run.
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())
        self._send(pickle.dumps(order))

    def do(self, tasks: Sequence[bytes]) -> bytes:
        """The pickled list of what came of each task.

        Raises
        ------
        HostGoneError
            If there is no answer.
        """
        self._send(pickle.dumps(list(tasks)))
        try:
            while not self._connection.poll(_LOOK):
                self._require_alive()
            return self._connection.recv_bytes()
        except (EOFError, OSError):
            self.close()
            code = self._process.returncode
            raise HostGoneError(f"the process beside it ended with code {code}") from None
        except BaseException:
            # An interrupt, which is no more than that to an engine's process.
            self.close()
            raise

    def _require_alive(self) -> None:
        if not self.is_alive or self._order.is_over:
            raise EOFError

    def _send(self, data: bytes) -> None:
        try:
            self._connection.send_bytes(data)
        except OSError:
            self.close()
            raise HostGoneError("the process beside it has ended") from None

    def close(self) -> None:
        """End it, and the worker with it."""
        self._connection.close()
        try:
            # It ends its worker, and whatever that has started, when it hears no more.
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None


def _program(descriptor: int) -> str:
    # It finds bpcheck where this process does.
    return (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"from bpcheck.runner.engine.host import serve; serve({descriptor})"
    )


def serve(descriptor: int) -> None:
    """Do tasks until nobody sends any more."""
    connection = Connection(descriptor)
    order: Order = pickle.loads(connection.recv_bytes())  # noqa: S301 - our own process has sent it
    order.make_importable()
    if os.path.isdir(order.directory):  # noqa: PTH112 - as it was given
        os.chdir(order.directory)
    if order.operation:
        warm_up(operation_named(order.operation))
    allowed = order.allowed
    if not allowed.memory:
        allowed = Allowed(allowed.seconds, int(free_memory() * SHARE))
    crew = Crew(Unpickled(order.load), size=1, allowed=allowed, spawns=must_spawn())
    try:
        while _is_asked(connection, order):
            tasks = pickle.loads(connection.recv_bytes())  # noqa: S301 - as above
            came = _all_done(crew, [crew.put(do_pickled, each) for each in tasks], connection)
            connection.send_bytes(dumps(came))
    except (EOFError, OSError):
        # The engine's process has gone, or its run is over.
        pass
    finally:
        crew.close()


def _is_asked(connection: Connection, order: Order) -> bool:
    """Wait for tasks; whether there are any."""
    until = time.monotonic() + _PATIENCE
    while not connection.poll(1.0):
        if order.is_over or time.monotonic() > until:
            return False
    return True


def _all_done(crew: Crew, jobs: Sequence[Job], connection: Connection) -> list[Came]:
    try:
        while not all(job.is_done for job in jobs):
            crew.step()
            _require_heard(connection)
    except (EOFError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - it is told where the run was started
        crew.drop_all()
        return [(None, None, travelling(error))]
    return [(job.value, job.death, None) for job in jobs]


def _require_heard(connection: Connection) -> None:
    # Nothing is sent meanwhile but the end.
    if connection.poll():
        raise EOFError


class Unpickled:
    """Makes the subject as an order says; what that imports is not imported before."""

    def __init__(self, load: bytes):
        self._load = load

    def __call__(self) -> Subject:
        subject: Subject = pickle.loads(self._load)()  # noqa: S301 - whoever started the run sent it
        return subject


def do_pickled(bench: Bench, task: bytes) -> Any:
    """Do a task that was pickled with its arguments."""
    function, args = pickle.loads(task)  # noqa: S301 - as above
    return function(bench, *args)
