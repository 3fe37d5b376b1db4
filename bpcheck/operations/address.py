"""The address of an operation: what it compares, pickles and is written by."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

#: Under which names a script runs: its own process's, and that of a worker which starts afresh.
_MAINS = ("__main__", "__mp_main__")


def address_of(thing: Any) -> str | None:
    """``module:attribute`` of a module's global that is `thing`; ``None`` if there is none.

    Examples
    --------
    >>> import string
    >>> address_of(string.digits)
    'string:digits'
    """
    # What is made of a function is at home where that is.
    home = getattr(thing, "home", "") or type(thing).__module__
    for name, module in _modules(home):
        for attribute, value in list(vars(module).items()):
            if value is thing:
                return f"{name}:{attribute}"
    return None


def loaded_at(address: str) -> Any | None:
    """What an address names in the modules that are imported; ``None`` if they do not have it.

    Examples
    --------
    >>> import string
    >>> loaded_at("string:digits"), loaded_at("string:Formatter.format") is string.Formatter.format
    ('0123456789', True)
    """
    name, _, attributes = address.partition(":")
    for module in _named(name):
        try:
            return reduce(getattr, attributes.split("."), module)
        except Exception:  # noqa: BLE001, S112 - user code; who imports it anew is told what it says
            continue
    return None


def globals_there_are() -> int:
    """How many there are in all modules: as long as it stays, a search finds what it found."""
    return sum(len(vars(each)) for each in list(sys.modules.values()) if hasattr(each, "__dict__"))


def _named(name: str) -> Iterator[ModuleType]:
    main = sys.modules.get(_MAINS[0])
    # A script that is running is not imported a second time, under its own name.
    if main is not None and name == _own_name(main):
        yield main
    if name in sys.modules:
        yield sys.modules[name]


def _modules(first: str) -> Iterator[tuple[str, ModuleType]]:
    """All modules by the names that others import them by, the `first` one first."""
    for name, module in sorted(sys.modules.items(), key=lambda each: each[0] != first):
        if not isinstance(module, ModuleType):
            continue
        importable = _own_name(module) if name in _MAINS else name
        if importable:
            yield importable, module


def _own_name(main: ModuleType) -> str:
    """The name by which the module that is run as a script can be imported; empty for none."""
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    # Neither an interactive session nor ``python -c`` has a file that others could import.
    file = getattr(main, "__file__", None)
    return Path(file).stem if file else ""
