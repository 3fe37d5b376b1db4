"""What is told of settings that the loading of a subject has changed."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Collection, Iterable
from pathlib import Path


def told_of_loading(changed: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """A note for each setting; whose doing it was cannot be told where libraries were loaded too.

    `known` are the names of the modules that there were before.

    Examples
    --------
    >>> told_of_loading(["the working directory"], set(sys.modules))
    ('loading it changed the working directory; that was put back',)
    """
    who = "it, or a library that it imports," if _loaded_libraries(known) else "it"
    return tuple(f"loading {who} changed {each}; that was put back" for each in changed)


def _loaded_libraries(known: Collection[str]) -> bool:
    """Whether installed modules were loaded that were not there before."""
    installed = [Path(sysconfig.get_path(each)) for each in ("purelib", "platlib")]
    files = (getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) - set(known))
    return any(
        folder in Path(file).parents
        for file in files
        if isinstance(file, str)
        for folder in installed
    )
