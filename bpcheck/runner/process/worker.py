"""What a worker process does: it loads the subject, and then one task after the other."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from bpcheck.calls import name_of
from bpcheck.errors import BpcheckError, TargetError
from bpcheck.imports import explain
from bpcheck.runner.guard import Guard
from bpcheck.runner.loading import told_of_loading
from bpcheck.runner.memory import keep_freed_memory
from bpcheck.runner.own import blaming
from bpcheck.runner.process.page import IDLE, Page
from bpcheck.runner.process.setup import Caught, own, use_one_thread
from bpcheck.runner.process.wire import receive, send
from bpcheck.runner.settings import Snapshot
from bpcheck.subject import Subject

#: Of what an import writes so much is told.
_TOLD = 60

#: Makes the subject, in the process that is to run it.
Load = Callable[[], Subject]


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the tasks of a worker are done: the subject, and who watches it."""

    subject: Subject
    guard: Guard
    #: What loading the subject did to its process.
    notes: tuple[str, ...] = ()
    #: Tells the parent how far the task at hand is.
    tell: Callable[[Any], None] = lambda news: None


#: A task: a function of a bench, and of what can be pickled.
Task = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a task.

    `raised` is an error of bpcheck's, or of what it was given; `is_last` says that the worker has
    ended, since the subject left something behind in it. `is_news` tells how far a task is that is
    not done. The longest first call of a shape took `longest` seconds, of so many `shapes`.
    """

    number: int
    value: Any = None
    raised: BaseException | None = None
    is_last: bool = False
    is_news: bool = False
    longest: float = 0.0
    shapes: int = 0


def work(
    connection: Connection, page: Page, load: Load, folder: str, name: str, parent: int
) -> NoReturn:
    """Load the subject, then do the tasks that come, until no more do."""
    try:
        _work(connection, page, load, folder, name, parent)
    finally:
        # Nothing that a subject, or a parent that was forked, has put off until the end.
        os._exit(0)


def _work(
    connection: Connection, page: Page, load: Load, folder: str, name: str, parent: int
) -> None:
    caught = own(folder, name, parent)
    if hasattr(os, "register_at_fork"):
        # Whoever waits for this process to end waits for all that hold its pipe.
        os.register_at_fork(after_in_child=connection.close)
    held = use_one_thread()
    guard = Guard(page=page, streams=caught, is_alone=True)
    bench: Bench | None = None
    while True:
        try:
            number, task, args, guard.first = receive(connection)
        except (EOFError, OSError):
            break
        page.begin_task(number)
        given = args if bench is not None else (caught,)
        answer = _answer(number, task, (bench or load, guard, *given))
        if isinstance(answer.value, Bench):
            bench = replace(answer.value, tell=partial(_tell, connection, page, folder))
            answer = Answer(number, bench.notes)
        _send(connection, answer, folder)
        page.begin_task(IDLE)
        if answer.is_last:
            break
    del held


def _answer(number: int, task: Task, given: tuple[Any, ...]) -> Answer:
    where, guard, *args = given
    try:
        if not isinstance(where, Bench):
            return Answer(number, _loaded(where, guard, args[0]))
        # Code that is looked at for the first time is none yet.
        subject: Any = where.subject
        operation = subject.operation if isinstance(subject, Subject) else None
        with blaming(operation):
            value = task(where, *args)
    except Exception as error:  # noqa: BLE001 - it is told by the parent
        return Answer(number, raised=error)
    except BaseException as error:  # noqa: BLE001 - nobody interrupts a worker but its subject
        return Answer(number, raised=TargetError(f"the code of the target raised {explain(error)}"))
    return Answer(
        number,
        value,
        is_last=guard.is_spoiled,
        longest=guard.longest_first,
        shapes=guard.shapes,
    )


def _tell(connection: Connection, page: Page, folder: str, news: Any) -> None:
    _send(connection, Answer(page.at.task, news, is_news=True), folder)


def _loaded(load: Load, guard: Guard, caught: Caught) -> Bench:
    """The bench with the subject; settings that its import changed are put back."""
    before, known = Snapshot.taken(of_import=True), set(sys.modules)
    try:
        subject = load()
    finally:
        changed = before.put_back()
    notes = [*told_of_loading(changed, known)]
    caught.flush()
    for descriptor, where in ((1, "standard output"), (2, "standard error")):
        written = caught.taken(descriptor).strip()
        if written:
            first = written.partition("\n")[0][:_TOLD]
            notes.append(f"loading it wrote {first!r} to the {where}")
    # What was inherited is shared with the parent until a garbage collection writes its marks.
    gc.freeze()
    keep_freed_memory()
    return Bench(subject, guard, tuple(notes))


def _send(connection: Connection, answer: Answer, folder: str) -> None:
    if answer.raised is not None:
        answer = Answer(answer.number, raised=travelling(answer.raised))
    try:
        send(connection, answer, folder)
    except OSError:
        # Nobody is there any more.
        os._exit(0)
    except Exception as error:  # noqa: BLE001 - a bug of bpcheck's, told as one
        send(connection, Answer(answer.number, raised=travelling(error)), folder)


def travelling(error: BaseException) -> BaseException:
    """The error, or one like it that can be pickled, with the traceback that cannot."""
    trace = "".join(traceback.format_exception(error))
    try:
        if type(pickle.loads(pickle.dumps(error))) is not type(error):  # noqa: S301 - our own
            raise TypeError  # noqa: TRY301 - as if it could not be pickled
    except Exception:  # noqa: BLE001 - whatever keeps it from travelling
        kind = BpcheckError if isinstance(error, BpcheckError) else RuntimeError
        name = "" if kind is BpcheckError else f"{name_of(type(error))}: "  # type: ignore[arg-type]
        error = kind(f"{name}{error}")
    error.add_note(f"In a worker process:\n{trace}")
    return error
