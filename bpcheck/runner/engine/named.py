"""From what a person writes to an engine: ``dask:ADDRESS``, ``mpi``, ``module:attribute``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from bpcheck.errors import UsageError
from bpcheck.imports import explain, find
from bpcheck.runner.engine.engine import Engine, EngineError, shut_down

_DASK = "dask:"

#: Seconds in which a Dask cluster is to answer, and its first worker to come.
_CONNECT, _FIRST_WORKER = 10, 60


@contextlib.contextmanager
def engine_named(
    text: str, *, directory: Path, workers: int = 0, say: Callable[[str], object]
) -> Iterator[Engine]:
    """The engine that `text` names, until the run that uses it ends.

    Parameters
    ----------
    text
        ``dask:ADDRESS``, ``mpi``, or a target that is an executor or makes one.
    directory
        Where the module of a target is looked for.
    workers
        How many workers it has, where somebody has said so.
    say
        Tells a person something about the run, while it goes on.

    Raises
    ------
    UsageError
        If nothing is named so, or what it needs is not installed.
    EngineError
        If there is no such engine at work.
    """
    if text.startswith(_DASK):
        opened = _dask(text, workers, say)
    elif text == "mpi":
        opened = _mpi(text, workers, say)
    elif ":" in text:
        opened = _named(text, directory, workers, say)
    else:
        raise UsageError(
            f"executor {text!r}: write dask:ADDRESS (dask:tcp://127.0.0.1:8786), mpi, or "
            "module:attribute for any concurrent.futures.Executor"
        )
    with opened as engine:
        yield engine


@contextlib.contextmanager
def _dask(text: str, workers: int, say: Callable[[str], object]) -> Iterator[Engine]:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            f"executor {text}: needs distributed ({error}); install bpcheck[dask], and on its "
            "workers too"
        ) from None
    address = text.removeprefix(_DASK)
    if not address:
        raise UsageError(f"executor {text}: the address is missing: dask:tcp://127.0.0.1:8786")
    try:
        client = Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise EngineError(f"{text}: no scheduler answers there ({error})") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER)
        except TimeoutError:
            raise EngineError(f"{text}: its scheduler has no workers; start some") from None

        def why_idle() -> str:
            if client.status != "running":
                return "its scheduler has gone"
            return "" if client.nthreads() else "it has no workers any more"

        executor = client.get_executor(pure=False)
        threads = sum(client.nthreads().values())
        yield Engine(executor, name=text, workers=workers or threads, why_idle=why_idle, say=say)
        shut_down(executor)


@contextlib.contextmanager
def _mpi(text: str, workers: int, say: Callable[[str], object]) -> Iterator[Engine]:
    try:
        from mpi4py.futures import MPIPoolExecutor
    except (ImportError, RuntimeError) as error:
        raise UsageError(
            f"executor {text}: needs mpi4py and an MPI that it finds ({error}); install "
            "bpcheck[mpi] and an MPI, such as the package mpich"
        ) from None
    # Where it is not started with workers, it starts them itself: as many as were asked for.
    executor = MPIPoolExecutor(max_workers=workers or None, main=False)
    try:
        if not executor.bootup(wait=True).num_workers:
            raise EngineError(
                f"{text}: MPI has started no worker; run  mpiexec -n 3 python -m mpi4py.futures "
                "-m bpcheck check ... --executor mpi,  whose first process leads the others"
            )
        yield Engine(executor, name=text, workers=workers, say=say)
    finally:
        # It counts its processes at the end, and waits for them whatever is said here.
        executor.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _named(
    text: str, directory: Path, workers: int, say: Callable[[str], object]
) -> Iterator[Engine]:
    found = _executor_of(find(text, directory=directory))
    if _is_executor(found):
        # Whoever has made it ends it.
        yield Engine(found, name=text, workers=workers, say=say)
        return
    if not callable(found):
        raise UsageError(_no_executor(text, found))

    def make() -> Executor:
        try:
            made = _executor_of(found())
        except Exception as error:  # noqa: BLE001 - the user's code
            raise UsageError(f"executor {text}: calling it fails\n{explain(error)}") from None
        if not _is_executor(made):
            raise UsageError(_no_executor(text, made))
        executor: Executor = made
        return executor

    engine = Engine(make(), name=text, workers=workers, make=make, say=say)
    try:
        yield engine
    finally:
        shut_down(engine.executor)


def _executor_of(value: Any) -> Any:
    """The executor of a Dask client, whose own futures are no `concurrent.futures` ones."""
    return value.get_executor(pure=False) if hasattr(value, "get_executor") else value


def _is_executor(value: Any) -> bool:
    # Some engines have one that derives from nothing.
    is_one = all(callable(getattr(value, name, None)) for name in ("submit", "shutdown"))
    return is_one and not isinstance(value, type)


def _no_executor(text: str, value: Any) -> str:
    return (
        f"executor {text}: it is {type(value).__name__} {value!r:.60}; "
        "a concurrent.futures.Executor was expected, or something to call that makes one"
    )
