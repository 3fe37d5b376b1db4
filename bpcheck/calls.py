"""Calling a subject's code: what it returned, raised and printed, as a value."""

from __future__ import annotations

import contextlib
import io
import re
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bpcheck.errors import Unsupported

#: An exception that means a refusal: its type, or the name of that.
Refusal = type[Exception] | str


#: The filter that ``warnings.simplefilter("ignore")`` puts before all others.
_IGNORED = ("ignore", None, Warning, None, 0)

#: What NumPy does about floating-point errors where the harness itself is not at work.
_FOR_SUBJECTS: ContextVar[Mapping[str, Any]] = ContextVar("_FOR_SUBJECTS", default={})  # noqa: B039 - never changed


@contextlib.contextmanager
def own_arithmetic() -> Iterator[None]:
    """Work in which the harness's own numbers warn of nothing, and raise nothing.

    They overflow and become NaN where those of a subject do, which its findings tell. What a module
    of the user's has set for all (``np.seterr(all="raise")``, ``-W error``) holds in the subject's
    code alone.
    """
    outside = _FOR_SUBJECTS.get() or np.geterr()
    token = _FOR_SUBJECTS.set(outside)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _FOR_SUBJECTS.reset(token)


def without_warnings() -> contextlib.AbstractContextManager[object]:
    """Nothing warns meanwhile; nothing is done where nothing does anyway.

    To put filters back costs as much as a small kernel, and leaves all caches of them stale.
    """
    if warnings.filters and warnings.filters[0] == _IGNORED:
        return contextlib.nullcontext()
    return warnings.catch_warnings(action="ignore")


@dataclass(frozen=True, slots=True)
class Call:
    """How one call of a subject's function ended.

    Parameters
    ----------
    value
        What it returned; ``None`` if it raised.
    raised
        ``TypeError: message (file.py:12)`` if it raised, else ``""``.
    error
        The same also where what it raised is a refusal.
    exception
        The exception without its message, by which it is known again: ``TypeError (file.py:12)``.
    unsupported
        The reason, if what it raised says that it does not claim the case, else ``""``.
    is_claimed
        Whether that is one of the exceptions that the subject claims for refusals.
    printed
        What it wrote to the standard output.
    """

    value: Any = None
    raised: str = ""
    error: str = ""
    exception: str = ""
    unsupported: str = ""
    is_claimed: bool = False
    printed: str = ""

    @property
    def returned(self) -> bool:
        """Whether it came back with a value."""
        return not (self.raised or self.unsupported)


class ElsewhereError(Exception):
    """How a call ended that another process made.

    Parameters
    ----------
    ended
        That call; what it returned has stayed there, unless it is plain.
    """

    def __init__(self, ended: Call):
        super().__init__(ended.raised or ended.unsupported)
        self.ended = ended


class Observer(Protocol):
    """Who is told of each call of a subject's code in this process.

    Attributes
    ----------
    is_alone
        Whether nothing but the subject's code can raise `KeyboardInterrupt` here.
    """

    is_alone: bool

    def begin(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """The function is about to be called."""
        ...

    def end(self) -> None:
        """It came back, or raised."""
        ...


#: Who observes this process now, the last one alone. A call may lie anywhere below a check, and
#: checks are told of nothing but their trial.
_observers: list[Observer] = []


@contextlib.contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Tell `observer` of all calls meanwhile."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def forget_observers() -> None:
    """Tell nobody any more, in a process that is a copy of another one."""
    _observers.clear()


def call(
    function: Callable[..., Any], *args: Any, refusals: Sequence[Refusal] = (), **kwargs: Any
) -> Call:
    """Call `function`; nothing that it raises gets out, save what interrupts the whole run.

    `refusals` are exceptions, by type or name, that mean what `Unsupported` means.

    Examples
    --------
    >>> call(lambda: 1).value
    1
    >>> call(int, "one").raised
    "ValueError: invalid literal for int() with base 10: 'one'"
    >>> call(int, "one", refusals=["ValueError"]).unsupported
    "ValueError: invalid literal for int() with base 10: 'one'"
    """
    out = _Output()
    try:
        with (
            contextlib.redirect_stdout(out),
            warnings.catch_warnings(),
            np.errstate(**_FOR_SUBJECTS.get()),
        ):
            # Overflow warnings of a subject would be reported by its numbers.
            warnings.simplefilter("ignore")
            value = _observed_call(function, args, kwargs)
    except ElsewhereError as elsewhere:
        return elsewhere.ended
    except BaseException as error:  # SystemExit of a subject is a finding too
        if isinstance(error, KeyboardInterrupt) and not (_observers and _observers[-1].is_alone):
            raise
        claimed = next((each for each in refusals if _is(error, each)), None)
        if claimed is not None:
            why = f"{name_of(claimed)}: {_text(error)}".removesuffix(": ")
            return _ended(error, out, unsupported=why, is_claimed=True)
        if isinstance(error, (Unsupported, NotImplementedError)):
            place = _place(error)
            why = _text(error) or f"{type(error).__name__}{f' at {place}' if place else ''}"
            return _ended(error, out, unsupported=why)
        return _ended(error, out)
    return Call(value=value, printed=out.getvalue())


def _observed_call(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    if not _observers:
        return function(*args, **kwargs)
    observer = _observers[-1]
    observer.begin(function, args, kwargs)
    try:
        return function(*args, **kwargs)
    finally:
        observer.end()


def name_of(refusal: Refusal) -> str:
    """The name of an exception that is given by type or name."""
    return refusal if isinstance(refusal, str) else refusal.__name__


def _is(error: BaseException, refusal: Refusal) -> bool:
    """Whether `error` is of a type, or of one of that name or ``module.name``."""
    if not isinstance(refusal, str):
        return issubclass(type(error), refusal)
    kinds = type(error).__mro__
    return any(
        refusal in (kind.__name__, f"{kind.__module__}.{kind.__qualname__}") for kind in kinds
    )


class _Output(io.StringIO):
    """What is printed; a subject that closes it closes nothing."""

    def close(self) -> None:
        """Stay open."""


def _ended(
    error: BaseException, out: _Output, *, unsupported: str = "", is_claimed: bool = False
) -> Call:
    """The call that an error has ended, with the place in the user's own code that it came from."""
    place = _place(error)
    where = f" ({place})" if place else ""
    name, message = type(error).__name__, _text(error).strip().split("\n")[0]
    told = f"{name}{': ' if message else ''}{message}"
    return Call(
        raised="" if unsupported else told + where,
        error=told + where,
        # Numbers in a message are those of the case; without a place it is all that tells.
        exception=name + where if where else re.sub(r"\d+", "#", told),
        unsupported=unsupported,
        is_claimed=is_claimed,
        printed=out.getvalue(),
    )


def _place(error: BaseException) -> str:
    """The line of the user's own code that raised it; nothing if none is known."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame)]
    return f"{_shorten(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def _text(error: BaseException) -> str:
    """What the error says; nothing if not even that can be found out."""
    try:
        return str(error)
    except BaseException as another:  # User code, which may exit here too.
        if isinstance(another, KeyboardInterrupt) and not (_observers and _observers[-1].is_alone):
            raise
        return ""


def _is_users(frame: traceback.FrameSummary) -> bool:
    """Whether a frame is neither ours nor an installed library's."""
    own = Path(__file__).parent
    return "site-packages" not in frame.filename and own not in Path(frame.filename).parents


def _shorten(filename: str) -> str:
    """The path from here, where it lies below."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename
