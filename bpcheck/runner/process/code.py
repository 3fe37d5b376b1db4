"""Code of a user's that is no subject yet, asked in a worker: it may crash, hang or exit there."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from bpcheck.errors import BpcheckError, TargetError
from bpcheck.imports import explain, find, is_users
from bpcheck.imports.interpreters import interpret as start_interpreters
from bpcheck.imports.interpreters import interpret_loaded
from bpcheck.runner.process.crew import Crew, must_spawn
from bpcheck.runner.process.death import LostError
from bpcheck.runner.process.handle import Allowed
from bpcheck.runner.process.worker import Bench

#: A guard observes calls; which functions a subject would have is not known yet.
_NOBODY: Any = SimpleNamespace(forward=None, vjp=None)


class Code(Protocol):
    """What a target names, wherever it is."""

    def ask(self, function: Callable[..., Any], *args: Any) -> Any:
        """What a function of it gives.

        Raises
        ------
        TargetError
            If the code raises, or ends the process.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Here:
    target: str
    found: Any

    def ask(self, function: Callable[..., Any], *args: Any) -> Any:
        with _telling(self.target):
            return function(self.found, *args)


@dataclass(frozen=True, slots=True)
class _InWorker:
    target: str
    crew: Crew

    def ask(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return self.crew.ask(_asked, self.target, function, args)
        except LostError as lost:
            raise TargetError(f"{self.target}: {lost}, when it was tried") from None


@contextlib.contextmanager
def code_at(
    target: str, directory: Path, *, in_process: bool, allowed: Allowed, interpret: bool = False
) -> Iterator[Code]:
    """What `target` names, imported in this process or in a worker.

    With `interpret`, kernels for another device run in their interpreters.

    Raises
    ------
    TargetError
        If there is none, or importing its module fails or ends the process.
    """
    if in_process:
        yield _Here(target, _found(target, directory, interpret=interpret))
        return
    load = partial(_found, target, directory, interpret=interpret)
    # Torch imports Triton by the way, and its interpreter starts only where nothing has yet.
    spawns = interpret or must_spawn()
    with contextlib.closing(Crew(load, size=1, allowed=allowed, spawns=spawns)) as crew:
        yield _InWorker(target, crew)


def _found(target: str, directory: Path, *, interpret: bool) -> Any:
    if not interpret:
        return find(target, directory=directory)
    start_interpreters()
    found = find(target, directory=directory)
    interpret_loaded()
    return found


def _asked(bench: Bench, target: str, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    with bench.guard.around(_NOBODY, None), _telling(target):
        return function(bench.subject, *args)


@contextlib.contextmanager
def _telling(target: str) -> Iterator[None]:
    """Tell what the user's code raises as that, by its line."""
    try:
        yield
    except BpcheckError:
        raise
    except Exception as error:
        if not any(is_users(frame) for frame in traceback.extract_tb(error.__traceback__)):
            raise
        raise TargetError(f"{target}: its own code raised\n{explain(error)}") from None
