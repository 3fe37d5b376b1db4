"""Settings of the whole process that a call may change: read, compared, and put back."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from bpcheck.imports.interpreters import ENVIRONMENT as INTERPRETERS


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name in reports, and how it is read and put back.

    `reads` gives what can be compared with ``==``; what it gave is what `put_back` takes.
    """

    name: str
    read: Callable[[], Any]
    put_back: Callable[[Any], object]
    #: Whether the values say something to a person.
    is_told: bool = True


#: Variables that libraries set for themselves when they are first used.
_OF_LIBRARIES = ("TORCH", "TPU_", "TRITON", "JAX", "XLA", "TF_", "CUDA", "KMP_", "PADDLE", "NUMBA")

#: Limits that would end or hinder what comes after; Windows has none.
_LIMITS = ("NOFILE", "AS", "DATA", "STACK", "CPU", "FSIZE")

#: Signals whose handlers are looked at: those that end a program, or that kernels have met.
_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGALRM", "SIGFPE")
    if hasattr(signal, name)
)

#: What the smallest number of float64 is where subnormals are kept.
_TINIEST = np.array([5e-324])


def _limits() -> tuple[tuple[int, tuple[int, int]], ...]:
    try:
        import resource
    except ImportError:
        return ()
    known = (getattr(resource, f"RLIMIT_{name}", None) for name in _LIMITS)
    return tuple((each, resource.getrlimit(each)) for each in known if each is not None)


def _put_back_limits(before: tuple[tuple[int, tuple[int, int]], ...]) -> None:
    import resource

    for limit, each in before:
        # What was given up for good is not to be had again.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, each)


def _cwd() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - a path object is not needed
    except OSError:
        return ""


def _environment() -> dict[str, str]:
    # What `os.environ` keeps, which is quicker to copy than what it makes of that.
    return dict(getattr(os.environ, "_data", os.environ))


def _put_back_environment(before: dict[str, str]) -> None:
    told = {os.fsdecode(name): os.fsdecode(value) for name, value in before.items()}
    # Interpreters are asked for, and read what switches them on in later calls too.
    for name in set(os.environ) - set(told) - set(INTERPRETERS):
        del os.environ[name]
    os.environ.update({name: told[name] for name in set(told) - set(INTERPRETERS)})


def _handlers() -> tuple[Any, ...]:
    return tuple(signal.getsignal(each) for each in _SIGNALS)


def _put_back_handlers(before: tuple[Any, ...]) -> None:
    for number, handler in zip(_SIGNALS, before, strict=True):
        # What C installed is not known to Python, and cannot be put back by it.
        if handler is not None and signal.getsignal(number) is not handler:
            with contextlib.suppress(ValueError, OSError):
                signal.signal(number, handler)


#: Bytes of the state of NumPy's generator for `np.random.seed`: 624 words and a position.
_STATE = 624 * 4 + 4


def _generator() -> Any:
    return np.random.get_bit_generator()  # type: ignore[attr-defined]


def _legacy_random() -> bytes:
    return ctypes.string_at(_generator().ctypes.state_address, _STATE)


def _put_back_legacy_random(before: bytes) -> None:
    ctypes.memmove(_generator().ctypes.state_address, before, _STATE)


#: Bytes of the state of Python's generator: a position and 624 words.
_PYTHON_STATE = 4 + 624 * 4


def _python_random() -> Any:
    """The state of `random`: its bytes where they lie as expected, which are read at once.

    What `random.getstate` makes of them, a tuple of 625 numbers, costs more than a small kernel.
    """
    if not _has_plain_state():
        return random.getstate()
    own: Any = random._inst  # noqa: SLF001
    return ctypes.string_at(_address(own), _PYTHON_STATE), own.gauss_next


def _put_back_python_random(before: Any) -> None:
    if not _has_plain_state():
        random.setstate(before)
        return
    own: Any = random._inst  # noqa: SLF001
    state, own.gauss_next = before
    ctypes.memmove(_address(own), state, _PYTHON_STATE)


def _address(own: object) -> int:
    """Where the state begins: right behind what every object begins with."""
    return id(own) + object.__basicsize__


@cache
def _has_plain_state() -> bool:
    """Whether the state lies in memory as CPython has kept it since 2.3."""
    own: Any = getattr(random, "_inst", None)
    if sys.implementation.name != "cpython" or type(own).__basicsize__ < _PYTHON_STATE:
        return False
    *words, position = random.getstate()[1]
    lies = np.frombuffer(ctypes.string_at(_address(own), _PYTHON_STATE), np.uint32)
    return lies.tolist() == [position, *words]


def _put_back_filters(before: list[Any]) -> None:
    warnings.filters[:] = before  # type: ignore[index]
    # The module remembers what a filter once said of a line.
    warnings._filters_mutated()  # type: ignore[attr-defined]  # noqa: SLF001


_OF_PYTHON = (
    Setting("NumPy's random state", _legacy_random, _put_back_legacy_random, is_told=False),
    Setting("Python's random state", _python_random, _put_back_python_random, is_told=False),
    Setting("the current directory", _cwd, lambda before: os.chdir(before or ".")),
    Setting("the environment", _environment, _put_back_environment, is_told=False),
    Setting("the limits of resources", _limits, _put_back_limits, is_told=False),
    Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Setting("signal handlers", _handlers, _put_back_handlers, is_told=False),
)

#: Looked at around an import alone: around each call, those of the harness are in force.
_OF_IMPORTS = (
    Setting(
        "the warnings filters", lambda: list(warnings.filters), _put_back_filters, is_told=False
    ),
    Setting("NumPy's error state", np.geterr, lambda before: np.seterr(**before)),
)


def settings_around_a_call() -> dict[str, Any]:
    """Settings that a call finds as the harness has put them, by name; they end with it."""
    return {"NumPy's error state": np.geterr(), "the warnings filters": list(warnings.filters)}


@cache
def _of_torch() -> tuple[Setting, ...]:
    """Torch's settings; to be asked for only where torch is loaded."""
    import torch

    def random_state() -> bytes:
        return torch.get_rng_state().numpy().tobytes()

    def put_back_random_state(before: bytes) -> None:
        torch.set_rng_state(torch.frombuffer(bytearray(before), dtype=torch.uint8))

    return (
        Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
        Setting("torch's grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
        Setting(
            "torch's anomaly mode",
            torch.is_anomaly_enabled,
            torch.autograd.set_detect_anomaly,
        ),
        Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
        Setting(
            "torch's deterministic algorithms",
            torch.are_deterministic_algorithms_enabled,
            torch.use_deterministic_algorithms,
        ),
        Setting("torch's random state", random_state, put_back_random_state, is_told=False),
        Setting(
            "the processor's handling of subnormals",
            lambda: "kept" if (_TINIEST * 1.0)[0] else "flushed to 0",
            lambda before: torch.set_flush_denormal(before != "kept"),
        ),
    )


def _settings(*, of_import: bool) -> tuple[Setting, ...]:
    first = (*_OF_IMPORTS, *_OF_PYTHON) if of_import else _OF_PYTHON
    # Last, since it may be loaded meanwhile.
    return (*first, *_of_torch()) if "torch" in sys.modules else first


def quick_settings() -> tuple[Any, ...]:
    """Those that would change what is computed between two calls, and cost next to nothing."""
    torch = sys.modules.get("torch")
    if torch is None:
        return ()
    return (torch.is_grad_enabled(), torch.get_default_dtype())


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What all settings were at one moment.

    Examples
    --------
    >>> before = Snapshot.taken(of_import=True)
    >>> _ = np.seterr(over="raise")
    >>> before.put_back()
    ("NumPy's error state (over: 'warn' to 'raise')",)
    >>> before.put_back()
    ()
    """

    values: tuple[Any, ...]
    of_import: bool = False

    @classmethod
    def taken(cls, *, of_import: bool = False) -> Snapshot:
        """What the settings are now; `of_import` adds those of the harness around a call."""
        values = tuple(each.read() for each in _settings(of_import=of_import))
        return cls(values, of_import)

    def put_back(self) -> tuple[str, ...]:
        """Put back what has changed, and say what that was."""
        changed = []
        # Settings of torch that were loaded meanwhile have no earlier value.
        for setting, before in zip(_settings(of_import=self.of_import), self.values, strict=False):
            now = setting.read()
            if now == before:
                continue
            setting.put_back(before)
            told = _difference(setting, before, now)
            if told:
                changed.append(told)
        return tuple(changed)


def _difference(setting: Setting, before: Any, now: Any) -> str:
    """``torch's grad mode (True to False)``; ``""`` for what a library does for itself."""
    if setting.name == "the environment":
        changed = [name for name in {*before, *now} if before.get(name) != now.get(name)]
        told = sorted((os.fsdecode(name), name in before) for name in changed)
        told = [(name, is_old) for name, is_old in told if name not in INTERPRETERS]
        own = [name for name, is_old in told if is_old or not name.startswith(_OF_LIBRARIES)]
        return f"the environment ({', '.join(own)})" if own else ""
    if setting.name == "signal handlers":
        names = [
            number.name
            for number, one, other in zip(_SIGNALS, before, now, strict=True)
            if one is not other
        ]
        return f"signal handlers ({', '.join(names)})"
    if not setting.is_told:
        return setting.name
    if isinstance(before, dict):
        pairs = [
            f"{key}: {old!r} to {now[key]!r}" for key, old in before.items() if now[key] != old
        ]
        return f"{setting.name} ({', '.join(pairs)})"
    return f"{setting.name} ({before!r} to {now!r})"
