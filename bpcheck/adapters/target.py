"""From the text of a target to a subject: what it names, through the adapter of its style."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from bpcheck.adapters.claims import claims_among
from bpcheck.errors import TargetError, UsageError
from bpcheck.imports import find
from bpcheck.operations import Operation
from bpcheck.subject import Subject

#: The styles whose target is the path of a file that Python does not import.
PATHS = ("ctypes",)

#: No declaration.
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Adapter(Protocol):
    """Makes a subject of what a target names."""

    def __call__(
        self,
        target: Any,
        *,
        operation: Operation,
        name: str,
        dtypes: tuple[str, ...],
        words: Mapping[str, Any] = NOTHING,
    ) -> Subject: ...


def load_with(
    adapters: Mapping[str, Adapter],
    target: str,
    *,
    operation: Operation,
    style: str,
    words: Mapping[str, Any],
    dtypes: tuple[str, ...],
    directory: Path | None,
) -> Subject:
    """See `bpcheck.adapters.load`; `adapters` holds the adapter of each style."""
    adapter = adapters.get(style)
    if adapter is None:
        close = get_close_matches(style, adapters, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise UsageError(f"style {style!r}: no such style; {hint}there are {', '.join(adapters)}")
    directory = directory or Path.cwd()
    # A library is no module: its path is all that there is to find.
    found = str(directory / target) if style in PATHS else find(target, directory=directory)
    claims, words = claims_among(words)
    if not isinstance(found, Subject):
        made = adapter(found, operation=operation, name=target, dtypes=dtypes, words=words)
        return made.claiming(claims)
    if found.operation != operation:
        raise TargetError(
            f"{target} is a Subject of {found.operation}, and {operation} was asked for; "
            f"check {found.operation}, or change its operation"
        )
    return found.claiming(claims)
