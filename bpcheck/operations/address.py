"""The address of an operation: what it compares, pickles and is written by."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_MAIN = "__main__"


def address_of(thing: Any) -> str | None:
    """``module:attribute`` of a module's global that is `thing`; ``None`` if there is none.

    Examples
    --------
    >>> import string
    >>> address_of(string.digits)
    'string:digits'
    """
    for name, module in _modules(type(thing).__module__):
        for attribute, value in list(vars(module).items()):
            if value is thing:
                return f"{name}:{attribute}"
    return None


def loaded_at(address: str) -> Any | None:
    """What an address names in the modules that are imported; ``None`` if they do not have it."""
    name, _, attribute = address.partition(":")
    main = sys.modules.get(_MAIN)
    # A script that is running is not imported a second time, under its own name.
    is_main = main is not None and name == _own_name(main)
    module = main if is_main else sys.modules.get(name)
    return getattr(module, attribute, None)


def _modules(first: str) -> Iterator[tuple[str, ModuleType]]:
    """All modules by the names that others import them by, that of the class first."""
    for name, module in sorted(sys.modules.items(), key=lambda each: each[0] != first):
        if not isinstance(module, ModuleType):
            continue
        importable = _own_name(module) if name == _MAIN else name
        if importable:
            yield importable, module


def _own_name(main: ModuleType) -> str:
    """The name by which the module that is run as a script can be imported."""
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(f".{_MAIN}")
    file = getattr(main, "__file__", None)
    return Path(file).stem if file else ""
