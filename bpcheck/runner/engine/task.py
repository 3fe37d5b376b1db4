"""What is done in a process of the engine: it hands tasks to a host of its own."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Sequence

from bpcheck.runner.engine.host import Came, Host, HostGoneError, Unpickled, do_pickled
from bpcheck.runner.engine.order import Order
from bpcheck.runner.guard import Guard
from bpcheck.runner.process.wire import dumps
from bpcheck.runner.process.worker import Bench, travelling
from bpcheck.runner.threads import one_thread

#: Hosts that are kept for the next tasks, in each process of the engine.
_KEPT = 4

#: Those that have nothing to do, the oldest first. A task takes one out: an engine may do several
#: tasks at once in a process.
_idle: list[tuple[str, Host]] = []

#: Subjects that were loaded in this process, where there are no hosts.
_benches: dict[str, Bench] = {}

_lock = threading.Lock()

if hasattr(os, "register_at_fork"):
    # They answer whoever has started them.
    os.register_at_fork(after_in_child=_idle.clear)


def do(order: Order, tasks: Sequence[bytes]) -> bytes:
    """The pickled list of what came of each task, of which bpcheck alone knows the types.

    Raises
    ------
    HostGoneError
        If two hosts ended at it, or the run is over.
    """
    if not order.is_apart:
        return dumps(_done_here(order, tasks))
    if order.is_over:
        raise HostGoneError("its run is over")
    host = _taken(order)
    try:
        came = host.do(tasks)
    except HostGoneError:
        if order.is_over:
            raise
        # Somebody may have killed it; the tasks are as good as new.
        host = Host(order)
        came = host.do(tasks)
    _put_back(order, host)
    return came


def _taken(order: Order) -> Host:
    with _lock:
        for place, (run, host) in enumerate(_idle):
            if run == order.run:
                del _idle[place]
                return host
    return Host(order)


def _put_back(order: Order, host: Host) -> None:
    with _lock:
        _idle.append((order.run, host))
        ended = [each for each in _idle if not each[1].is_alive]
        surplus = [*ended, *_idle[: max(0, len(_idle) - _KEPT)]]
        _idle[:] = [each for each in _idle if each not in surplus]
    for _, each in surplus:
        each.close()


def _done_here(order: Order, tasks: Sequence[bytes]) -> list[Came]:
    """Do the tasks in this process, where it cannot have others."""
    try:
        with _lock, one_thread():
            if order.run not in _benches:
                order.make_importable()
                _benches.clear()
                _benches[order.run] = Bench(Unpickled(order.load)(), Guard())
            bench = _benches[order.run]
            return [(do_pickled(bench, each), None, None) for each in tasks]
    except Exception as error:  # noqa: BLE001 - it is told where the run was started
        return [(None, None, travelling(error))]


def forget(order: Order | None = None) -> None:
    """End the hosts of a run that has ended, or all of them, in this process."""
    with _lock:
        ended = [each for each in _idle if order is None or each[0] == order.run]
        _idle[:] = [each for each in _idle if each not in ended]
        _benches.clear()
    for _, each in ended:
        each.close()


atexit.register(forget)
